"""Which calls are opened, and what a failed one is split into."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from daemon.domain.commands import CallKey, Endpoint
from daemon.domain.identity import ProjectType
from daemon.domain.ledger import CallRows, FailedRow
from daemon.domain.messages import SHARDS, Message
from daemon.mapping.blocks import DEFAULT, read
from daemon.mapping.mappings import Mappings
from daemon.outbound.landing import Patience
from daemon.store import Connection, calls, waiting
from tests.outbound.bench import CATALOG, NOW, Bench, bench, quick_lane
from tests.outbound.truth import assert_balanced, open_calls, stored

pytestmark = pytest.mark.anyio
BULK_UPDATE = "/api/users/bulkUpdate"
TRACK_BULK = "/api/events/trackBulk"
COUNTING: dict[str, Any] = {
    "name": "counting",
    "action": "track_event",
    "subscribe": 'type = "track"',
    "fields": {"eventName": "$.properties.kind", "dataFields.counted": "$.context.counted"},
}


def mapped(*blocks: dict[str, Any]) -> Mappings:
    return read([*DEFAULT, *blocks]).publish(1, ProjectType.HYBRID, CATALOG)


def audiences(lists: Sequence[int]) -> Mappings:
    """An audience for each list, by its number."""
    return mapped(
        *(
            {"name": f"l{each}", "action": "subscribe_list", "audience": f"a{each}", "list": each}
            for each in lists
        )
    )


def closed_calls(b: Bench) -> list[calls.CallRow]:
    return b.database.read_now(lambda c: calls.scan(c, 0, 10_000))


def enters(user: str, audience: int, number: int) -> Message:
    personas = {"computation_class": "audience", "computation_key": f"a{audience}"}
    return Message(
        type="identify",
        message_id=f"e{number}",
        received_at=NOW + number,
        effective_at=NOW + number,
        source="web",
        user_id=user,
        traits={f"a{audience}": True},
        context={"personas": personas},
    )


async def test_no_more_calls_of_an_endpoint_fly_than_may(tmp_path: Path) -> None:
    numbers = range(7_001, 7_011)
    async with bench(tmp_path, mappings=audiences(numbers)) as b:
        b.append([enters("1", each, each) for each in numbers])
        with anyio.CancelScope() as crash:
            async with b.running():
                await b.fault(path="/api/lists/subscribe", hang=True)
                await b.until(lambda: "/api/lists/subscribe" in open_calls(b))
                await anyio.sleep(0.05)
                asked = open_calls(b).count("/api/lists/subscribe")
                assert asked == b.parts.settings.calls_per_endpoint
                crash.cancel()


async def test_a_list_iterable_does_not_know_is_asked_for_a_few_times_and_holds_nobody_up(
    tmp_path: Path,
) -> None:
    unknown, vip = 7_001, 1_002
    async with bench(tmp_path, mappings=audiences([unknown, vip])) as b, b.running():
        for user in range(40):
            b.append([enters(f"{user}", unknown, 2 * user), enters(f"{user}", vip, 2 * user + 1)])
        await b.settled()
        asked = [each for each in closed_calls(b) if each.key.target == unknown]
        assert 6 <= len(asked) <= 12
        assert sum(len(each.rows.users) for each in asked[-1:]) > 1
        for user in range(40):
            held = await b.user(f"{user}")
            assert held is not None
            assert held["dataFields"]["userListIds"] == [vip]
        reasons = {
            part.reason
            for _, believed in stored(b).values()
            for name, part in believed.parts.items()
            if name == f"list:{unknown}"
        }
        assert len(reasons) == 1
        assert "no such list" in reasons.pop()


SPOILED = {"msg": "one of the rows is wrong", "code": "BadParams", "params": None}
UNSAID = {"successCount": 0, "failCount": 1, "failedUpdates": {}}


async def delivered(b: Bench) -> list[str]:
    """Ids of applied events, as often as they were."""
    rows = await b.ledger(kind="event")
    return [row["payload"]["id"] for row in rows if row["result"] == "applied"]


async def test_the_second_half_of_a_persons_events_waits_for_the_first(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for _ in range(6):
            b.say(type="track", user_id="1", event="Step")
        await b.fault(path=TRACK_BULK, status=400, body=SPOILED, times=1)
        await b.fault(path=TRACK_BULK, status=503, times=1)
        async with b.running():
            await b.settled()
        assert await delivered(b) == [f"m{number}" for number in range(1, 7)]
        assert_balanced(b)


async def test_the_second_half_still_follows_where_the_first_is_asked_for_again(
    tmp_path: Path,
) -> None:
    """Nothing was said of the first half: it flies again, and what it holds back comes after."""
    async with bench(tmp_path) as b:
        for _ in range(6):
            b.say(type="track", user_id="1", event="Step")
        await b.fault(path=TRACK_BULK, status=400, body=SPOILED, times=1)
        await b.fault(path=TRACK_BULK, status=200, body=UNSAID, times=1)
        async with b.running():
            await b.settled()
        assert await delivered(b) == [f"m{number}" for number in range(1, 7)]
        assert_balanced(b)


async def test_events_of_different_people_are_parted_between_them(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for user in "01111122":
            b.say(type="track", user_id=user, event="Step")
        await b.fault(path=TRACK_BULK, status=400, body=SPOILED, times=1)
        async with b.running():
            await b.settled()
        assert [each.rows.users for each in closed_calls(b)][1:] == [
            ["u:0", *["u:1"] * 5],
            ["u:2"] * 2,
        ]
        assert sorted(await delivered(b)) == [f"m{number}" for number in range(1, 9)]


async def test_a_call_whose_answer_accounts_for_no_row_is_split(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for number in range(8):
            b.say(user_id=f"{number}", traits={"n": number})
            b.say(type="track", user_id=f"1{number}", event="Step")
        for path in (BULK_UPDATE, TRACK_BULK):
            await b.fault(path=path, status=200, body=UNSAID, times=1)
        async with b.running():
            await b.settled()
        sizes = [(each.key.endpoint, len(each.rows.users)) for each in closed_calls(b)]
        for endpoint in (Endpoint.BULK_UPDATE, Endpoint.TRACK_BULK):
            assert [size for at, size in sizes if at is endpoint] == [8, 4, 4]
        assert len(await delivered(b)) == 8
        assert_balanced(b)


@pytest.mark.parametrize("path", ["/api/users/bulkUpdate", "/api/events/trackBulk"])
async def test_a_row_no_answer_ever_accounts_for_is_refused_in_the_end(
    tmp_path: Path, path: str
) -> None:
    async with bench(tmp_path) as b, b.running():
        await b.fault(path=path, status=200, body=UNSAID)
        b.say(user_id="1", traits={"plan": "pro"})
        b.say(type="track", user_id="1", event="Step")
        await b.settled()
        tried = [each for each in closed_calls(b) if path.endswith(str(each.key.endpoint))]
        assert len(tried) == 6
        reason = "Iterable's answers never said what became of it"
        if path == TRACK_BULK:
            dead = b.database.read_now(lambda c: waiting.by_kind(c, waiting.WaitingKind.DEAD, 0, 9))
            assert [row.reason for row in dead] == [reason]
        else:
            _, believed = stored(b)["u:1"]
            assert believed.parts["field:plan"].reason == reason
            assert await delivered(b) == ["m2"]
        assert_balanced(b)


async def test_what_iterable_cannot_take_just_now_waits_alone(tmp_path: Path) -> None:
    failing = {"successCount": 0, "failCount": 1, "validUserIdFailures": ["1"]}
    patient = quick_lane(patience=Patience(lag=300, first=60_000, longest=60_000))
    async with bench(tmp_path, settings=patient) as b, b.running():
        await b.fault(path=TRACK_BULK, status=200, body=failing, times=1)
        b.say(type="track", user_id="1", event="Step")
        await b.until(lambda: len(closed_calls(b)) == 1)
        b.say(type="track", user_id="1", event="Step")
        b.say(type="track", user_id="2", event="Step")
        await b.until(lambda: len(closed_calls(b)) == 2)
        assert await delivered(b) == ["m3"]


async def test_a_mappings_row_iterable_refuses_costs_only_itself(tmp_path: Path) -> None:
    async with bench(tmp_path, mappings=mapped(COUNTING)) as b, b.running():
        step = {"type": "track", "event": "Step", "properties": {"kind": "Counted"}}
        b.say(user_id="9", context={"counted": 1}, **step)
        await b.settled()
        b.say(user_id="1", context={"counted": "bad"}, **step)
        await b.settled()
        assert await delivered(b) == ["m1", "m1-counting", "m2"]
        dead = b.database.read_now(lambda c: waiting.by_kind(c, waiting.WaitingKind.DEAD, 0, 9))
        assert [(row.position, "counted is long" in row.reason) for row in dead] == [(2, True)]
        assert_balanced(b)


async def test_of_an_event_only_the_rows_that_were_not_accepted_are_sent_after_a_restart(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, mappings=mapped(COUNTING)) as b:
        for _ in range(2):
            b.say(type="track", user_id="1", event="Step", properties={"kind": "Counted"})
        rows = CallRows(["u:1"] * 2, [1, 1], ["m1", "m1-counting"])
        failed = [FailedRow(1, "retry")]

        def called(connection: Connection) -> None:
            new = calls.NewCall(
                CallKey(Endpoint.TRACK_BULK), 1, tuple(range(SHARDS)), 1, 1, 1, rows
            )
            (number,) = calls.open_(connection, [new])
            calls.close(connection, [calls.Closing(number, 1, 200, failed)])

        b.database.write_now(called)
        async with b.running():
            await b.settled()
        assert await delivered(b) == ["m1-counting", "m2", "m2-counting"]
