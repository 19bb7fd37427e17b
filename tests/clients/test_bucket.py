"""The token bucket: never above its rate, never starved, quick to step back from a 429."""

import heapq
import math
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.clients.bucket import LATENESS, RECOVERY, Budget, Rate
from daemon.domain.messages import MessageClass

LIVE, REPAIR = MessageClass.LIVE, MessageClass.REPAIR
RATES = st.sampled_from([Rate(5), Rate(10), Rate(100), Rate(3), Rate(5, 60), Rate(500), Rate(2.5)])


def _run(
    budget: Budget,
    seconds: float,
    askers: list[MessageClass],
    late: Callable[[], float] = lambda: 0.0,
) -> list[tuple[float, MessageClass]]:
    """Callers that want a token at all times, each asking again when it was told to."""
    asks = [(0.0, number) for number in range(len(askers))]
    taken = []
    while asks[0][0] <= seconds:
        now, number = heapq.heappop(asks)
        wait = budget.take(now, askers[number])
        if wait == 0.0:
            taken.append((now, askers[number]))
            heapq.heappush(asks, (now + 1e-4, number))
        else:
            heapq.heappush(asks, (now + wait + late(), number))
    return taken


def _most_in(times: list[float], window: float) -> int:
    most, first = 0, 0
    for last, time in enumerate(times):
        while times[first] < time - window:
            first += 1
        most = max(most, last - first + 1)
    return most


@settings(max_examples=60)
@given(RATES, st.lists(st.floats(0, 3), min_size=1, max_size=150), st.floats(0.01, 90))
def test_no_window_ever_holds_more_than_its_rate_and_one_burst(
    rate: Rate, gaps: list[float], window: float
) -> None:
    budget, now, times = Budget(rate), 0.0, []
    for gap in gaps:
        now += gap
        while budget.take(now) == 0.0:
            times.append(now)
    assert _most_in(times, window) <= 1 + rate.per_second * (window + LATENESS) + 1e-6


@pytest.mark.parametrize("rate", [Rate(5), Rate(10), Rate(100), Rate(500), Rate(5, 60)], ids=str)
def test_a_busy_lane_reaches_its_rate_though_it_wakes_late(rate: Rate) -> None:
    dice = Random(7)
    seconds = 400 / rate.per_second
    taken = _run(Budget(rate), seconds, [LIVE], lambda: dice.uniform(0, LATENESS / 2))
    assert len(taken) >= 0.97 * rate.per_second * seconds


def test_published_bulk_limits_are_used_to_more_than_95_percent_by_several_lanes() -> None:
    for rate in (Rate(5), Rate(10)):
        taken = _run(Budget(rate), 60, [LIVE] * 4, lambda: 0.004)
        assert 0.98 * 60 * rate.tokens <= len(taken) <= 60 * rate.tokens + 2


@settings(max_examples=25, deadline=None)
@given(RATES, st.integers(1, 8), st.integers(1, 4))
def test_repairs_get_their_share_and_no_more_while_live_calls_wait(
    rate: Rate, lanes: int, repairs: int
) -> None:
    seconds = 300 / rate.per_second
    taken = _run(Budget(rate), seconds, [LIVE] * lanes + [REPAIR] * repairs)
    share = sum(1 for _, kind in taken if kind is REPAIR) / len(taken)
    assert 0.07 <= share <= 0.13
    assert len(taken) >= 0.9 * rate.per_second * seconds


def test_repairs_alone_get_everything() -> None:
    taken = _run(Budget(Rate(5)), 60, [REPAIR] * 2)
    assert len(taken) >= 0.98 * 300


def test_a_live_call_goes_before_repairs_that_waited_longer() -> None:
    budget = Budget(Rate(5))
    assert budget.take(0.0, REPAIR) == 0.0
    assert budget.take(0.05, REPAIR) > 0.0
    due = 0.1 + budget.take(0.1, LIVE)
    assert budget.take(due, REPAIR) > 0.0
    assert budget.take(due, LIVE) == 0.0


def test_a_repair_that_never_comes_back_holds_live_calls_up_only_once() -> None:
    budget = Budget(Rate(5))
    taken = _run(budget, 3.0, [LIVE])
    assert budget.take(3.0, REPAIR) > 0.0
    later = [now for now, _ in _run_from(budget, 3.0, 10.0)]
    assert len(later) >= 7 * 5 - 3
    assert len(taken) >= 15


def _run_from(budget: Budget, start: float, end: float) -> list[tuple[float, MessageClass]]:
    now, taken = start, []
    while now < end:
        wait = budget.take(now, LIVE)
        if wait == 0.0:
            taken.append((now, LIVE))
        now += wait or 1e-4
    return taken


def test_the_first_call_waits_for_nothing_and_the_next_is_told_how_long() -> None:
    budget = Budget(Rate(5))
    assert budget.take(1000.0) == 0.0
    wait = budget.take(1000.0)
    assert wait == pytest.approx(0.2)
    assert budget.take(1000.0 + wait) == 0.0


