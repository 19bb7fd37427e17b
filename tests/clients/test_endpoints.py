"""The endpoint table, the limits it gives, the bodies calls become, and waiting for tokens."""

from itertools import pairwise

import anyio
import msgspec
import pytest

from daemon.clients.bucket import Rate
from daemon.clients.iterable.bodies import path_of, query_of, request_body, row_size
from daemon.clients.iterable.budgets import Budgets
from daemon.clients.iterable.endpoints import (
    ENDPOINTS,
    MAX_BYTES,
    Origin,
    Scope,
    effective_limits,
)
from daemon.domain.commands import CallKey, Endpoint
from tests.clients.calls import call, command
from tests.clock import VIRTUAL

WRITES = [
    Endpoint.BULK_UPDATE,
    Endpoint.TRACK_BULK,
    Endpoint.LIST_SUBSCRIBE,
    Endpoint.LIST_UNSUBSCRIBE,
    Endpoint.SUBSCRIPTIONS,
    Endpoint.UPDATE_SUBSCRIPTIONS,
    Endpoint.UPDATE_EMAIL,
]


def test_every_endpoint_has_its_row() -> None:
    assert set(ENDPOINTS) == set(Endpoint)
    assert all(spec.max_bytes == MAX_BYTES < 4_000_000 for spec in ENDPOINTS.values())


def test_only_bulk_endpoints_take_several_rows() -> None:
    assert all((spec.max_rows > 1) == bool(spec.rows_key) for spec in ENDPOINTS.values())


@pytest.mark.parametrize(
    ("endpoint", "rate", "origin"),
    [
        (Endpoint.BULK_UPDATE, Rate(5), Origin.PUBLISHED),
        (Endpoint.TRACK_BULK, Rate(10), Origin.PUBLISHED),
        (Endpoint.LIST_USERS, Rate(5, 60), Origin.PUBLISHED),
        (Endpoint.GET_FIELDS, Rate(3), Origin.PUBLISHED),
        (Endpoint.LIST_SUBSCRIBE, Rate(5), Origin.INFERRED),
        (Endpoint.UPDATE_EMAIL, Rate(50), Origin.INFERRED),
    ],
)
def test_a_limit_says_where_it_comes_from(endpoint: Endpoint, rate: Rate, origin: Origin) -> None:
    limit = effective_limits()[endpoint]
    assert (limit.rate, limit.origin) == (rate, origin)
    assert limit.source.startswith("iterable.md")


def test_a_setting_wins_and_says_so() -> None:
    limits = effective_limits(overrides={Endpoint.BULK_UPDATE: 2.5})
    assert limits[Endpoint.BULK_UPDATE].rate == Rate(2.5)
    assert limits[Endpoint.BULK_UPDATE].origin is Origin.SETTING
    assert limits[Endpoint.TRACK_BULK].origin is Origin.PUBLISHED


def test_limits_can_be_off() -> None:
    limits = effective_limits(overrides={Endpoint.BULK_UPDATE: 2.5}, off=True)
    assert all(limit.rate is None and limit.origin is Origin.OFF for limit in limits.values())


def test_export_limits_belong_to_the_organization() -> None:
    limits = effective_limits()
    shared = {e for e, limit in limits.items() if limit.scope is Scope.ORGANIZATION}
    assert shared == {Endpoint.EXPORT_START, Endpoint.EXPORT_FILES}


def test_bodies_hold_rows_where_iterable_looks_for_them() -> None:
    row = command("a@x.io", dataFields={"n": 1})
    bodies = {
        endpoint: msgspec.json.decode(request_body(call(endpoint, row, target=7)))
        for endpoint in WRITES
    }
    assert bodies == {
        Endpoint.BULK_UPDATE: {"users": [row.row]},
        Endpoint.TRACK_BULK: {"events": [row.row]},
        Endpoint.LIST_SUBSCRIBE: {"listId": 7, "subscribers": [row.row]},
        Endpoint.LIST_UNSUBSCRIBE: {
            "listId": 7,
            "subscribers": [row.row],
            "channelUnsubscribe": False,
        },
        Endpoint.SUBSCRIPTIONS: {"users": ["a@x.io"]},
        Endpoint.UPDATE_SUBSCRIPTIONS: row.row,
        Endpoint.UPDATE_EMAIL: row.row,
    }


