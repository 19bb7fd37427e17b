"""What a lane does when Iterable, or the process, fails."""

import itertools
import json
from functools import partial
from pathlib import Path

import anyio
import pytest

from daemon.domain.commands import Endpoint
from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.messages import shard_of
from daemon.domain.profiles import (
    Believed,
    Certainty,
    Profile,
    decode_believed,
    encode_believed,
    encode_profile,
)
from daemon.sandbox.settings import SandboxSettings
from daemon.store import Connection, calls, cursors, identifiers, log, marks, users, waiting
from tests.outbound.bench import Bench, bench, quick_lane
from tests.outbound.truth import assert_balanced, deliveries, open_calls, waiting_kinds

pytestmark = pytest.mark.anyio
BULK_UPDATE = "/api/users/bulkUpdate"
TRACK_BULK = "/api/events/trackBulk"
PARKED = waiting.WaitingKind.PARKED


async def test_a_dead_state_endpoint_holds_events_and_loses_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        await b.fault(path=BULK_UPDATE, status=503)
        b.say(user_id="1", traits={"plan": "pro"})
        b.say(type="track", user_id="1", event="Bought")
        b.say(type="track", user_id="2", event="Looked")
        await b.until_async(lambda: _events(b), 1)
        assert [row["payload"]["eventName"] for row in await b.ledger(kind="event")] == ["Looked"]
        await b.no_faults()
        await b.settled()
        assert [row["path"] for row in await b.ledger()] == [TRACK_BULK, BULK_UPDATE, TRACK_BULK]


