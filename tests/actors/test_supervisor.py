import logging
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import anyio
import pytest

from daemon.actors.supervisor import PATIENT, RestartPolicy, Supervisor
from daemon.actors.vitals import State
from daemon.errors import (
    ActorKilled,
    ConfigurationError,
    RestartsExhausted,
    SegueError,
    StoreUnavailable,
)
from tests.clock import VIRTUAL, LoopClock

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", [VIRTUAL])]

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
BEGAN_AT = int(BEGAN.timestamp() * 1000)


def supervisor(
    failed: Callable[[str, Exception], None] = lambda _n, _e: None, **policy: float
) -> Supervisor:
    return Supervisor(
        RestartPolicy(
            budget=int(policy.pop("budget", 5)),
            window=policy.pop("window", 60.0),
            first=policy.pop("first", 0.2),
            longest=policy.pop("longest", 15.0),
        ),
        random.Random(7),
        LoopClock(BEGAN),
        failed,
    )


class Flaky:
    """Fails a second into each run that `fail_at` names; the other runs end."""

    name = "flaky"

    def __init__(self, fail_at: set[int], error: Exception | None = None) -> None:
        self.fail_at, self.error, self.runs = fail_at, error, 0

    async def run(self, *, ready: Callable[[], None]) -> None:
        self.runs += 1
        ready()
        await anyio.sleep(1)
        if self.runs in self.fail_at:
            raise self.error or ValueError(self.runs)


class Lasting:
    """Runs until it is ended; counts how often it began."""

    def __init__(self, name: str) -> None:
        self.name, self.runs = name, 0

    async def run(self, *, ready: Callable[[], None]) -> None:
        self.runs += 1
        ready()
        await anyio.sleep_forever()


async def test_a_failing_actor_is_restarted_until_it_finishes() -> None:
    actor, seen = Flaky({1, 2}), list[str]()
    await supervisor(lambda name, error: seen.append(f"{name} {error}")).supervise(actor)
    assert (actor.runs, seen) == (3, ["flaky 1", "flaky 2"])


async def test_every_restart_is_logged_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        await supervisor().supervise(Flaky({1}))
    assert [(r.message, r.exc_info is not None) for r in caplog.records] == [
        ("actor flaky failed (1 in window), restarting", True)
    ]


async def test_past_its_budget_the_supervisor_gives_up() -> None:
    actor = Flaky(set(range(99)))
    with pytest.raises(RestartsExhausted, match=r"actor flaky failed 4 times in 60 s: 4") as caught:
        await supervisor(budget=3).supervise(actor)
    assert actor.runs == 4
    assert isinstance(caught.value.__cause__, ValueError)


async def test_failures_far_apart_never_exhaust_the_budget() -> None:
    class Slow(Flaky):
        async def run(self, *, ready: Callable[[], None]) -> None:
            await anyio.sleep(120)
            await super().run(ready=ready)

    class Started(Slow):
        async def run(self, *, ready: Callable[[], None]) -> None:
            ready()
            await super().run(ready=ready)

    actor = Started(set(range(1, 50)))
    await supervisor(budget=1).supervise(actor)
    assert actor.runs == 50
    assert anyio.current_time() > 6000


async def test_waits_double_with_full_jitter_up_to_the_longest() -> None:
    policy, rng = RestartPolicy(first=0.5, longest=8), random.Random(1)
    longest = [max(policy.delay(n, rng) for _ in range(400)) for n in range(1, 8)]
    shortest = [min(policy.delay(n, rng) for _ in range(400)) for n in range(1, 8)]
    assert longest == pytest.approx([0.5, 1, 2, 4, 8, 8, 8], rel=0.05)
    assert all(short < 0.05 * long for short, long in zip(shortest, longest, strict=True))
    assert policy.delay(10_000, rng) <= 8


async def test_a_failure_before_ready_is_a_failure_to_start() -> None:
    class Never:
        name, runs = "never", 0

        async def run(self, *, ready: Callable[[], None]) -> None:
            self.runs += 1
            raise OSError("port in use")

    actor = Never()
    with pytest.raises(ExceptionGroup) as caught:
        async with anyio.create_task_group() as group:
            await group.start(supervisor().supervise, actor)
    assert actor.runs == 1
    assert caught.group_contains(
        RestartsExhausted, match="actor never could not start: port in use"
    )


