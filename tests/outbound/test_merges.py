"""One person under several names, whatever the order in which the names become known.

Each permutation of a scenario is a person of their own, with identifiers of their own, so that all
of them go through the same lanes at once.
"""

from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from daemon.domain.identity import ProjectType
from daemon.domain.messages import Message
from tests.outbound.bench import NOW, Bench, bench
from tests.outbound.truth import (
    assert_balanced,
    assert_identifiers_agree,
    assert_in_order,
    assert_state,
    deliveries,
    known,
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
        created = (await b.sandbox.get("/counts")).json()["users"]
        if steps is not TWO_EMAILS or project is ProjectType.USER_ID:
            assert created == len(found) + len(split)


def known_at_the_end(steps: dict[str, Step]) -> dict[str, Any]:
    traits: dict[str, Any] = {}
    for step in steps.values():
        traits |= step.get("traits", {})
    return traits
