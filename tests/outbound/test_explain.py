"""What is said of one person, and of each of their messages."""

from functools import partial
from pathlib import Path

import pytest

from daemon.outbound.explain import Explanation, explain
from tests.outbound.bench import Bench, bench, published
from tests.outbound.test_audit import filled, take

pytestmark = pytest.mark.anyio


def explained(b: Bench, name: str) -> Explanation:
    found = b.database.read_now(partial(explain, name=name, mappings=published()))
    assert found is not None, name
    return found


def fates(found: Explanation) -> dict[str, str]:
    return {each.message_id: each.fate for each in found.messages}


async def test_a_user_is_found_by_every_name_they_have(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
        for name in ("1", "ann@x.org", " Ann@X.org ", "u:1", "m1"):
            found = explained(b, name)
            assert found.user == "u:1"
            assert found.identifiers == ["e:ann@x.org", "u:1"]
        assert explained(b, "a1").user == explained(b, "m2").user == "u:2"
        assert explained(b, "bob@x.org").user == "u:4"
        for stranger in ("nobody", "e:1", "u:ann@x.org", "Bought", ""):
            assert b.database.read_now(partial(explain, name=stranger, mappings=None)) is None


async def test_state_is_shown_as_said_wanted_and_believed(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
        found = explained(b, "1")
        assert found.traits == {"email": "ann@x.org", "n": 2}
        assert found.desired is not None
        assert found.desired["fields"] == {"n": 2}
        (field,) = [each for each in found.believed if each.part == "field:n"]
        assert field.at > 0
        assert found.waits_since == max(each.position for each in found.messages)
        assert explained(b, "2").waits_since is None
        (choice,) = [part for part in explained(b, "3").believed if part.part == "channel:2001"]
        assert choice.certainty == "confirmed"


async def test_each_message_says_what_became_of_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
        found = explained(b, "1")
        assert fates(found) == {"m0": "no event", "m1": "delivered", "n3": "no event"}
        (bought,) = [each for each in found.messages if each.name == "Bought"]
        assert bought.folded
        assert len(bought.calls) == 1
        assert "events/trackBulk, answered 200" in bought.calls[0]
        looked = [each for each in explained(b, "2").messages if each.name == "Looked"]
        assert [each.fate for each in looked] == ["handed over", "delivered"]
        assert fates(explained(b, "a2")) == {"m3": "held"}
        assert explained(b, "a2").waiting == ["held at position 4"]
        assert fates(explained(b, "m6"))["m6"].startswith("dead: ")
        (waiting,) = explained(b, "n4").messages
        assert (waiting.folded, waiting.fate) == (False, "not yet emitted")


async def test_an_event_that_waited_says_how_it_ended(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        take(b, {"message_id": "e0", "type": "track", "user_id": "7", "event": "Early"})
        await b.settled()
        take(b, {"message_id": "h0", "type": "track", "anonymous_id": "u", "event": "Held"})
        await b.settled()
        take(b, {"message_id": "i0", "email": "z@x.org", "anonymous_id": "u", "traits": {"n": 1}})
        await b.settled()
        told = [each.fate for each in explained(b, "h0").messages if each.message_id == "h0"]
        assert told == ["handed over", "delivered"]


async def test_others_who_only_mention_the_name_are_left_out(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        take(
            b,
            {"message_id": "p", "user_id": "1", "traits": {"n": 1}},
            {"message_id": "q", "user_id": "8", "traits": {"friend": "1", "userId": "1"}},
        )
        await b.settled()
        assert set(fates(explained(b, "1"))) == {"p"}