async def test_starting_waits_until_the_actor_is_ready() -> None:
    class Late(Lasting):
        async def run(self, *, ready: Callable[[], None]) -> None:
            await anyio.sleep(3)
            await super().run(ready=ready)

    async with anyio.create_task_group() as group:
        await group.start(supervisor().supervise, Late("late"))
        assert anyio.current_time() == 3
        group.cancel_scope.cancel()


@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError("no key"),
        ExceptionGroup("one", [ConfigurationError("no key")]),
        ExceptionGroup("deep", [ValueError(), ExceptionGroup("in", [ConfigurationError("no")])]),
    ],
)
async def test_a_configuration_error_is_not_retried_wherever_it_hides(error: Exception) -> None:
    actor = Flaky({1, 2, 3}, error)
    with pytest.raises(type(error)) as caught:
        await supervisor().supervise(actor)
    assert (actor.runs, caught.value) == (1, error)


async def test_another_error_within_a_group_is_retried() -> None:
    actor = Flaky({1, 2}, ExceptionGroup("one", [ValueError()]))
    await supervisor().supervise(actor)
    assert actor.runs == 3


async def test_being_cancelled_is_no_failure() -> None:
    seen: list[Exception] = []
    ours, actor = supervisor(lambda _name, error: seen.append(error)), Lasting("l")
    with anyio.move_on_after(10) as scope:
        await ours.supervise(actor)
    assert scope.cancelled_caught
    assert (seen, actor.runs, ours.kill("l")) == ([], 1, False)


async def test_killing_one_actor_restarts_only_that_one() -> None:
    seen: list[tuple[str, type[Exception]]] = []
    ours = supervisor(lambda name, error: seen.append((name, type(error))))
    actors = [Lasting(name) for name in "abc"]
    async with anyio.create_task_group() as group:
        for actor in actors:
            await group.start(ours.supervise, actor)
        assert ours.kill("b")
        await anyio.sleep(1)
        assert [actor.runs for actor in actors] == [1, 2, 1]
        assert [v.restarts for v in ours.vitals()] == [0, 1, 0]
        assert seen == [("b", ActorKilled)]
        group.cancel_scope.cancel()


async def test_only_what_runs_can_be_killed() -> None:
    ours = supervisor(first=10)
    async with anyio.create_task_group() as group:
        await group.start(ours.supervise, Lasting("a"))
        assert not ours.kill("z")
        assert ours.kill("a")
        await anyio.sleep(0.001)
        assert [v.state for v in ours.vitals()] == [State.WAITING]
        assert not ours.kill("a"), "it waits for its restart"
        group.cancel_scope.cancel()


async def test_being_killed_too_often_exhausts_the_budget_as_any_failure_does() -> None:
    ours = supervisor(budget=2, first=0.001)

    async def kill_thrice() -> None:
        async with anyio.create_task_group() as group:
            await group.start(ours.supervise, Lasting("a"))
            for _ in range(3):
                ours.kill("a")
                await anyio.sleep(1)

    with pytest.raises(ExceptionGroup) as caught:
        await kill_thrice()
    assert caught.group_contains(RestartsExhausted)


async def test_a_kill_while_all_is_cancelled_does_not_hold_up_the_end() -> None:
    ours = supervisor()
    async with anyio.create_task_group() as group:
        await group.start(ours.supervise, Lasting("a"))
        ours.kill("a")
        group.cancel_scope.cancel()
    assert anyio.current_time() == 0


async def test_vitals_tell_state_restarts_progress_and_depth() -> None:
    ours, actor = supervisor(), Flaky({1})
    beat = ours.progress("flaky")
    assert [(v.state, v.started_at) for v in ours.vitals()] == [(State.STARTING, None)]
    async with anyio.create_task_group() as group:

        async def supervise() -> None:
            await ours.supervise(actor, depth=lambda: 17)

        group.start_soon(supervise)
        await anyio.sleep(0.5)
        beat()
        (first,) = ours.vitals()
        assert (first.state, first.restarts, first.depth) == (State.RUNNING, 0, 17)
        assert (first.started_at, first.progress_at) == (BEGAN_AT, BEGAN_AT + 500)
        await anyio.sleep(1.4)
        (second,) = ours.vitals()
        assert (second.state, second.restarts, second.last_error) == (
            State.RUNNING,
            1,
            "ValueError",
        )
        assert second.started_at is not None
        assert second.started_at >= BEGAN_AT + 1000
    assert ours.vitals()[0].state is State.FINISHED


