"""Promise 5 in the lane: an opt-out reaches the Iterable user it is about, whatever happens."""

from pathlib import Path
from typing import Any

import anyio
import httpx
import msgspec
import pytest

from daemon.domain.identity import ProjectType
from daemon.domain.messages import Message, shard_of
from daemon.domain.profiles import Believed, Certainty, decode_believed
from daemon.mapping.blocks import read
from daemon.mapping.mappings import Mappings
from daemon.outbound.landing import Patience
from daemon.sandbox.settings import LagSettings, SandboxSettings
from daemon.store import users
from tests.outbound.bench import BLOCKS, CATALOG, NOW, Bench, bench, quick_lane, quick_sandbox

pytestmark = pytest.mark.anyio
OUT = {"type": "track", "event": "Unsubscribed"}
VIP = {
    "type": "track",
    "event": "Audience Entered",
    "properties": {"vip": True},
    "context": {"personas": {"computation_key": "vip", "computation_class": "audience"}},
}
LOST: dict[str, Any] = {"path": "/api/subscriptions/*", "status": 202, "body": {}, "times": 1}
"""Iterable says it accepted the opt-out, and keeps nothing."""


def published(*more: dict[str, Any], events: bool = True) -> Mappings:
    blocks = [block for block in BLOCKS if events or block["action"] != "track_event"]
    return read([*blocks, *more]).publish(1, ProjectType.HYBRID, CATALOG)


BOUGHT = {
    "name": "bought",
    "action": "track_event",
    "subscribe": 'event = "Bought"',
    "preset": "segment",
}


async def channels_left(b: Bench, identifier: str) -> Any:
    user = await b.user(identifier)
    return user and user["dataFields"].get("unsubscribedChannelIds")


def believed(b: Bench, user: str) -> Believed:
    row = b.database.read_now(lambda c: users.load(c, [(shard_of(user), user)])).get(user)
    return decode_believed(row.believed) if row else Believed()


def certainties(b: Bench, user: str) -> set[int]:
    parts = believed(b, user).parts.items()
    return {part.certainty for name, part in parts if name.startswith("channel:")}


async def test_one_that_was_not_proven_is_read_back_after_a_restart(tmp_path: Path) -> None:
    patience = Patience(lag=1_500, first=20, longest=200, longest_pause=200)
    async with bench(tmp_path, settings=quick_lane(patience=patience)) as b:
        async with b.running():
            b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org"})
            await b.settled()
        b.renew()
        with anyio.CancelScope() as crash:
            async with b.running():
                await b.fault(**LOST)
                b.say(user_id="1", **OUT)
                await b.until(lambda: certainties(b, "u:1") == {Certainty.ACCEPTED})
                crash.cancel()
        assert await channels_left(b, "1") is None
        b.renew()
        async with b.running():
            await b.settled()
        assert await channels_left(b, "1") == [2001]


@pytest.mark.parametrize("creates", [VIP, {"type": "track", "event": "Bought"}])
async def test_whatever_makes_the_user_it_is_sent_again_then(
    tmp_path: Path, creates: dict[str, Any]
) -> None:
    async with bench(tmp_path, mappings=published(BOUGHT, events=False)) as b, b.running():
        await b.fault(**LOST)
        b.say(user_id="1", **OUT)
        await b.settled()
        assert await b.user("1") is None
        b.say(user_id="1", **creates)
        await b.settled()
        assert await channels_left(b, "1") == [2001]


