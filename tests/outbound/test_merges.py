"""One person under several names, whatever the order in which the names become known.

Each permutation of a scenario is a person of their own, with identifiers of their own, so that all
of them go through the same lanes at once.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import anyio
import pytest

from daemon.domain.identity import ProjectType
from daemon.domain.messages import SHARDS, Message
from daemon.domain.profiles import Profile
from daemon.store import calls, turns, waiting
from tests.outbound.bench import NOW, Bench, bench
from tests.outbound.truth import (
    assert_balanced,
    assert_identifiers_agree,
    assert_in_order,
    assert_state,
    deliveries,
    owners,
    profiles,
    refused_identities,
)

pytestmark = pytest.mark.anyio
Step = dict[str, Any]

ONE_DEVICE: dict[str, Step] = {
    "A": {"type": "track", "anonymous_id": "a", "event": "Looked"},
    "B": {"email": "m", "traits": {"plan": "free", "b": 1}},
    "C": {"user_id": "u", "email": "m", "anonymous_id": "a", "traits": {"plan": "pro", "c": 1}},
    "D": {"type": "track", "user_id": "u", "event": "Bought"},
    "E": {"type": "track", "user_id": "u", "email": "m", "event": "Paid"},
}
CHAIN: dict[str, Step] = {
    "F": {"type": "track", "anonymous_id": "a", "event": "Looked"},
    "G": {"email": "m", "anonymous_id": "a", "traits": {"plan": "free", "g": 1}},
    "H": {"user_id": "u", "email": "m", "traits": {"plan": "pro", "h": 1}},
    "I": {"type": "track", "user_id": "u", "anonymous_id": "a", "event": "Bought"},
    "J": {"type": "track", "email": "m", "event": "Opened"},
}
TWO_EMAILS: dict[str, Step] = {
    "K": {"email": "l", "anonymous_id": "a", "traits": {"plan": "free", "k": 1}},
    "L": {"email": "m", "anonymous_id": "a", "traits": {"plan": "basic", "l": 1}},
    "M": {"type": "track", "email": "l", "event": "Opened"},
    "N": {"user_id": "u", "anonymous_id": "a", "traits": {"plan": "pro", "n": 1}},
    "O": {"type": "track", "user_id": "u", "email": "m", "event": "Paid"},
}


def person(steps: dict[str, Step], order: Sequence[str], number: int) -> list[Message]:
    """The messages of one person in the order in which they come; made in the alphabet's."""
    return [
        _message(name, steps[name], number, place, list(steps).index(name))
        for place, name in enumerate(order)
    ]


def _message(name: str, step: Step, number: int, place: int, made: int) -> Message:
    fields: Step = {"type": "identify", **step}
    for kind in ("user_id", "anonymous_id"):
        if kind in fields:
            fields[kind] = f"{fields[kind]}{number}"
    if "email" in fields:
        fields["email"] = f"{fields['email']}{number}@x.org"
        if fields["type"] == "identify":
            fields["traits"] = {**fields["traits"], "email": fields["email"]}
    return Message(
        message_id=f"{number}{name}",
        received_at=NOW + place,
        effective_at=NOW - 60_000 + made,
        source="web",
        **fields,
    )


def crowd(steps: dict[str, Step]) -> list[list[Message]]:
    """What everybody says first, second, and so on."""
    orders = permutations(steps)
    people = [person(steps, order, number) for number, order in enumerate(orders)]
    return [list(said) for said in zip(*people, strict=True)]


async def all_at_once(b: Bench, rounds: list[list[Message]]) -> None:
    b.append([message for said in rounds for message in said])
    async with b.running():
        await b.settled(20)


async def one_by_one(b: Bench, rounds: list[list[Message]]) -> None:
    async with b.running():
        for said in rounds:
            b.append(said)
            await b.settled(20)


def known(profile: Profile) -> dict[str, Any]:
    return {name: value for name, (value, _) in profile.traits.items()}


