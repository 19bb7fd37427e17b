"""A plan that was interrupted while it was applied is gone on with, and sends nothing twice."""

from functools import partial
from pathlib import Path

import anyio
import msgspec
import pytest

from daemon.domain.messages import MessageClass, decode
from daemon.domain.profiles import Observation
from daemon.mapping.canonical import value_hash
from daemon.mapping.diff import MEMBER, NO_MEMBER, SUBSCRIBED, UNSUBSCRIBED
from daemon.reconcile import applying
from daemon.reconcile.applying import Applier, Approval, planned_hash
from daemon.store import log
from tests.reconcile.world import MARKETING, World, world

pytestmark = pytest.mark.anyio


def sent(w: World) -> list[Observation]:
    """The observations in the log, in its order."""
    rows = w.bench.database.read_now(partial(log.read, after=0, shards=None, limit=1000))
    repairs = [row for row in rows if row.message_class is MessageClass.REPAIR]
    messages = [decode(row.body) for row in repairs]
    assert all(m.type == "observation" and m.user_key == m.properties["user"] for m in messages)
    return [msgspec.convert(message.properties, Observation) for message in messages]


async def test_an_interrupted_plan_is_gone_on_with_and_sends_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "USERS_PER_CHUNK", 1)
    async with world(tmp_path) as w:
        async with w.bench.running():
            await w.customers(5)
            for user in ("2", "3", "4", "5"):
                await w.tamper("fields", user, fields={"plan": "free"})
            report = await w.plan()
        assert report.plan is not None
        # no lane runs now: what was sent stays as it is
        chunks: list[None] = []
        applier = Applier(w.bench.database, w.parts.clock, lambda: chunks.append(None))
        begun = await applier.begin(report.plan.id, Approval("test"), 1.0)
        async with anyio.create_task_group() as group:
            group.start_soon(applier.apply, begun, w.mappings)
            await w.bench.until(lambda: len(chunks) >= 2)
            group.cancel_scope.cancel()
        assert 2 <= len(sent(w)) < 5
        found = await applier.interrupted()
        assert found is not None
        assert len(found.positions) >= 1
        w.bench.renew()
        async with w.bench.running(), w.reconciling():
            await w.bench.until(lambda: _state(w, report.run) == "done", seconds=20)
        users = [observation.user for observation in sent(w)]
        assert sorted(users) == ["u:2", "u:3", "u:4", "u:5"]
        assert await applier.interrupted() is None


def _state(w: World, run: int) -> str:
    plan = w.report(run).plan
    return plan.state if plan else ""


async def test_missing_opt_outs_are_sent_first(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        async with w.bench.running():
            await w.customers(4)
            w.bench.say(type="track", user_id="4", event="Unsubscribed")
            await w.bench.settled()
            await anyio.sleep(0.7)
            for user in ("2", "3", "4"):
                await w.tamper("fields", user, fields={"plan": "free"})
            await w.tamper("subscribe", "4", group="channels", id=MARKETING, by="api")
            report = await w.plan()
        assert report.plan is not None
        applier = Applier(w.bench.database, w.parts.clock, lambda: None)
        begun = await applier.begin(report.plan.id, Approval("test"), 1.0)
        await applier.apply(begun, w.mappings)
        observations = sent(w)
        assert observations[0].user == "u:4"
        assert set(observations[0].desired) == {"field:plan", "channel:2001"}
        assert observations[0].observed.fields["plan"] == "free"


@pytest.mark.parametrize(
    ("part", "desired", "expected"),
    [
        ("field:plan", "pro", value_hash("pro")),
        ("field:plan", None, value_hash(None)),
        ("list:7", "member", MEMBER),
        ("list:7", "not member", NO_MEMBER),
        ("channel:1", "unsubscribed", UNSUBSCRIBED),
        ("messageType:1", "subscribed", SUBSCRIBED),
    ],
)
def test_a_stored_difference_hashes_as_desired_does(
    part: str, desired: object, expected: int
) -> None:
    assert planned_hash(part, desired) == expected


@pytest.mark.parametrize("by", [applying.BY_SCHEDULE, "ann"])
async def test_missing_opt_outs_go_first_whoever_approved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setattr(applying, "USERS_PER_CHUNK", 1)
    async with world(tmp_path) as w:
        async with w.bench.running():
            await w.customers(4)
            for user in ("2", "3", "4"):
                await w.tamper("fields", user, fields={"plan": "free"})
            await w.tamper("subscribe", "1", group="channels", id=MARKETING, by="api")
            report = await w.plan()
        assert report.plan is not None
        applier = Applier(w.bench.database, w.parts.clock, lambda: None)
        begun = await applier.begin(report.plan.id, Approval(by), 1.0)
        await applier.apply(begun, w.mappings)
        users = [observation.user for observation in sent(w)]
        assert (users[0], set(users[1:])) == ("u:1", {"u:2", "u:3", "u:4"})
