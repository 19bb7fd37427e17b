"""Several lanes on one store: what they hand each other, and in which order it leaves."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from daemon.domain.ledger import TurnBody
from daemon.domain.messages import SHARDS, Message, shard_of
from daemon.outbound.emitting import Fate
from daemon.outbound.start import start_from
from daemon.outbound.turn import FOLDED
from daemon.store import Connection, cursors, identifiers, log, turns, waiting
from tests.outbound.bench import NOW, bench, quick_lane
from tests.outbound.truth import (
    assert_balanced,
    assert_identifiers_agree,
    assert_in_order,
    assert_state,
    counters,
    deliveries,
    profiles,
    strongest,
    waiting_kinds,
)

pytestmark = pytest.mark.anyio
PEOPLE = 20
Fields = dict[str, Any]


def traffic(rng: random.Random, count: int, first: int = 0) -> list[Message]:
    """Known people on their devices: they say who they are, what they do, and do it unnamed too."""
    return [_said(rng, number) for number in range(first, first + count)]


def _said(rng: random.Random, number: int) -> Message:
    who = rng.randrange(PEOPLE)
    names: Fields = {"user_id": f"{who}", "email": f"{who}@x.org", "anonymous_id": f"a{who}"}
    if rng.random() < 0.3:
        return spoken(number, type="identify", traits={"n": number}, **names)
    carried = rng.choice(
        [("user_id",), ("user_id", "anonymous_id"), ("email",), ("anonymous_id",), tuple(names)]
    )
    return spoken(number, type="track", event="Did", **{name: names[name] for name in carried})


def spoken(number: int, **fields: Any) -> Message:
    at = NOW + number
    return Message(message_id=f"{number}", received_at=at, effective_at=at, source="web", **fields)


def ids(said: list[Message]) -> list[str]:
    return sorted(message.message_id for message in said if message.type == "track")


async def test_one_lane_keeps_the_order_of_all_who_name_the_same_person(tmp_path: Path) -> None:
    """However they name them: a backlog is no excuse, and nothing has to be handed over."""
    async with bench(tmp_path) as b:
        for n in range(PEOPLE):
            b.say(user_id=f"{n}", email=f"{n}@x.org", anonymous_id=f"a{n}")
        async with b.running():
            await b.settled()
        said = traffic(random.Random(1), 400)
        b.append(said)
        b.renew()
        async with b.running():
            await b.settled()
        delivered = await deliveries(b)
        assert sorted(delivered) == ids(said)
        assert_in_order(said, delivered)
        assert counters(b)["handed over"] == 0
        await assert_state(b)
        assert_balanced(b)


@pytest.mark.parametrize("lanes", [2, 5])
async def test_several_lanes_deliver_everything_once_and_in_order(
    tmp_path: Path, lanes: int
) -> None:
    async with bench(tmp_path, lanes=lanes) as b:
        said = traffic(random.Random(lanes), 400)
        b.append(said)
        async with b.running():
            await b.settled()
        rows = await b.ledger(kind="event")
        assert Counter(row["payload"]["id"] for row in rows) == Counter(ids(said))
        assert_in_order(said, await deliveries(b), strongest)
        assert counters(b)["handed over"] > 0
        assert_identifiers_agree(b, said)
        await assert_state(b)
        assert_balanced(b)


async def test_lanes_that_keep_up_keep_the_order_across_names(tmp_path: Path) -> None:
    async with bench(tmp_path, lanes=3) as b, b.running():
        said = traffic(random.Random(3), 60)
        for message in said:
            b.append([message])
            await b.settled()
        assert_in_order(said, await deliveries(b))


@pytest.mark.parametrize("seed", range(4))
async def test_shards_may_change_lanes_in_the_middle_of_a_backlog(
    tmp_path: Path, seed: int
) -> None:
    """Their cursors differ then; what one lane has done, the next one must not do again."""
    rng = random.Random(seed)
    settings = quick_lane(turn_messages=5, window=12)
    async with bench(tmp_path, settings=settings, lanes=4) as b:
        said: list[Message] = []
        for lanes in (4, 3, 1, 5, 2):
            more = traffic(rng, 60, len(said))
            said += more
            b.append(more)
            b.renew(lanes)
            with anyio.CancelScope() as crash:
                async with b.running():
                    await anyio.sleep(rng.uniform(0.01, 0.1))
                    if rng.random() < 0.5:
                        crash.cancel()
                    await anyio.lowlevel.checkpoint()
            assert_balanced(b)
        b.renew()
        async with b.running():
            await b.settled(20)
        delivered = await deliveries(b)
        assert sorted(delivered) == ids(said)
        assert_in_order(said, delivered, by_userid)
        assert_identifiers_agree(b, said)
        await assert_state(b)
        assert_balanced(b)


def by_userid(message: Message) -> list[str]:
    """Copies made for other lanes are behind the backlog, which now may be folded without them."""
    return [name for name in strongest(message) if name[0] == "u"]


async def test_a_message_hops_a_few_times_at_most(tmp_path: Path) -> None:
    async with bench(tmp_path, lanes=2, settings=quick_lane(max_hops=2)) as b:
        far = next(n for n in range(99) if shard_of(f"e:{n}@x.org") % 2 != shard_of("u:1") % 2)
        email = f"{far}@x.org"
        async with b.running():
            b.say(user_id="1", email=email, traits={"n": 1})
            await b.settled()
            for hops in (1, 2):
                late = spoken(hops, type="track", email=email, event="Did")
                b.hand_over([late], f"e:{email}", hops=hops)
            await b.settled()
        assert await deliveries(b) == ["1"]
        dead = b.database.read_now(lambda c: waiting.by_kind(c, waiting.WaitingKind.DEAD, 0, 9))
        assert [(row.user, row.reason) for row in dead] == [("u:1", "bug: handed over too often")]
        assert waiting_kinds(b) == [("u:1", "dead")]
        assert sorted(profiles(b)) == ["u:1"]


async def test_a_lane_without_traffic_follows_the_head(tmp_path: Path) -> None:
    def behind(connection: Connection) -> int:
        return log.head(connection) - cursors.lowest(connection)

    async with bench(tmp_path, lanes=2) as b, b.running():
        b.say(user_id="1", traits={"plan": "pro"})
        with anyio.fail_after(10):
            while b.database.read_now(behind):
                await anyio.sleep(0.02)


async def test_a_loser_who_is_still_to_come_is_not_missed(tmp_path: Path) -> None:
    """A crash left its claim without its user; its winner's lane comes first."""
    lone = identifiers.Claim("a", "x", shard_of("a:x"), "a:x")
    number = next(n for n in range(99) if shard_of(f"u:{n}") % 2 != lone.shard % 2)
    async with bench(tmp_path, lanes=2) as b:
        async with b.running():
            b.database.write_now(lambda c: identifiers.claim(c, [lone]))
        b.renew()
        b.say(user_id=f"{number}", anonymous_id="x", traits={"n": 1})
        everyone, b.lanes = b.lanes, [b.lanes[shard_of(f"u:{number}") % 2]]
        async with b.running():
            await b.until(lambda: f"u:{number}" in profiles(b))
        assert_balanced(b)
        b.lanes = everyone
        b.renew()
        async with b.running():
            await b.settled()
        assert_balanced(b)
        assert sorted(profiles(b)) == [f"u:{number}"]


async def test_what_another_lane_sent_for_its_user_is_not_sent_again(tmp_path: Path) -> None:
    """An event waits with its user, and ends there, though its shard has another lane by now."""
    async with bench(tmp_path) as b:
        b.say(user_id="1", traits={"n": 1})
        origin = next(shard for shard in range(SHARDS) if shard % 2 != shard_of("u:1") % 2)
        users_lane = tuple(range(shard_of("u:1") % 2, SHARDS, 2))
        body = TurnBody(delivered=[1])
        ended = turns.TurnRow(b.parts.clock.now(), FOLDED, users_lane, 9, 9, body)
        b.database.write_now(lambda c: turns.add(c, [ended]))
        start = await start_from(b.database, range(origin % 2, SHARDS, 2))
        assert start.finished == {1: Fate.PARKED}