async def test_the_tree_of_errors_holds_what_the_supervisor_raises() -> None:
    assert issubclass(ActorKilled, SegueError)
    assert not issubclass(ActorKilled, ConfigurationError)


def patient(budget: int = 2) -> RestartPolicy:
    return replace(PATIENT, budget=budget)


class Hopeless:
    """Fails as soon as it is run."""

    name = "hopeless"

    def __init__(self, *, ready_first: bool) -> None:
        self.runs, self._ready_first = 0, ready_first

    async def run(self, *, ready: Callable[[], None]) -> None:
        self.runs += 1
        if self._ready_first:
            ready()
        raise ValueError(self.runs)


@pytest.mark.parametrize("ready_first", [True, False])
async def test_what_need_not_end_the_process_is_tried_less_and_less_often_for_ever(
    ready_first: bool,
) -> None:
    ours, actor, other = supervisor(), Hopeless(ready_first=ready_first), Lasting("other")
    async with anyio.create_task_group() as group:
        with anyio.fail_after(1):
            await group.start(partial(ours.supervise, policy=patient()), actor)
        await group.start(ours.supervise, other)
        await anyio.sleep(86_400)
        assert 150 < actor.runs < 600
        assert other.runs == 1
        assert ours.keeps_failing("hopeless")
        assert not ours.keeps_failing("other")
        vitals = {each.name: each for each in ours.vitals()}
        assert vitals["hopeless"].state is State.FAILING
        assert vitals["hopeless"].last_error == "ValueError"
        group.cancel_scope.cancel()


async def test_that_it_keeps_failing_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with anyio.create_task_group() as group:
            work = partial(supervisor().supervise, policy=patient())
            await group.start(work, Hopeless(ready_first=True))
            await anyio.sleep(86_400)
            group.cancel_scope.cancel()
    assert [(record.levelname, record.message.partition(" (")[0]) for record in caplog.records] == [
        ("ERROR", "actor hopeless failed"),
        ("ERROR", "actor hopeless failed"),
        ("CRITICAL", "actor hopeless keeps failing"),
    ]
    assert caplog.records[-1].exc_info is not None


async def test_a_long_run_makes_good_for_the_failures_before_it() -> None:
    class Recovering(Lasting):
        async def run(self, *, ready: Callable[[], None]) -> None:
            self.runs += 1
            ready()
            await anyio.sleep(61 if self.runs % 3 == 0 else 0)
            raise ValueError

    ours, actor, seen = supervisor(), Recovering("r"), set[State]()
    async with anyio.create_task_group() as group:
        await group.start(partial(ours.supervise, policy=patient(budget=3)), actor)
        while actor.runs < 40:
            await anyio.sleep(0.05)
            seen.add(ours.vitals()[0].state)
        group.cancel_scope.cancel()
    assert seen == {State.RUNNING, State.WAITING}


async def test_a_configuration_error_ends_even_what_need_not_end_the_process() -> None:
    with pytest.raises(ConfigurationError):
        await supervisor().supervise(Flaky({1}, ConfigurationError("no key")), policy=patient())


async def test_a_store_that_is_away_costs_no_restarts_and_ends_nothing() -> None:
    away = ExceptionGroup("turn", [StoreUnavailable("the store is unavailable: disk full")])
    actor = Flaky(set(range(1, 40)), away)
    overseer = supervisor(budget=2)
    await overseer.supervise(actor)
    assert actor.runs == 40
    assert [each.state for each in overseer.vitals()] == [State.FINISHED]


async def test_a_fault_of_ours_beside_an_outage_still_counts() -> None:
    both = ExceptionGroup("turn", [StoreUnavailable("away"), ValueError("ours")])
    actor = Flaky(set(range(1, 40)), both)
    with pytest.raises(RestartsExhausted):
        await supervisor(budget=2).supervise(actor)
    assert actor.runs == 3


async def test_a_store_that_is_away_from_the_start_is_a_failure_to_start() -> None:
    class Never:
        name = "never"

        async def run(self, *, ready: Callable[[], None]) -> None:
            raise StoreUnavailable("away")

    with pytest.raises(RestartsExhausted, match="actor never could not start: away"):
        await supervisor().supervise(Never())