@pytest.mark.parametrize(("arrive", "lanes"), [(all_at_once, 1), (one_by_one, 3)])
@pytest.mark.parametrize("project", list(ProjectType))
@pytest.mark.parametrize("steps", [ONE_DEVICE, CHAIN, TWO_EMAILS])
async def test_in_whatever_order_names_come_it_is_one_person(
    tmp_path: Path,
    steps: dict[str, Step],
    project: ProjectType,
    arrive: Callable[[Bench, list[list[Message]]], Any],
    lanes: int,
) -> None:
    async with bench(tmp_path, project=project, lanes=lanes) as b:
        rounds = crowd(steps)
        said = [message for each in rounds for message in each]
        await arrive(b, rounds)
        assert_identifiers_agree(b, said)
        found = profiles(b)
        assert sorted(found) == sorted(f"u:u{number}" for number in range(len(rounds[0])))
        for user, profile in found.items():
            number = user[3:]
            owned = owners(b, [f"{kind}{number}" for kind in ("u:u", "a:a")])
            assert set(owned.values()) == {user}
            traits = known(profile)
            assert traits.pop("email") == f"m{number}@x.org"
            assert traits == known_at_the_end(steps), user
        delivered = await deliveries(b)
        assert sorted(delivered) == sorted(m.message_id for m in said if m.type == "track")
        assert_balanced(b)
        assert_in_order(said, delivered)
        await assert_state(b)
        split = refused_identities(b)
        if project is not ProjectType.HYBRID or arrive is all_at_once:
            assert not split
        users = (await b.sandbox.get("/counts")).json()["users"]
        if steps is not TWO_EMAILS or project is ProjectType.USER_ID:
            assert users == len(found) + len(split)


def known_at_the_end(steps: dict[str, Step]) -> dict[str, Any]:
    traits: dict[str, Any] = {}
    for step in steps.values():
        traits |= step.get("traits", {})
    return traits


ANN = {"email": "ann@x.org", "traits": {"email": "ann@x.org"}}


@pytest.mark.parametrize("project", list(ProjectType))
@pytest.mark.parametrize("first", ["nobody", "her address", "the first userid"])
async def test_of_two_userids_with_one_email_the_second_goes_without(
    tmp_path: Path, project: ProjectType, first: str
) -> None:
    async with bench(tmp_path, project=project) as b:
        if first == "her address":
            b.say(**ANN)
        async with b.running():
            if first == "the first userid":
                b.say(user_id="1", **ANN)
                await b.settled()
            b.append(
                [
                    spoken("s1", "identify", user_id="1", **ANN),
                    spoken("s2", "identify", user_id="2", **ANN),
                    spoken("s3", "track", user_id="2", event="Bought"),
                    spoken("s4", "track", email="ann@x.org", event="Opened"),
                ]
            )
            await b.settled()
            assert owners(b, ["e:ann@x.org"]) == {"e:ann@x.org": "u:1"}
            found = profiles(b)
            assert sorted(found) == ["u:1", "u:2"]
            assert (found["u:1"].emails, found["u:2"].emails) == (["ann@x.org"], [])
            await assert_state(b)
            assert_balanced(b)
            assert sorted(await deliveries(b)) == (
                ["s4"] if project is ProjectType.EMAIL else ["s3", "s4"]
            )
            counted = counters(b)
            assert counted["contested identifiers"] == 1
            held = waiting_kinds(b)
            assert held == ([("u:2", "held")] if project is ProjectType.EMAIL else [])


