"""From tampering to a verified repair: a real lane, a real store, a served sandbox."""

from pathlib import Path

import anyio
import pytest

from daemon.errors import ConfigurationError, GuardRefused, PlanStale, Unavailable
from daemon.reconcile.reconciler import Reconciler
from daemon.reconcile.requests import Plan
from tests.outbound.bench import digest_published
from tests.reconcile.world import LAG, MARKETING, NOBODY_ELSE, VIP, changed, drift, world

pytestmark = pytest.mark.anyio


async def test_what_agrees_is_in_sync_and_makes_no_plan(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(5)
        report = await w.plan()
        assert (report.state, report.lines, report.plan) == ("complete", [], None)
        assert (report.counts.observed, report.counts.profiles, report.counts.in_sync) == (5, 5, 5)


async def test_what_careless_people_did_is_found_explained_and_repaired(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(6)
        await w.tamper("fields", "2", fields={"plan": "free"})
        await w.tamper("delete", "3")
        await w.tamper("drop_list", "1", id=VIP)
        await w.tamper("subscribe", "1", group="channels", id=MARKETING, by="api")
        before = w.log_head()
        report = await w.plan()
        assert drift(report) == {
            ("field plan", "edited in Iterable"),
            ("user", "deleted in Iterable"),
            ('list "VIP" (1002)', "removed in Iterable"),
            ("channel Marketing Email", "re-subscribed after opt-out"),
        }
        assert report.lines[0].first
        assert report.counts.drifted == 3
        assert w.log_head() == before, "a plan changes nothing"
        assert report.plan is not None
        assert (report.plan.users, report.plan.parts, report.plan.first) == (3, 4, 1)
        assert (report.plan.recreations, report.plan.calls) == (1, 3)

        after = await w.apply(report.plan.id, recreate=True)
        assert after.left == 0
        assert after.plan is not None
        assert (after.plan.state, after.plan.states) == ("done", {"repaired": 4})
        again = await w.plan()
        assert (again.lines, again.counts.in_sync) == ([], 6)
        user = await w.bench.user("1")
        assert user is not None
        assert user["dataFields"]["unsubscribedChannelIds"] == [MARKETING]


async def test_message_types_of_policy_opt_in_are_compared_by_who_is_subscribed(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, mappings=digest_published()) as w, w.bench.running():
        for number, event in (("1", "Digest Off"), ("2", "Digest On"), ("3", "Digest Off")):
            w.bench.say(user_id=number, traits={"plan": "pro"})
            w.bench.say(type="track", user_id=number, event=event)
        await w.bench.settled()
        await anyio.sleep(2 * LAG / 1000)
        assert (await w.plan()).counts.in_sync == 3
        await w.tamper("unsubscribe", "2", group="types", id=3002)
        await w.tamper("subscribe", "3", group="types", id=3002, by="api")
        report = await w.plan()
        assert {(line.cause.partition(",")[0], line.state) for line in report.lines} == {
            ("unsubscribed in Iterable", "respected"),
            ("re-subscribed after opt-out", "planned"),
        }
        assert report.plan is not None
        assert (await w.apply(report.plan.id)).left == 0
        user = await w.bench.user("3")
        assert user is not None
        assert user["dataFields"]["subscribedMessageTypeIds"] == []


async def test_a_deleted_user_stays_deleted_without_the_flag(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(3)
        await w.tamper("delete", "3")
        await w.tamper("fields", "2", fields={"plan": "free"})
        report = await w.plan()
        assert report.plan is not None
        after = await w.apply(report.plan.id)
        assert after.left == 1
        assert await w.bench.user("3") is None
        only = await w.plan()
        assert only.plan is not None
        with pytest.raises(GuardRefused, match="deleted"):
            await w.apply(only.plan.id)


async def test_an_opt_out_made_in_iterable_is_respected(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(1)
        w.bench.say(type="track", user_id="2", event="Subscribed", email="two@x.org")
        w.bench.say(user_id="2", traits={"plan": "pro"})
        await w.bench.settled()
        await w.tamper("unsubscribe", "2", group="channels", id=MARKETING)
        await w.tamper("fields", "2", fields={"plan": "free"})
        await anyio.sleep(0.7)
        report = await w.plan()
        assert report.counts.respected == 1
        assert report.plan is not None
        after = await w.apply(report.plan.id)
        assert after.left == 0
        user = await w.bench.user("2")
        assert user is not None
        assert user["dataFields"]["unsubscribedChannelIds"] == [MARKETING]
        assert user["dataFields"]["plan"] == "pro"


async def test_a_plan_is_applied_once(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(2)
        await w.tamper("fields", "2", fields={"plan": "free"})
        report = await w.plan()
        assert report.plan is not None
        await w.apply(report.plan.id)
        head = w.log_head()
        with pytest.raises(PlanStale):
            await w.apply(report.plan.id)
        assert w.log_head() == head


async def test_a_row_whose_desired_changed_is_superseded_alone(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(3)
        for each in ("2", "3"):
            await w.tamper("fields", each, fields={"plan": "free"})
        report = await w.plan()
        assert report.plan is not None
        w.bench.say(user_id="2", traits={"plan": "max"})
        await w.bench.settled()
        after = await w.apply(report.plan.id)
        assert after.plan is not None
        assert after.plan.states == {"superseded": 1, "repaired": 1}
        user = await w.bench.user("2")
        assert user is not None
        assert user["dataFields"]["plan"] == "max"


async def test_a_plan_over_the_share_needs_an_explicit_yes(tmp_path: Path) -> None:
    careful = changed(NOBODY_ELSE, max_share=0.3)
    async with world(tmp_path, settings=careful) as w, w.bench.running():
        await w.customers(4)
        for user in ("2", "3"):
            await w.tamper("fields", user, fields={"plan": "free"})
        report = await w.plan()
        assert report.plan is not None
        assert len(report.plan.guards) == 1
        head = w.log_head()
        with pytest.raises(GuardRefused, match=r"50\.00%"):
            await w.apply(report.plan.id)
        assert w.log_head() == head
        after = await w.apply(report.plan.id, beyond_guards=True)
        assert after.left == 0


async def test_one_user_is_looked_at_by_point_reads_alone(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(3)
        await w.tamper("fields", "2", fields={"plan": "free"})
        await w.tamper("fields", "3", fields={"plan": "free"})
        report = await w.plan("user2@x.org")
        assert report.kind == "spot"
        assert drift(report) == {("field plan", "edited in Iterable")}
        assert report.plan is not None
        assert report.plan.users == 1
        counts = (await w.bench.sandbox.get("/counts")).json()["endpoints"]
        assert not [name for name in counts if "export" in name]


async def test_an_unknown_name_is_a_mistake_of_whoever_asked(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        with pytest.raises(ConfigurationError, match=r"n\*\*\*@x\.org"):
            await w.plan("nobody@x.org")


async def test_users_unknown_to_segment_are_left_alone(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        async with w.bench.running():
            await w.customers(2)
        await w.bench.database.write(_forget_user_2)
        report = await w.plan()
        assert (report.counts.observed, report.counts.unknown, report.counts.profiles) == (2, 1, 1)
        assert report.lines == []


def _forget_user_2(connection: object) -> None:
    from sqlalchemy import Connection, text

    assert isinstance(connection, Connection)
    connection.execute(text("DELETE FROM identifier WHERE \"user\" = 'u:2'"))
    connection.execute(text("DELETE FROM \"user\" WHERE id = 'u:2'"))


async def test_whoever_waits_when_the_reconciler_ends_is_told_so(tmp_path: Path) -> None:
    async with world(tmp_path) as w, anyio.create_task_group() as group:
        await w.bench.fault(path="/api/export/*", hang=True)
        ended: list[str] = []

        async def ask(reconciler: Reconciler) -> None:
            try:
                await reconciler.request(Plan())
            except Unavailable as error:
                ended.append(str(error))

        async with w.reconciling() as reconciler:
            for _ in range(3):
                group.start_soon(ask, reconciler)
            await anyio.sleep(0.1)
        with anyio.fail_after(5):
            while len(ended) < 3:
                await anyio.sleep(0.01)
        assert set(ended) == {"the reconciler was interrupted; ask again"}
