"""When a call may be opened."""

import random

import pytest

from daemon.clients.iterable.budgets import Budgets
from daemon.clients.iterable.endpoints import effective_limits
from daemon.domain.commands import CallKey, Endpoint
from daemon.domain.messages import MessageClass
from daemon.outbound.landing import Patience
from daemon.outbound.permits import Permits
from tests.clock import VIRTUAL

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", [VIRTUAL])]

NOW = 1_700_000_000_000
HOUR = 3_600_000
LIVE = MessageClass.LIVE
KEY = CallKey(Endpoint.LIST_SUBSCRIBE, target=1)
OTHER = CallKey(Endpoint.LIST_SUBSCRIBE, target=2)


def permits() -> Permits:
    budgets = Budgets(effective_limits(off=True))
    return Permits(budgets, Patience(), random.Random(1), most=4)


async def test_a_pause_of_one_kind_of_call_is_no_others() -> None:
    asked = permits()
    asked.pause(KEY, NOW)
    assert not asked.take(KEY, LIVE, NOW)
    assert asked.take(OTHER, LIVE, NOW)
    asked.pause(KEY.endpoint, NOW)
    assert not asked.take(OTHER, LIVE, NOW)


async def test_a_pause_grows_with_every_failure_and_begins_anew_after_a_success() -> None:
    asked, now, lasted = permits(), NOW, []
    for _ in range(4):
        asked.pause(KEY, now)
        lasted.append(asked.next_chance(now) - now)
        now = asked.next_chance(now)
        assert asked.take(KEY, LIVE, now)
    assert lasted == sorted(lasted)
    assert lasted[-1] > 4 * lasted[0]
    asked.well(KEY)
    assert asked.pause(KEY, now) == 1


async def test_calls_that_fail_together_are_one_failure() -> None:
    asked = permits()
    assert [asked.pause(KEY, NOW + each) for each in range(3)] == [1, 1, 1]


async def test_a_clock_set_back_prolongs_no_pause_beyond_the_longest_there_is() -> None:
    asked = permits()
    asked.pause(KEY.endpoint, NOW)
    asked.pause(KEY, NOW)
    earlier = NOW - HOUR
    assert not asked.take(KEY, LIVE, earlier)
    assert asked.take(KEY, LIVE, earlier + 60_001)
