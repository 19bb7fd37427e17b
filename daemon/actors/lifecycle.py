"""How the process ends: no new work, finish what was begun, then the store; each in its time.

The order is data. Each step has a limit, a late or failing step doesn't stop the next one, and
the whole is shielded from cancellation. The first SIGTERM or SIGINT asks for that; the second
leaves at once, which loses nothing that was accepted, for that is in the store.
"""

import logging
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
from anyio.abc import TaskStatus

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way down: `stop` asks, and is given `limit` seconds."""

    name: str
    stop: Callable[[], Awaitable[None]]
    limit: float


async def wind_down(steps: list[Step]) -> list[str]:
    """Take every step in order, whatever happens in one; return those that did not finish."""
    late: list[str] = []
    with anyio.CancelScope(shield=True):
        for step in steps:
            try:
                with anyio.fail_after(step.limit):
                    await step.stop()
            except Exception:
                log.exception("shutdown step %s did not finish in %gs", step.name, step.limit)
                late.append(step.name)
    return late


def exit_at_once(number: signal.Signals) -> None:
    """Leave without another line of ours being run, with the shell's code for a signal."""
    os._exit(128 + number)


async def watch_signals(
    first: Callable[[signal.Signals], None],
    second: Callable[[signal.Signals], None] = exit_at_once,
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Call `first` on the first SIGTERM or SIGINT and `second` on the next, then return.

    It must still run during `wind_down`, or the second signal goes unheard. Start it with
    `await group.start(watch_signals, first)`: once started, no signal is missed.
    """
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        task_status.started()
        asked = False
        async for number in received:
            if asked:
                second(signal.Signals(number))
                return
            asked = True
            first(signal.Signals(number))