async def test_one_of_a_userid_nobody_knows_reaches_the_user_it_is_merged_with(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(email="ann@x.org", traits={"email": "ann@x.org"})
        await b.settled()
        b.say(user_id="1", **OUT)
        await b.settled()
        b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org", "plan": "pro"})
        await b.settled()
        assert await channels_left(b, "ann@x.org") == [2001]


@pytest.mark.parametrize(
    "creates", [VIP, {"type": "track", "event": "Bought"}, {"traits": {"plan": "pro"}}]
)
async def test_whatever_makes_a_user_again_who_was_seen_to_be_gone(
    tmp_path: Path, creates: dict[str, Any]
) -> None:
    async with bench(tmp_path, mappings=published(BOUGHT, events=False)) as b, b.running():
        b.say(user_id="1", traits={"plan": "basic"})
        await b.settled()
        async with httpx.AsyncClient(headers={"Api-Key": SandboxSettings().api_key}) as client:
            await client.delete(f"{b.api}users/byUserId/1")
        await b.fault(**LOST)
        b.say(user_id="1", **OUT)
        await b.settled()
        assert await b.user("1") is None
        b.say(user_id="1", **creates)
        await b.settled()
        assert await channels_left(b, "1") == [2001]


@pytest.mark.parametrize("said", [None, "bob@x.org"])
async def test_a_known_user_whose_address_is_unsaid_or_contested_is_opted_out(
    tmp_path: Path, said: str | None
) -> None:
    async with bench(tmp_path, project=ProjectType.EMAIL) as b, b.running():
        b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org", "plan": "a"})
        b.say(user_id="2", email="bob@x.org", traits={"email": "bob@x.org"})
        await b.settled()
        b.say(user_id="1", email=said, traits={"email": said})
        await b.settled()
        b.say(user_id="1", **OUT)
        b.say(user_id="1", traits={"plan": "b"})
        await b.settled()
        user = await b.user("ann@x.org")
        assert user is not None
        assert user["dataFields"]["unsubscribedChannelIds"] == [2001]
        assert user["dataFields"]["plan"] == "b"
        assert await channels_left(b, "bob@x.org") is None


async def test_nobody_left_to_ask_for_proves_nothing_and_ends_no_lane(tmp_path: Path) -> None:
    ann: dict[str, Any] = {"context": {"traits": {"email": "ann@x.org"}}, "email": "ann@x.org"}
    patience = Patience(lag=600, first=20, longest=200, longest_pause=200)
    settings = quick_lane(patience=patience)
    async with bench(tmp_path, settings=settings, project=ProjectType.EMAIL) as b, b.running():
        await b.fault(**LOST)
        b.say(**OUT, **ann)
        await b.until(lambda: certainties(b, "e:ann@x.org") == {Certainty.ACCEPTED})
        b.say(traits={"email": None}, **ann)
        await b.settled()
        b.say(traits={"email": "ann@x.org"}, **ann)
        await b.settled()
        assert await channels_left(b, "ann@x.org") == [2001]


async def test_users_of_a_queue_that_is_given_up_are_opted_out_the_other_way(
    tmp_path: Path,
) -> None:
    sandbox = quick_sandbox(subscriptions_feature=False)
    async with bench(tmp_path, sandbox=sandbox, settings=quick_lane(calls_per_endpoint=1)) as b:
        block = {**BLOCKS[-1], "name": "sms", "subscribe": 'event = "NoSms"'}
        block["unsubscribe"] = {"channels": ["Marketing SMS"]}
        mapped = published(block)
        b.parts = msgspec.structs.replace(b.parts, mappings=lambda: mapped)
        b.renew()
        async with b.running():
            b.say(user_id="1", traits={"a": 1})
            b.say(user_id="2", traits={"a": 1})
            await b.settled()
            b.append([_told("1", "Unsubscribed"), _told("2", "NoSms")])
            await b.settled()
        assert await channels_left(b, "1") == [2001]
        assert await channels_left(b, "2") == [2002]


async def test_a_page_of_somebody_elses_changes_no_way_of_opting_out(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(user_id="1", traits={"a": 1})
        await b.settled()
        await b.fault(path="/api/subscriptions/*", status=404, body="<html>no</html>", times=1)
        b.say(user_id="1", **OUT)
        await b.settled()
        assert await channels_left(b, "1") == [2001]
        counts = (await b.sandbox.get("/counts")).json()["endpoints"]
        assert not any("updateSubscriptions" in path for path in counts)


async def test_a_whole_array_holds_opt_outs_that_can_not_be_seen_yet(tmp_path: Path) -> None:
    lag = LagSettings(mode="fixed", fixed_ms=1_500)
    sandbox = quick_sandbox(subscriptions_feature=False, lag_single=lag)
    block = {**BLOCKS[-1], "name": "sms", "subscribe": 'event = "NoSms"'}
    block["unsubscribe"] = {"channels": ["Marketing SMS"]}
    patience = Patience(lag=2_000, first=20, longest=200, longest_pause=200)
    settings = quick_lane(patience=patience)
    async with (
        bench(tmp_path, sandbox=sandbox, settings=settings, mappings=published(block)) as b,
        b.running(),
    ):
        b.say(user_id="1", traits={"a": 1})
        await b.settled()
        await anyio.sleep(1.6)  # the sandbox shows the user by its own clock
        b.say(user_id="1", **OUT)
        await b.until(lambda: certainties(b, "u:1") == {Certainty.ACCEPTED})
        b.say(user_id="1", type="track", event="NoSms")
        parts = believed
        await b.until(lambda: len([n for n in parts(b, "u:1").parts if n[:8] == "channel:"]) > 1)
        assert await channels_left(b, "1") == [2001, 2002]
        await b.settled()


def _told(user: str, event: str) -> Message:
    at = NOW + 10_000
    return Message(
        type="track",
        message_id=f"{user}-{event}",
        received_at=at,
        effective_at=at,
        source="web",
        user_id=user,
        event=event,
    )