async def test_a_device_two_people_share_stays_with_the_first(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.append(
            [
                spoken("s1", "track", anonymous_id="a1", event="Looked"),
                spoken("s2", "identify", user_id="1", anonymous_id="a1", traits={"n": 1}),
                spoken("s3", "identify", user_id="2", anonymous_id="a1", traits={"n": 2}),
                spoken("s4", "track", user_id="2", anonymous_id="a1", event="Bought"),
                spoken("s5", "track", anonymous_id="a1", event="Looked"),
            ]
        )
        await b.settled()
        found = profiles(b)
        assert (found["u:1"].anonymous_ids, found["u:2"].anonymous_ids) == (["a1"], [])
        assert sorted(found) == ["u:1", "u:2"]
        rows = await b.ledger(kind="event")
        assert {(row["payload"]["id"], row["payload"]["userId"]) for row in rows} == {
            ("s1", "1"),
            ("s4", "2"),
            ("s5", "1"),
        }
        await assert_state(b)
        assert_balanced(b)


async def test_a_loser_asked_for_twice_leads_the_second_winner_to_the_first(
    tmp_path: Path,
) -> None:
    """An e-mail's user asks for a device just before a userId does: all three are one."""
    async with bench(tmp_path) as b, b.running():
        b.say(type="track", anonymous_id="a1", event="Looked")
        await b.settled()
        b.append(
            [
                spoken("s2", "identify", email="x@x.org", anonymous_id="a1", traits={"n": 1}),
                spoken("s3", "identify", user_id="1", anonymous_id="a1", traits={"n": 2}),
                spoken("s4", "track", user_id="1", event="Bought"),
            ]
        )
        await b.settled()
        assert sorted(profiles(b)) == ["u:1"]
        assert profiles(b)["u:1"].emails == ["x@x.org"]
        assert await deliveries(b) == ["m1", "s4"]
        assert_identifiers_agree(b, [])
        await assert_state(b)
        assert_balanced(b)


async def test_what_a_loser_could_not_send_yet_comes_before_its_events(tmp_path: Path) -> None:
    """The link itself changes no field, so only the loser's change can hold them back."""
    async with bench(tmp_path, project=ProjectType.USER_ID) as b, b.running():
        b.say(user_id="1", traits={"n": 1})
        await b.settled()
        b.append(
            [
                spoken("s2", "identify", email="x@x.org", traits={"plan": "pro"}),
                spoken("s3", "track", email="x@x.org", event="Opened"),
                spoken("s4", "track", user_id="1", email="x@x.org", event="Bought"),
            ]
        )
        await b.settled()
        rows = await b.ledger()
        told = [(row["kind"], row["payload"].get("id")) for row in rows]
        assert told == [("user", None)] * 3 + [("event", "s3"), ("event", "s4")]
        assert rows[2]["payload"]["dataFields"]["plan"] == "pro"


async def test_an_event_kept_while_its_user_leaves_goes_along(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(user_id="1", traits={"n": 1})
        await b.settled()
        asked = Message(
            type="merge",
            message_id="merge",
            received_at=NOW,
            effective_at=NOW,
            source="segue",
            properties={"loser": "a:a1", "winner": "u:1"},
        )
        b.hand_over([spoken("s2", "track", anonymous_id="a1", event="Looked"), asked], "a:a1")
        await b.settled()
        assert await deliveries(b) == ["s2"]
        assert waiting_kinds(b) == []


@pytest.mark.parametrize("flying", ["/api/events/trackBulk", "/api/users/bulkUpdate"])
async def test_a_crash_while_a_loser_is_in_flight_leaves_nobody_waiting(
    tmp_path: Path, flying: str
) -> None:
    async with bench(tmp_path) as b:
        with anyio.CancelScope() as crash:
            async with b.running():
                b.say(**ANN)
                await b.settled()
                await b.fault(path=flying, apply=True, hang=True, times=1)
                b.say(email="ann@x.org", traits={"n": 1})
                b.say(type="track", email="ann@x.org", event="Opened")
                await b.until(lambda: flying in str(open_calls(b)))
                b.say(user_id="1", **ANN)
                b.say(type="track", user_id="1", event="Bought")
                await b.until(lambda: profiles(b)["e:ann@x.org"].leaving == "u:1")
                crash.cancel()
        await b.no_faults()
        b.renew()
        async with b.running():
            await b.settled()
        assert sorted(profiles(b)) == ["u:1"]
        assert_identifiers_agree(b, [])
        names = [row["payload"]["eventName"] for row in await b.ledger(kind="event")]
        assert list(dict.fromkeys(names)) == ["Opened", "Bought"]
        await assert_state(b)
        assert_balanced(b)


def spoken(message_id: str, kind: str, **fields: Any) -> Message:
    """A message as ingest would leave it; the number of its id says when it came."""
    at = NOW + int(message_id[1:])
    return Message(
        type=kind, message_id=message_id, received_at=at, effective_at=at, source="web", **fields
    )


def counters(b: Bench) -> Counter[str]:
    found: Counter[str] = Counter()
    for turn in b.database.read_now(lambda c: turns.scan(c, 0, 10_000)):
        found.update(turn.body.counters)
    return found


def waiting_kinds(b: Bench) -> list[tuple[str, str]]:
    kinds = [waiting.WaitingKind.HELD, waiting.WaitingKind.PARKED, waiting.WaitingKind.DEAD]
    return [
        (row.user, str(kind))
        for kind in kinds
        for row in b.database.read_now(partial(waiting.by_kind, kind=kind, after=0, limit=100))
    ]


def open_calls(b: Bench) -> list[str]:
    found = b.database.read_now(lambda c: calls.open_calls(c, range(SHARDS)))
    return [f"/api/{call.key.endpoint}" for call in found]