def test_a_rate_of_one_call_leaves_room_for_jitter_on_the_way() -> None:
    budget = Budget(Rate(1))
    assert budget.take(100.0) == 0.0
    assert budget.take(101.04) > 0.0
    assert budget.take(101.06) == 0.0
    assert budget.take(200.0) == 0.0
    assert budget.take(200.96) > 0.0, "no burst, however long it was idle"


def test_a_429_pauses_everything_for_the_time_named() -> None:
    budget = Budget(Rate(10))
    assert budget.pause(5.0, 2.0) == pytest.approx(2.0)
    for kind in (LIVE, REPAIR):
        assert budget.take(6.0, kind) == pytest.approx(1.0)
    assert budget.take(7.0) == 0.0
    assert budget.take(7.0) > 0.0, "what the pause was for is not made up for at its end"


def test_calls_under_way_together_halve_the_rate_once() -> None:
    budget = Budget(Rate(10))
    for late in range(8):
        budget.pause(5.0 + late / 100, 0.0)
    state = budget.state(5.1)
    assert state.throttled == 8
    assert state.rate == pytest.approx(5.0, rel=0.01)


def test_the_rate_comes_back_step_by_step_and_not_further() -> None:
    budget = Budget(Rate(10))
    budget.take(0.0)
    budget.pause(10.0, 0.0)
    half_way = budget.state(10.0 + 0.25 / RECOVERY).rate
    assert half_way == pytest.approx(7.5)
    assert budget.state(10.0 + 5 / RECOVERY).rate == 10.0


def test_without_a_hint_pauses_grow_while_429s_keep_coming() -> None:
    budget, now, pauses = Budget(Rate(10)), 0.0, []
    for _ in range(8):
        pauses.append(budget.pause(now, None))
        now += pauses[-1] + 0.01
    assert pauses[:4] == pytest.approx([1.0, 2.0, 4.0, 8.0])
    assert max(pauses) == 60.0


def test_after_a_recovery_pauses_begin_small_again() -> None:
    budget = Budget(Rate(10))
    budget.pause(0.0, None)
    budget.pause(2.0, None)
    assert budget.pause(1000.0, None) == 1.0


def test_a_slow_endpoint_pauses_at_least_for_one_call() -> None:
    assert Budget(Rate(5, 60)).pause(0.0, None) == pytest.approx(12.0)


def test_an_absurd_hint_is_bounded() -> None:
    assert Budget(Rate(10)).pause(0.0, 1e12) == 600.0
    assert Budget(Rate(10)).pause(0.0, -3.0) == 0.0


def test_the_rate_never_falls_to_nothing() -> None:
    budget = Budget(Rate(16))
    for second in range(50):
        budget.pause(second * 1.5, 0.0)
    assert (budget.state(75.0).rate or 0) >= 1.0


def test_no_limit_lets_all_pass_but_a_429_still_pauses() -> None:
    budget = Budget(None)
    assert [budget.take(0.0, kind) for kind in (LIVE, REPAIR) * 500] == [0.0] * 1000
    budget.pause(1.0, 3.0)
    assert budget.take(2.0) == pytest.approx(2.0)
    assert budget.take(4.0) == 0.0
    assert budget.state(4.0).rate is None


def test_a_clock_that_stands_still_or_steps_back_gives_no_tokens() -> None:
    budget = Budget(Rate(5))
    assert budget.take(10.0) == 0.0
    assert budget.take(9.0) > 0.0
    assert budget.take(10.0) > 0.0
    assert budget.take(10.2) == 0.0


def test_the_state_counts_what_was_taken() -> None:
    budget = Budget(Rate(5))
    taken = _run(budget, 10, [LIVE, REPAIR])
    state = budget.state(10.0)
    assert state.taken == len(taken)
    assert state.configured == 5
    assert state.paused_for == 0.0


@pytest.mark.parametrize(
    ("rate", "shown"), [(Rate(5), "5/s"), (Rate(5, 60), "5/min"), (Rate(0.5, 10), "0.5/10 s")]
)
def test_a_rate_reads_as_people_say_it(rate: Rate, shown: str) -> None:
    assert str(rate) == shown
    assert math.isclose(rate.per_second, rate.tokens / rate.per_seconds)


def test_a_state_tells_how_many_calls_may_be_made_at_once() -> None:
    budget = Budget(Rate(10))
    assert budget.state(0.0).tokens == 1.0
    budget.take(0.0)
    assert budget.state(0.0).tokens == 0.0
    assert budget.state(0.05).tokens == pytest.approx(0.5)
    assert budget.state(9.0).tokens == pytest.approx(1.5)
    budget.pause(9.0, 2.0)
    assert budget.state(10.9).tokens == 0.0
    assert budget.state(11.0).tokens == 1.0
    assert Budget(None).state(0.0).tokens is None
