"""Users who are called otherwise in Iterable than Segment says, in all three project types."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from daemon.domain.identity import ProjectType
from daemon.reconcile.report import RunReport
from daemon.reconcile.sights import recall
from tests.reconcile.world import LAG, World, drift, world

pytestmark = pytest.mark.anyio

CHANGES: dict[ProjectType, list[tuple[str, dict[str, Any]]]] = {
    ProjectType.EMAIL: [
        ("users/updateEmail", {"currentEmail": "user2@x.org", "newEmail": "changed@x.org"}),
        ("users/update", {"email": "user3@x.org", "dataFields": {"userId": "77"}}),
    ],
    ProjectType.HYBRID: [
        ("users/update", {"userId": "2", "dataFields": {"email": "changed@x.org"}}),
        ("users/update", {"userId": "3", "dataFields": {"userId": "77"}}),
    ],
    ProjectType.USER_ID: [
        ("users/update", {"userId": "2", "dataFields": {"email": "changed@x.org"}}),
    ],
}


async def everyone(w: World) -> set[tuple[str | None, str | None]]:
    """Every Iterable user, as (e-mail, userId)."""
    lines = (await w.bench.sandbox.get("/users")).text.splitlines()
    users = [json.loads(line) for line in lines]
    return {(user.get("email"), user.get("userId")) for user in users}


RIGHT = {("user1@x.org", "1"), ("user2@x.org", "2"), ("user3@x.org", "3")}


def reported(report: RunReport) -> list[tuple[str, str, str]]:
    return [(line.part, line.state, line.note) for line in report.lines]


@pytest.mark.parametrize("project", CHANGES)
async def test_an_identity_changed_in_iterable_is_planned_and_repaired(
    tmp_path: Path, project: ProjectType
) -> None:
    async with world(tmp_path, project=project) as w, w.bench.running():
        await w.customers(3)
        for path, body in CHANGES[project]:
            await w.elsewhere(path, **body)
        changed, count = await everyone(w), len(CHANGES[project])
        assert len(changed - RIGHT) == count
        report = await w.plan()
        assert drift(report) == {("identity", "edited in Iterable")}
        assert report.plan is not None
        assert (report.plan.users, report.plan.parts, report.plan.calls) == (count, count, count)
        assert await everyone(w) == changed
        after = await w.apply(report.plan.id)
        assert after.left == 0
        assert after.plan is not None
        assert after.plan.states == {"repaired": count}
        w.bench.say(user_id="2", traits={"plan": "max"})
        await w.bench.settled()
        assert await everyone(w) == RIGHT


async def test_one_user_alone_is_found_and_repaired_under_its_other_identifier(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(3)
        await w.elsewhere("users/update", userId="2", dataFields={"userId": "77", "plan": "free"})
        report = await w.plan("2")
        assert drift(report) == {
            ("identity", "edited in Iterable"),
            ("field plan", "edited in Iterable"),
        }
        assert report.plan is not None
        assert (await w.apply(report.plan.id)).left == 0
        assert await everyone(w) == RIGHT
        user = await w.read("users/byUserId/2")
        assert user["dataFields"]["plan"] == "pro"


async def test_a_user_somebody_made_by_the_e_mail_alone_is_given_its_user_id(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(3)
        await w.tamper("delete", "2")
        await w.elsewhere("users/update", email="user2@x.org", dataFields={"plan": "pro"})
        report = await w.plan()
        assert ("identity", "edited in Iterable") in drift(report)
        assert report.plan is not None
        assert report.plan.recreations == 0
        assert (await w.apply(report.plan.id)).left == 0
        assert await everyone(w) == RIGHT


async def test_where_two_hybrid_users_are_there_for_one_profile_both_are_left_alone(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(3)
        await w.elsewhere("users/update", userId="2", dataFields={"email": "changed@x.org"})
        await w.elsewhere("users/update", email="user2@x.org", dataFields={"plan": "free"})
        before = await everyone(w)
        why = "two Iterable users: another one has the e-mail"
        for report in (await w.plan(), await w.plan("2")):
            assert reported(report) == [("identity", "reported", why)]
            assert report.plan is None
        assert await everyone(w) == before


async def test_in_an_e_mail_based_project_a_user_id_may_be_that_of_several_users(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, project=ProjectType.EMAIL) as w, w.bench.running():
        await w.customers(3)
        moved = {"currentEmail": "user2@x.org", "newEmail": "changed@x.org"}
        await w.elsewhere("users/updateEmail", **moved)
        unknown = "only a sweep can tell whether another user has the same userId"
        assert reported(await w.plan("2")) == [("identity", "reported", unknown)]
        await w.elsewhere("users/update", email="second@x.org", dataFields={"userId": "2"})
        report = await w.plan()
        two = "two Iterable users: another one has the userId"
        assert reported(report) == [("identity", "reported", two)]
        assert report.plan is None


async def test_an_address_the_user_had_before_does_not_hide_the_one_it_has(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, project=ProjectType.EMAIL) as w, w.bench.running():
        await w.customers(2)
        w.bench.say(user_id="2", email="new@x.org", traits={"email": "new@x.org"})
        await w.bench.settled()
        await w.elsewhere("users/update", email="user2@x.org", dataFields={"plan": "free"})
        await anyio.sleep(2 * LAG / 1000)
        report = await w.plan()
        assert (report.lines, report.counts.in_sync) == ([], 2)
        seen = w.bench.database.read_now(lambda c: recall(c, report.run, ["u:1", "u:2"]))
        assert seen == {"u:1": None, "u:2": None}


async def test_in_a_user_id_based_project_an_e_mail_proves_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, project=ProjectType.USER_ID) as w, w.bench.running():
        await w.customers(3)
        await w.elsewhere("users/update", userId="2", dataFields={"userId": "77"})
        report = await w.plan()
        assert [(line.part, line.state) for line in report.lines] == [("identity", "reported")]
        assert "proves nothing" in report.lines[0].note
        assert report.plan is None


async def test_an_e_mail_another_profile_owns_is_no_trace_of_this_one(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(3)
        await w.tamper("delete", "2")
        await w.elsewhere("users/update", userId="3", dataFields={"email": "user2@x.org"})
        report = await w.plan("2")
        assert drift(report) == {("user", "deleted in Iterable")}


async def test_an_identity_segment_changed_meanwhile_is_not_put_back(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(3)
        await w.elsewhere("users/update", userId="2", dataFields={"email": "changed@x.org"})
        report = await w.plan()
        assert report.plan is not None
        w.bench.say(user_id="2", email="new@x.org", traits={"email": "new@x.org"})
        await w.bench.settled()
        after = await w.apply(report.plan.id)
        assert after.plan is not None
        assert after.plan.states == {"superseded": 1}
        assert ("new@x.org", "2") in await everyone(w)
