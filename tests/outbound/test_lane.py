"""One lane, from the log to Iterable."""

from pathlib import Path

import anyio
import pytest

from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.messages import shard_of
from daemon.domain.profiles import decode_believed, decode_profile
from daemon.mapping.blocks import DEFAULT, read
from daemon.mapping.diff import IDENTITY, identity_hash
from daemon.mapping.mappings import Mappings
from daemon.store import Connection, users, waiting
from tests.outbound.bench import CATALOG, bench, digest_published, quick_sandbox
from tests.outbound.truth import assert_balanced, counters

pytestmark = pytest.mark.anyio


def _ann(connection: Connection) -> dict[str, users.UserRow]:
    return users.load(connection, [(shard_of("u:1"), "u:1")])


async def test_an_identify_becomes_a_user(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org", "plan": "pro"})
        await b.settled()
        user = await b.user("1")
        assert user is not None
        assert user["dataFields"]["plan"] == "pro"
        assert user["email"] == "ann@x.org"


async def test_who_a_user_is_to_iterable_is_confirmed_with_its_time(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        for email in ("ann@x.org", "new@x.org"):
            b.say(user_id="1", email=email, traits={"email": email})
            before = b.parts.clock.now()
            await b.settled()
            believed = decode_believed(b.database.read_now(_ann)["u:1"].believed)
            identity = IterableIdentity(email, "1")
            assert believed.identity == identity
            assert believed.parts[IDENTITY].hash == identity_hash(identity)
            assert believed.parts[IDENTITY].at >= before


async def test_a_track_becomes_an_event_after_its_users_state(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org"})
        b.say(type="track", user_id="1", event="Bought", properties={"price": 3})
        await b.settled()
        paths = [row["path"] for row in await b.ledger()]
        assert paths == ["/api/users/bulkUpdate", "/api/events/trackBulk"]


async def test_what_changes_nothing_costs_no_call(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        for _ in range(5):
            b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org", "plan": "pro"})
            await b.settled()
        assert len(await b.ledger(kind="user")) == 1


async def test_ten_changes_of_one_user_are_one_row(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for number in range(10):
            b.say(user_id="1", traits={"visits": number})
        async with b.running():
            await b.settled()
        rows = await b.ledger(kind="user")
        assert [row["payload"]["dataFields"] for row in rows] == [{"visits": 9}]


async def test_old_data_does_not_overwrite_newer(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(user_id="1", traits={"plan": "pro"}, effective_at=2_000)
        b.say(user_id="1", traits={"plan": "free"}, effective_at=1_000)
        await b.settled()
        user = await b.user("1")
        assert user is not None
        assert user["dataFields"]["plan"] == "pro"


async def test_an_audience_entry_and_exit_end_outside_the_list(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        personas = {"computation_class": "audience", "computation_key": "vip"}
        b.say(user_id="1", traits={"plan": "pro"})
        b.say(user_id="1", traits={"vip": True}, context={"personas": personas})
        await b.settled()
        user = await b.user("1")
        assert user is not None
        assert user["dataFields"]["userListIds"] == [1002]
        assert "vip" not in user["dataFields"]
        b.say(user_id="1", traits={"vip": False}, context={"personas": personas})
        await b.settled()
        user = await b.user("1")
        assert user is not None
        assert user["dataFields"]["userListIds"] == []


async def test_a_membership_nobody_maps_yet_is_kept_in_the_store(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(user_id="1", traits={"plan": "pro"})
        await b.settled()
        personas = {"computation_class": "audience", "computation_key": "early"}
        b.say(user_id="1", traits={"early": True}, context={"personas": personas})
        await b.settled()
        profile = decode_profile(b.database.read_now(_ann)["u:1"].profile)
        assert profile.audiences["early"][0] is True


async def test_an_opt_out_reaches_iterable_and_is_proven(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org"})
        await b.settled()
        b.say(type="track", user_id="1", event="Unsubscribed")
        await b.settled()
        user = await b.user("1")
        assert user is not None
        assert user["dataFields"]["unsubscribedChannelIds"] == [2001]
        b.say(type="track", user_id="1", event="Subscribed")
        await b.settled()
        user = await b.user("1")
        assert user is not None
        assert user["dataFields"]["unsubscribedChannelIds"] == []


async def test_an_opt_out_before_the_user_exists_is_said_again_after(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.say(type="track", user_id="1", event="Unsubscribed")
        b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org"})
        async with b.running():
            await b.settled()
            user = await b.user("1")
        assert user is not None
        assert user["dataFields"]["unsubscribedChannelIds"] == [2001]


async def test_without_the_subscriptions_feature_arrays_are_read_then_written(
    tmp_path: Path,
) -> None:
    sandbox = quick_sandbox(subscriptions_feature=False)
    async with bench(tmp_path, sandbox=sandbox) as b, b.running():
        b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org"})
        await b.settled()
        edit = {"action": "unsubscribe", "userId": "1", "id": 2003}
        assert (await b.sandbox.post("/tamper", json=edit)).status_code == 200
        b.say(type="track", user_id="1", event="Unsubscribed")
        await b.settled()
        user = await b.user("1")
        assert user is not None
        assert user["dataFields"]["unsubscribedChannelIds"] == [2001, 2003]
        assert counters(b)["subscriptions sent as whole arrays"] == 1


@pytest.mark.parametrize("feature", [True, False])
async def test_a_type_of_policy_opt_in_is_left_and_entered_by_its_own_list(
    tmp_path: Path, feature: bool
) -> None:
    sandbox = quick_sandbox(subscriptions_feature=feature)
    async with bench(tmp_path, sandbox=sandbox, mappings=digest_published()) as b, b.running():
        b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org"})
        for event, subscribed in (("Digest On", [3002]), ("Digest Off", []), ("Digest On", [3002])):
            b.say(type="track", user_id="1", event=event)
            await b.settled()
            user = await b.user("1")
            assert user is not None
            assert user["dataFields"]["subscribedMessageTypeIds"] == subscribed
            assert user["dataFields"]["unsubscribedMessageTypeIds"] == []


async def test_an_anonymous_event_is_held_until_an_identify_links_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(type="track", anonymous_id="a1", event="Looked")
        b.say(type="track", anonymous_id="a1", event="Clicked")
        await b.settled()
        assert await b.ledger() == []
        b.say(user_id="1", anonymous_id="a1", email="ann@x.org", traits={"email": "ann@x.org"})
        await b.settled()
        b.say(type="track", user_id="1", event="Bought")
        await b.settled()
        events = await b.ledger(kind="event")
        assert [row["payload"]["eventName"] for row in events] == ["Looked", "Clicked", "Bought"]
        assert {row["payload"]["userId"] for row in events} == {"1"}


async def test_an_email_profile_becomes_the_userids_and_stays_one_user(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(email="ann@x.org", traits={"email": "ann@x.org", "source": "form"})
        await b.settled()
        b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org", "plan": "pro"})
        await b.settled()
        assert (await b.sandbox.get("/counts")).json()["users"] == 1
        user = await b.user("1")
        assert user is not None
        assert user["email"] == "ann@x.org"
        assert user["dataFields"]["source"] == "form"
        assert user["dataFields"]["plan"] == "pro"


async def test_a_change_of_email_keeps_the_user(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(user_id="1", email="old@x.org", traits={"email": "old@x.org"})
        await b.settled()
        b.say(user_id="1", email="new@x.org", traits={"email": "new@x.org", "plan": "pro"})
        await b.settled()
        assert (await b.sandbox.get("/counts")).json()["users"] == 1
        user = await b.user("1")
        assert user is not None
        assert user["email"] == "new@x.org"


async def test_a_change_of_email_in_an_email_project_moves_the_user(tmp_path: Path) -> None:
    async with bench(tmp_path, project=ProjectType.EMAIL) as b, b.running():
        b.say(user_id="1", email="old@x.org", traits={"email": "old@x.org"})
        await b.settled()
        b.say(user_id="1", email="new@x.org", traits={"email": "new@x.org", "plan": "pro"})
        await b.settled()
        assert (await b.sandbox.get("/counts")).json()["users"] == 1
        user = await b.user("new@x.org")
        assert user is not None
        assert user["dataFields"]["plan"] == "pro"


async def test_a_type_clash_costs_only_its_field(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(user_id="1", traits={"age": 30})
        await b.settled()
        b.say(user_id="2", traits={"age": "old", "plan": "pro"})
        b.say(user_id="3", traits={"age": 31, "plan": "free"})
        await b.settled()
        two, three = await b.user("2"), await b.user("3")
        assert two is not None
        assert three is not None
        assert two["dataFields"]["plan"] == "pro"
        assert "age" not in two["dataFields"]
        assert three["dataFields"]["age"] == 31


async def test_a_malformed_address_harms_only_its_user(tmp_path: Path) -> None:
    async with bench(tmp_path, project=ProjectType.EMAIL) as b:
        b.say(email="bad@", traits={"email": "bad@", "plan": "x"})
        b.say(email="ann@x.org", traits={"email": "ann@x.org", "plan": "pro"})
        b.say(type="track", email="ann@x.org", event="Bought")
        b.say(type="track", email="bad@", event="Bought")
        async with b.running():
            await b.settled()
        user = await b.user("ann@x.org")
        assert user is not None
        assert user["dataFields"]["plan"] == "pro"
        dead = b.database.read_now(lambda c: waiting.by_kind(c, waiting.WaitingKind.DEAD, 0, 10))
        assert [row.user for row in dead] == ["e:bad@"]


async def test_a_held_event_waits_for_what_its_user_said_while_nobody_could_be_addressed(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, project=ProjectType.EMAIL) as b, b.running():
        b.say(user_id="1", traits={"plan": "pro"})
        b.say(type="track", user_id="1", event="Bought")
        await b.settled()
        await b.fault(path="/api/users/bulkUpdate", delay_ms=100)
        b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org"})
        await b.settled()
        rows = await b.ledger()
        assert [row["kind"] for row in rows] == ["user", "event"]
        assert rows[0]["payload"]["dataFields"]["plan"] == "pro"


async def test_there_is_nothing_to_wait_for_where_no_lane_runs(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        with anyio.fail_after(1):
            await b.lane.finish()


def rated() -> Mappings:
    """An event that needs a name, and wants a number."""
    fields = {"eventName": "$.properties.called", "campaignId": "$.properties.campaign"}
    block = {"name": "rated", "action": "track_event", "subscribe": 'type = "track"'}
    return read([*DEFAULT[:1], {**block, "fields": fields}]).publish(1, ProjectType.HYBRID, CATALOG)


async def test_a_message_that_makes_no_row_is_a_dead_letter_and_a_field_left_out_is_told(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, mappings=rated()) as b, b.running():
        b.say(user_id="1", traits={"plan": "pro"})
        b.say(type="track", user_id="1", event="Said", properties={"campaign": 7})
        named = {"called": "Rated", "campaign": "none"}
        b.say(type="track", user_id="1", event="Said", properties=named)
        await b.settled()
        rows = await b.ledger(kind="event")
        assert [row["payload"]["eventName"] for row in rows] == ["Rated"]
        assert "campaignId" not in rows[0]["payload"]
        dead = b.database.read_now(lambda c: waiting.by_kind(c, waiting.WaitingKind.DEAD, 0, 9))
        assert [(row.position, row.reason) for row in dead] == [
            (2, "rated: eventName: is required")
        ]
        assert counters(b)["field left out, rated: campaignId"] == 1
        assert_balanced(b)