@pytest.mark.parametrize("endpoint", sorted(set(Endpoint) - set(WRITES)))
def test_an_endpoint_that_reads_takes_no_rows(endpoint: Endpoint) -> None:
    with pytest.raises(ValueError, match="takes no rows"):
        request_body(call(endpoint, command("a@x.io")))


def test_opted_out_people_go_by_the_key_of_their_row() -> None:
    both = msgspec.structs.replace(command("a@x.io"), user_id="1")
    bare = msgspec.structs.replace(command("b@x.io", "2"), row={})
    by_id = command(None, "3")
    body = msgspec.json.decode(request_body(call(Endpoint.SUBSCRIPTIONS, both, bare, by_id)))
    assert body == {"users": ["a@x.io", "b@x.io"], "usersByUserId": ["3"]}


def test_a_subscription_call_says_what_it_is_about_in_its_address() -> None:
    key = CallKey(Endpoint.SUBSCRIPTIONS, 12, "messageChannel", "unsubscribe")
    assert path_of(key) == "subscriptions/messageChannel/12"
    assert query_of(key) == {"action": "unsubscribe"}
    assert query_of(CallKey(Endpoint.BULK_UPDATE)) is None


def test_the_size_of_a_row_is_its_share_of_the_body() -> None:
    rows = [command(f"{n}@x.io", dataFields={"name": "Zoë" * n}) for n in range(50)]
    body = request_body(call(Endpoint.BULK_UPDATE, *rows))
    assert len(body) == sum(row_size(row.row) for row in rows) + len('{"users":[]}') - 1


def test_a_row_that_cannot_be_written_down_is_refused_before_it_is_sent() -> None:
    with pytest.raises(UnicodeEncodeError):
        row_size({"email": "\ud800"})


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [VIRTUAL])
async def test_readers_come_through_in_order_at_the_rate() -> None:
    budgets = Budgets(effective_limits())
    came: list[tuple[int, float]] = []

    async def read(number: int) -> None:
        await anyio.sleep(number / 1000)
        await budgets.acquire(Endpoint.LIST_USERS)
        came.append((number, anyio.current_time()))

    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(read, number)
    assert [number for number, _ in came] == [0, 1, 2, 3, 4]
    gaps = [after - before for (_, before), (_, after) in pairwise(came)]
    assert gaps == pytest.approx([12.0] * 4, abs=0.1)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [VIRTUAL])
async def test_repairs_wait_for_live_reads_but_not_for_ever() -> None:
    budgets = Budgets(effective_limits())
    taken = {True: 0, False: 0}

    async def read(repair: bool) -> None:
        while True:
            await budgets.acquire(Endpoint.GET_FIELDS, repair=repair)
            taken[repair] += 1

    with anyio.move_on_after(60):
        async with anyio.create_task_group() as group:
            for repair in (True, True, False):
                group.start_soon(read, repair)
    assert sum(taken.values()) >= 0.95 * 180
    assert 0.07 <= taken[True] / sum(taken.values()) <= 0.13


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [VIRTUAL])
async def test_a_pause_holds_readers_back_and_shows_in_the_states() -> None:
    budgets = Budgets(effective_limits())
    assert len(budgets) == len(Endpoint) == len(list(budgets))
    assert budgets.pause(Endpoint.LISTS, 30.0) == pytest.approx(30.0)
    assert budgets.states()[Endpoint.LISTS].paused_for == pytest.approx(30.0)
    began = anyio.current_time()
    await budgets.acquire(Endpoint.CHANNELS)
    assert anyio.current_time() - began < 1.0
    await budgets.acquire(Endpoint.LISTS)
    assert anyio.current_time() - began == pytest.approx(30.0, abs=0.1)
