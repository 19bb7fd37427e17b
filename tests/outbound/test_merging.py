"""How two users become one: who waits, who leaves, and what goes along."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from daemon.domain.identity import ProjectType
from daemon.domain.messages import Message, shard_of
from daemon.domain.profiles import encode_believed, encode_profile
from daemon.store import users
from tests.outbound.bench import NOW, Bench, bench, quick_lane
from tests.outbound.truth import (
    assert_balanced,
    assert_identifiers_agree,
    assert_state,
    counters,
    deliveries,
    known,
    open_calls,
    owners,
    profiles,
    refused_identities,
    stored,
    waiting_kinds,
)

pytestmark = pytest.mark.anyio

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
        looked = spoken("s2", "track", anonymous_id="a1", event="Looked")
        b.hand_over([looked, merge("a:a1", "u:1")], "a:a1")
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


async def test_what_a_winner_kept_back_is_sent_though_its_loser_brings_nothing(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(type="page", anonymous_id="a1", name="Home")
        b.say(user_id="1", traits={"n": 1})
        await b.settled()
        b.say(type="track", user_id="1", anonymous_id="a1", event="Bought")
        await b.settled()
        assert await deliveries(b) == ["m3"]


async def test_copies_come_before_the_loser_is_there_however_short_the_turns(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, settings=quick_lane(turn_messages=1)) as b:
        b.say(type="track", anonymous_id="a1", event="Looked")
        b.say(type="track", anonymous_id="a1", event="Clicked")
        b.say(type="track", user_id="1", anonymous_id="a1", event="Bought")
        async with b.running():
            await b.settled()
        assert await deliveries(b) == ["m1", "m2", "m3"]


async def test_the_iterable_user_that_has_the_wanted_address_is_the_one_kept(
    tmp_path: Path,
) -> None:
    """Two addresses were two users in Iterable before anybody knew that they are one person."""
    async with bench(tmp_path, project=ProjectType.EMAIL) as b, b.running():
        for name in ("old", "new"):
            b.say(email=f"{name}@x.org", traits={"email": f"{name}@x.org", "from": name})
        await b.settled()
        b.say(user_id="1", email="old@x.org", traits={"plan": "pro"})
        await b.settled()
        b.say(user_id="1", email="new@x.org", traits={"email": "new@x.org", "plan": "top"})
        await b.settled()
        assert refused_identities(b) == set()
        user = await b.user("new@x.org")
        assert user is not None
        assert (user["dataFields"]["plan"], user["dataFields"]["from"]) == ("top", "new")
        assert counters(b)["two Iterable users"] == 1


async def test_a_parked_event_that_lands_as_its_user_leaves_is_sent_once(tmp_path: Path) -> None:
    async with bench(tmp_path, settings=quick_lane(window=2)) as b, b.running():
        await b.fault(path="/api/users/bulkUpdate", status=503)
        b.say(**ANN)
        for _ in range(4):
            b.say(type="track", email="ann@x.org", event="Opened")
        await b.until(lambda: bool(waiting_kinds(b)))
        await b.no_faults()
        await b.fault(path="/api/events/trackBulk", delay_ms=300)
        await b.until(lambda: "/api/events/trackBulk" in open_calls(b))
        b.say(user_id="1", **ANN)
        await b.settled()
        rows = await b.ledger(kind="event")
        assert sorted(row["payload"]["id"] for row in rows) == ["m2", "m3", "m4", "m5"]
        assert_balanced(b)


async def test_a_merge_asked_of_somebody_who_is_gone_is_made_with_whom_they_went_to(
    tmp_path: Path,
) -> None:
    """Two lanes may ask for one loser at the same time."""
    async with bench(tmp_path) as b:
        async with b.running():
            b.say(type="track", anonymous_id="a1", event="Looked")
            b.say(email="x@x.org", anonymous_id="a1", traits={"email": "x@x.org", "plan": "pro"})
            b.say(user_id="1", traits={"n": 1})
            await b.settled()
        wait_for(b, "u:1", "a:a1")
        b.hand_over([merge("a:a1", "u:1")], "a:a1")
        b.say(type="track", user_id="1", event="Bought")
        b.renew()
        async with b.running():
            await b.settled()
        assert sorted(profiles(b)) == ["u:1"]
        assert known(profiles(b)["u:1"]) == {"n": 1, "plan": "pro", "email": "x@x.org"}
        assert_identifiers_agree(b, [])
        assert (await deliveries(b))[-1] == "m4"


async def test_a_merge_asked_of_somebody_the_winner_has_already_is_over(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        async with b.running():
            b.say(user_id="1", anonymous_id="a1", traits={"n": 1})
            await b.settled()
        wait_for(b, "u:1", "a:a1")
        b.hand_over([merge("a:a1", "u:1")], "a:a1")
        b.say(type="track", user_id="1", event="Bought")
        b.renew()
        async with b.running():
            await b.settled()
        assert await deliveries(b) == ["m2"]
        assert_identifiers_agree(b, [])


async def test_who_waits_for_a_loser_leaves_only_with_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        async with b.running():
            b.say(type="track", anonymous_id="a1", event="Looked")
            b.say(email="x@x.org", traits={"email": "x@x.org"})
            b.say(user_id="1", traits={"n": 1})
            await b.settled()
        wait_for(b, "e:x@x.org", "a:a1")
        wait_for(b, "u:1", "e:x@x.org")
        b.hand_over([merge("e:x@x.org", "u:1")], "e:x@x.org")
        b.renew()
        async with b.running():
            await b.until(lambda: profiles(b)["e:x@x.org"].leaving == "u:1")
            b.hand_over([merge("a:a1", "e:x@x.org")], "a:a1")
            await b.settled()
        said = [spoken("s1", "track", email="x@x.org"), spoken("s2", "track", anonymous_id="a1")]
        assert_identifiers_agree(b, said)
        assert sorted(profiles(b)) == ["u:1"]
        assert await deliveries(b) == ["m1"]


def wait_for(b: Bench, winner: str, loser: str) -> None:
    """Let a stored user wait for a loser, as one that has just asked for it does."""
    profile, believed = stored(b)[winner]
    profile.merging.append(loser)
    row = users.UserRow(
        shard_of(winner), winner, encode_profile(profile), encode_believed(believed)
    )
    b.database.write_now(lambda c: users.save(c, [row]))


def merge(loser: str, winner: str) -> Message:
    return Message(
        type="merge",
        message_id="merge",
        received_at=NOW,
        effective_at=NOW,
        source="segue",
        properties={"loser": loser, "winner": winner},
    )


def spoken(message_id: str, kind: str, **fields: Any) -> Message:
    """A message as ingest would leave it; the number of its id says when it came."""
    at = NOW + int(message_id[1:])
    return Message(
        type=kind, message_id=message_id, received_at=at, effective_at=at, source="web", **fields
    )
