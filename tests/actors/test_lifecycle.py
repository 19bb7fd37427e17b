import os
import signal
import subprocess
import sys
import textwrap

import anyio
import pytest

from daemon.actors.lifecycle import Step, watch_signals, wind_down
from tests.clock import VIRTUAL

pytestmark = pytest.mark.anyio
on_virtual_time = pytest.mark.parametrize("anyio_backend", [VIRTUAL])


class Steps:
    """Steps that write down when they were taken."""

    def __init__(self) -> None:
        self.took: list[tuple[str, float]] = []

    def after(self, name: str, seconds: float, limit: float = 5) -> Step:
        async def stop() -> None:
            await anyio.sleep(seconds)
            self.took.append((name, anyio.current_time()))

        return Step(name, stop, limit)


async def _fail() -> None:
    raise RuntimeError("broken")


@on_virtual_time
async def test_steps_are_taken_in_order_each_after_the_one_before() -> None:
    steps = Steps()
    assert await wind_down([steps.after("a", 2), steps.after("b", 3)]) == []
    assert steps.took == [("a", 2), ("b", 5)]


@on_virtual_time
async def test_a_late_and_a_failing_step_do_not_stop_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    steps = Steps()
    late = await wind_down([steps.after("hang", 1e9), Step("boom", _fail, 5), steps.after("ok", 1)])
    assert (late, steps.took) == (["hang", "boom"], [("ok", 6)])
    assert [record.message for record in caplog.records] == [
        "shutdown step hang did not finish in 5s",
        "shutdown step boom did not finish in 5s",
    ]


@on_virtual_time
async def test_winding_down_is_shielded_from_cancellation() -> None:
    steps = Steps()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await wind_down([steps.after("slow", 2)])
    assert steps.took == [("slow", 2)]


async def test_the_first_signal_asks_and_the_second_presses() -> None:
    heard: list[tuple[str, signal.Signals]] = []
    once = anyio.Event()

    def first(number: signal.Signals) -> None:
        heard.append(("first", number))
        once.set()

    async with anyio.create_task_group() as group:
        await group.start(
            watch_signals,
            first,
            lambda number: heard.append(("second", number)),
        )
        os.kill(os.getpid(), signal.SIGTERM)
        with anyio.fail_after(5):
            await once.wait()
        os.kill(os.getpid(), signal.SIGINT)
    assert heard == [("first", signal.SIGTERM), ("second", signal.SIGINT)]


CHILD = textwrap.dedent("""
    import sys
    import anyio
    from daemon.actors.lifecycle import Step, watch_signals, wind_down

    async def main():
        asked = anyio.Event()
        async with anyio.create_task_group() as group:
            await group.start(watch_signals, lambda number: asked.set())
            print("up", flush=True)
            await asked.wait()
            print("draining", flush=True)
            await wind_down([Step("drain", lambda: anyio.sleep(float(sys.argv[1])), 30)])
            print("drained", flush=True)
            group.cancel_scope.cancel()

    anyio.run(main)
""")


def child(drain_seconds: float) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(drain_seconds)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_drains_after_one_signal(number: signal.Signals) -> None:
    with child(0.05) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        assert process.stdout.read() == "draining\ndrained\n"
        assert process.wait(10) == 0


def test_a_process_exits_at_once_on_the_second_signal_though_its_drain_is_shielded() -> None:
    with child(25) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "draining\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
        assert process.stdout.read() == ""