async def test_a_dead_event_endpoint_delays_no_state(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        await b.fault(path=TRACK_BULK, status=500)
        b.say(type="track", user_id="1", event="Looked")
        b.say(user_id="1", traits={"plan": "pro"})
        await b.until_async(lambda: _users(b), 1)
        await b.until(lambda: b.database.read_now(marks.count) == 0)
        assert await b.ledger(kind="event") == []
        await b.no_faults()
        await b.settled()
        assert len(await b.ledger(kind="event")) == 1


async def test_an_answer_lost_after_applying_counts_no_event_twice(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        await b.fault(path=TRACK_BULK, drop_after_apply=True, times=1)
        b.say(type="track", user_id="1", event="Bought")
        await b.settled()
        rows = await b.ledger(kind="event")
        assert len(rows) == 2
        assert len({row["payload"]["id"] for row in rows}) == 1
        assert (await b.sandbox.get("/counts")).json()["events"] == 1


async def test_a_uncertain_field_is_sent_again_after_the_quiet_time(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        await b.fault(path=BULK_UPDATE, drop_after_apply=True, times=1)
        b.say(user_id="1", traits={"plan": "pro"})
        await b.settled()
        first, second = await b.ledger(kind="user")
        assert second["at"] - first["at"] >= b.parts.settings.patience.lag


async def test_a_429_is_waited_out(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        await b.fault(
            path=BULK_UPDATE,
            status=429,
            times=1,
            body={
                "msg": "Exceeded rate limit",
                "code": "RateLimitExceeded",
                "params": {"rateLimitReset": 1},
            },
        )
        b.say(user_id="1", traits={"plan": "pro"})
        await b.settled()
        assert len(await b.ledger(kind="user")) == 1


async def test_a_blocked_window_parks_and_goes_on(tmp_path: Path) -> None:
    settings = quick_lane(window=5)
    async with bench(tmp_path, settings=settings) as b, b.running():
        await b.fault(path=BULK_UPDATE, status=503)
        b.say(user_id="1", traits={"plan": "pro"})
        for _ in range(8):
            b.say(type="track", user_id="1", event="Bought")
        for _ in range(8):
            b.say(type="track", user_id="2", event="Looked")
        await b.until_async(lambda: _events(b), 8)
        names = [row["payload"]["eventName"] for row in await b.ledger(kind="event")]
        assert names == ["Looked"] * 8
        await b.no_faults()
        await b.settled()
        rows = await b.ledger(kind="event")
        assert [row["payload"]["eventName"] for row in rows] == ["Looked"] * 8 + ["Bought"] * 8
        bought = [row["payload"]["id"] for row in rows[8:]]
        assert bought == sorted(bought, key=lambda name: int(name[1:]))
        assert b.database.read_now(waiting.counts) == {}


async def test_parked_events_survive_a_restart(tmp_path: Path) -> None:
    settings = quick_lane(window=2)
    async with bench(tmp_path, settings=settings) as b:
        async with b.running():
            await b.fault(path=BULK_UPDATE, status=503)
            b.say(user_id="1", traits={"plan": "pro"})
            for _ in range(6):
                b.say(type="track", user_id="1", event="Bought")
            await b.until(lambda: bool(b.database.read_now(waiting.counts)))
        await b.no_faults()
        b.renew()
        async with b.running():
            await b.settled()
        rows = await b.ledger(kind="event")
        ids = [row["payload"]["id"] for row in rows]
        assert ids == [f"m{number}" for number in range(2, 8)]


async def test_a_crash_between_intent_and_answer_repeats_what_is_uncertain(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as b:
        with anyio.CancelScope() as crash:
            async with b.running():
                await b.fault(path="/api/*", apply=True, hang=True, times=2)
                b.say(user_id="1", traits={"plan": "pro"})
                b.say(type="track", user_id="2", event="Looked")
                await b.until_async(lambda: _applied(b), 2)
                crash.cancel()
        assert len(b.database.read_now(lambda c: calls.open_calls(c, range(64)))) == 2
        await b.no_faults()
        b.renew()
        async with b.running():
            await b.settled()
        assert b.database.read_now(lambda c: calls.open_calls(c, range(64))) == []
        assert (await b.sandbox.get("/counts")).json()["events"] == 1
        user = await b.user("1")
        assert user is not None
        assert user["dataFields"]["plan"] == "pro"


@pytest.mark.parametrize("seed", range(6))
async def test_crashes_at_any_moment_lose_nothing_and_keep_order(tmp_path: Path, seed: int) -> None:
    async with bench(tmp_path, settings=quick_lane(window=20, turn_messages=7)) as b:
        await b.fault(path=TRACK_BULK, drop_after_apply=True, probability=0.3, times=10)
        await b.fault(path=BULK_UPDATE, status=500, apply=True, probability=0.3, times=10)
        said = 0
        for moment in range(8):
            with anyio.CancelScope() as crash:
                async with b.running():
                    for _ in range(12):
                        said += 1
                        user = str(said % 5)
                        b.say(user_id=user, traits={"count": said})
                        b.say(type="track", user_id=user, event="Step", properties={"n": said})
                    await anyio.sleep(0.01 * (moment * 7 + seed) % 0.09)
                    crash.cancel()
            b.renew()
        await b.no_faults()
        async with b.running():
            await b.settled(20)
        await _assert_whole(b, said)


async def _assert_whole(b: Bench, said: int) -> None:
    rows = await b.ledger(kind="event")
    first: dict[str, list[int]] = {}
    for row in rows:
        numbers = first.setdefault(row["payload"]["userId"], [])
        number = row["payload"]["dataFields"]["n"]
        if number not in numbers:
            numbers.append(number)
    assert sorted(itertools.chain(*first.values())) == list(range(1, said + 1))
    assert all(numbers == sorted(numbers) for numbers in first.values())
    for user, numbers in first.items():
        held = await b.user(user)
        assert held is not None
        assert held["dataFields"]["count"] == max(numbers)

    def at_the_end(connection: Connection) -> bool:
        found = cursors.load(connection, range(64))
        head = log.head(connection)
        stages = {"folded", Endpoint.TRACK_BULK.value}
        return {at for (_, stage), at in found.items() if stage in stages} == {head}

    assert b.database.read_now(at_the_end)


async def _events(b: Bench) -> int:
    return len(await b.ledger(kind="event"))


async def _users(b: Bench) -> int:
    return len(await b.ledger(kind="user"))


async def _applied(b: Bench) -> int:
    return len(await b.ledger())


async def test_more_marked_users_than_fit_in_memory_are_all_sent(tmp_path: Path) -> None:
    async with bench(tmp_path, settings=quick_lane(residents=10, turn_messages=5)) as b:
        await b.fault(path=BULK_UPDATE, status=503)
        for number in range(60):
            b.say(user_id=str(number), traits={"plan": "pro"})
        async with b.running():
            await b.until(lambda: b.database.read_now(marks.count) == 60)
            await b.no_faults()
            await b.settled()
        assert (await b.sandbox.get("/counts")).json()["users"] == 60


async def test_events_that_join_a_parked_queue_are_sent_once_and_in_order(tmp_path: Path) -> None:
    async with bench(tmp_path, settings=quick_lane(window=2, turn_messages=3)) as b, b.running():
        await b.fault(path=BULK_UPDATE, status=503)
        b.say(user_id="1", traits={"plan": "pro"})
        for _ in range(5):
            b.say(type="track", user_id="1", event="Bought")
        await b.until(lambda: bool(b.database.read_now(waiting.counts)))
        await b.no_faults()
        for _ in range(60):
            b.say(type="track", user_id="1", event="Bought")
            await anyio.sleep(0.005)
        await b.settled()
        ids = [row["payload"]["id"] for row in await b.ledger(kind="event")]
        assert ids == [f"m{number}" for number in range(2, 67)]


async def _called_otherwise(b: Bench) -> None:
    """A user whose userId is another one in Iterable than Segment's, and known to be."""
    stamp = (1, 1, 0, "m0")
    profile = Profile([stamp], {"email": ("ann@x.org", 0)}, emails=["ann@x.org"])
    believed = Believed(IterableIdentity("ann@x.org", "77"))
    row = users.UserRow(shard_of("u:1"), "u:1", encode_profile(profile), encode_believed(believed))

    def remember(connection: Connection) -> None:
        users.save(connection, [row])
        identifiers.claim(connection, [identifiers.Claim("u", "1", row.shard, "u:1")])

    b.database.write_now(remember)
    headers = {"Api-Key": SandboxSettings().api_key}
    body = {"email": "ann@x.org", "userId": "77", "dataFields": {}}
    await b.sandbox.post(b.api + "users/update", json=body, headers=headers)


async def _everyone(b: Bench) -> list[tuple[str | None, str | None]]:
    lines = (await b.sandbox.get("/users")).text.splitlines()
    everyone = [json.loads(line) for line in lines]
    return [(user.get("email"), user.get("userId")) for user in everyone]


async def test_a_user_id_changed_without_an_answer_makes_no_second_user(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await _called_otherwise(b)
        await b.fault(path=BULK_UPDATE, drop_after_apply=True, times=1)
        async with b.running():
            b.say(user_id="1", traits={"plan": "pro"})
            await b.settled()
        assert await _everyone(b) == [("ann@x.org", "1")]


async def test_a_user_id_changed_before_a_crash_makes_no_second_user(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await _called_otherwise(b)
        await b.fault(path=BULK_UPDATE, apply=True, hang=True, times=1)
        with anyio.CancelScope() as crash:
            async with b.running():
                b.say(user_id="1", traits={"plan": "pro"})
                await b.until_async(lambda: _applied(b), 2)
                crash.cancel()
        await b.no_faults()
        b.renew()
        async with b.running():
            await b.settled()
        assert await _everyone(b) == [("ann@x.org", "1")]


async def test_a_user_id_whose_change_came_to_nothing_is_changed_later(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await _called_otherwise(b)
        await b.fault(path=BULK_UPDATE, status=503, times=2)
        async with b.running():
            b.say(user_id="1", traits={"plan": "pro"})
            await b.settled()
        assert await _everyone(b) == [("ann@x.org", "1")]
        user = await b.user("1")
        assert user is not None
        assert user["dataFields"]["plan"] == "pro"


async def test_an_e_mail_somebody_else_has_is_not_taken_for_the_users_own(tmp_path: Path) -> None:
    async with bench(tmp_path, project=ProjectType.EMAIL) as b:
        headers = {"Api-Key": SandboxSettings().api_key}
        body = {"email": "bob@x.org", "userId": "2", "dataFields": {}}
        await b.sandbox.post(b.api + "users/update", json=body, headers=headers)
        async with b.running():
            b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org", "plan": "pro"})
            await b.settled()
            b.say(user_id="1", email="bob@x.org", traits={"email": "bob@x.org", "plan": "max"})
            await b.settled()
            for plan in ("super", "ultra"):
                b.say(user_id="1", traits={"plan": plan})
                await b.settled()
        row = b.database.read_now(lambda c: users.load(c, [(shard_of("u:1"), "u:1")]))["u:1"]
        believed = decode_believed(row.believed)
        assert believed.identity == IterableIdentity("ann@x.org", "1")
        assert believed.parts["identity"].certainty == Certainty.REFUSED
        ann = await b.user("ann@x.org")
        assert ann is not None
        assert ann["dataFields"]["plan"] == "ultra"


async def test_what_was_parked_and_sent_before_the_cursor_came_by_is_accounted_for_after_a_crash(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, settings=quick_lane(window=2)) as b:
        with anyio.CancelScope() as crash:
            async with b.running():
                await b.fault(path=TRACK_BULK, hang=True, times=1)
                b.say(type="track", user_id="2", event="Looked")
                await b.until(lambda: TRACK_BULK in open_calls(b))
                await b.fault(path=BULK_UPDATE, status=503)
                b.say(user_id="1", traits={"plan": "pro"})
                for _ in range(4):
                    b.say(type="track", user_id="1", event="Bought")
                await b.until(lambda: bool(waiting_kinds(b)))
                await b.no_faults()
                await b.until_async(lambda: _events(b), 4)
                await b.until(lambda: not waiting_kinds(b))
                crash.cancel()
        b.renew()
        async with b.running():
            await b.settled()
        assert sorted(await deliveries(b)) == ["m1", "m3", "m4", "m5", "m6"]
        assert len(await b.ledger(kind="event")) == 5
        assert_balanced(b)


async def _block(b: Bench, user: str) -> None:
    """A person whose state cannot go, with events, and one who has nothing to do with it."""
    await b.fault(path=BULK_UPDATE, status=503)
    b.say(user_id=user, traits={"plan": "pro"})
    for _ in range(4):
        b.say(type="track", user_id=user, event="Bought")
    for _ in range(4):
        b.say(type="track", user_id=f"{user}0", event="Looked")


async def _looked(b: Bench, user: str) -> int:
    return sum(row["payload"]["userId"] == user for row in await b.ledger(kind="event"))


async def test_what_is_parked_no_longer_takes_no_room_from_others(tmp_path: Path) -> None:
    settings = quick_lane(window=3, parked=4, turn_messages=2)
    async with bench(tmp_path, settings=settings) as b, b.running():
        for user in ("1", "2", "3"):
            await _block(b, user)
            await b.until_async(partial(_looked, b, f"{user}0"), 4)
            await b.no_faults()
            await b.settled()


async def test_what_was_parked_before_a_restart_takes_room(tmp_path: Path) -> None:
    settings = quick_lane(window=3, parked=4, turn_messages=2)
    async with bench(tmp_path, settings=settings) as b:
        async with b.running():
            await _block(b, "1")
            await b.until_async(partial(_looked, b, "10"), 4)
        assert b.database.read_now(waiting.counts) == {(PARKED, Endpoint.TRACK_BULK): 4}
        b.renew()
        async with b.running():
            await _block(b, "2")
            await anyio.sleep(0.3)
            assert await _looked(b, "20") == 0
            assert b.database.read_now(waiting.counts) == {(PARKED, Endpoint.TRACK_BULK): 4}
            await b.no_faults()
            await b.settled()
        assert await _looked(b, "20") == 4
