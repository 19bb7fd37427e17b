"""Scheduled runs on virtual time: when they run, what is caught up, and who may repair."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import anyio
import msgspec
import pytest
from opentelemetry.metrics import NoOpMeterProvider

from daemon.actors.mailbox import Mailbox
from daemon.clients.iterable.catalog import ExportFiles
from daemon.clients.iterable.client import IterableClient
from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.messages import shard_of
from daemon.domain.profiles import (
    Believed,
    Observed,
    Part,
    Profile,
    encode_believed,
    encode_profile,
)
from daemon.mapping.canonical import value_hash
from daemon.reconcile.applying import BY_SCHEDULE, Applier, Approval, approved_once
from daemon.reconcile.reconciler import CAPACITY, LAST_SCHEDULED, Parts, Reconciler
from daemon.reconcile.report import RunReport
from daemon.reconcile.requests import Asked
from daemon.settings import ReconcileSettings
from daemon.store import Connection, cursors, facts, identifiers, log, migrate, plans, runs, users
from daemon.store.database import Database, open_database
from daemon.telemetry.instruments import Instruments
from tests.clock import VIRTUAL, LoopClock
from tests.outbound.bench import CATALOG, published

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", [VIRTUAL])]

T = TypeVar("T")
MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = 3_600_000
ANN = IterableIdentity("ann@x.org", "1")


async def inline(work: Callable[[], T], *, writes: bool) -> T:
    return work()


class EmptyMinded(IterableClient):
    """Iterable in a world without sockets: one user, whose plan somebody changed."""

    def __init__(self) -> None:
        self.exports = 0
        self.plan = "free"
        self.gone = False
        self.slow_hours = 0.0

    async def start_export(
        self,
        data_type: str = "user",
        *,
        start: int | None = None,
        end: int | None = None,
        only_fields: tuple[str, ...] = (),
    ) -> int:
        self.exports += 1
        return self.exports

    async def export_files(self, job: int, *, after: str = "") -> ExportFiles:
        await anyio.sleep(self.slow_hours * 3600)
        files = [] if after or self.gone else [{"file": "1", "url": "u"}]
        body = {"jobState": "completed", "files": files}
        return msgspec.convert(body, ExportFiles)

    @asynccontextmanager
    async def download(self, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        async def lines() -> AsyncIterator[bytes]:
            yield msgspec.json.encode({"email": "ann@x.org", "userId": "1", "plan": self.plan})

        yield lines()

    async def get_user(
        self, identity: IterableIdentity, project: ProjectType, now: int, *, repair: bool = False
    ) -> Observed:
        return Observed(now, exists=not self.gone, identity=ANN, fields={"plan": self.plan})


def remember_ann(connection: Connection) -> None:
    """A user who was delivered long ago."""
    stamp = (1, 1, 0, "m1")
    profile = Profile([stamp], {"plan": ("pro", 0)}, emails=["ann@x.org"])
    believed = Believed(ANN, {"field:plan": Part(value_hash("pro"), 1)})
    shard = shard_of("u:1")
    row = users.UserRow(shard, "u:1", encode_profile(profile), encode_believed(believed))
    users.save(connection, [row])
    identifiers.claim(connection, [identifiers.Claim("u", "1", shard, "u:1")])


class Clockwork:
    """A reconciler alone with its schedule."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder}/segue.db"
        migrate.upgrade(url)
        self.database: Database = open_database(url, inline)
        self.database.write_now(remember_ann)
        self.client = EmptyMinded()
        self.alerts: list[RunReport] = []

    async def run(self, hours: float, *, began: float | None = None, **settings: Any) -> None:
        """A life of the process, from `began` hours after midnight on, or right after the last."""
        now = anyio.current_time()
        jump = timedelta(seconds=0 if began is None else began * 3600 - now)
        parts = Parts(
            self.database,
            self.client,
            LoopClock(MIDNIGHT + jump),
            ReconcileSettings(max_share=1, **settings),
            15_000,
            published,
            lambda: CATALOG,
            Instruments(NoOpMeterProvider().get_meter("tests")),
        )
        with Mailbox[Asked]("reconciler", CAPACITY) as mailbox, anyio.move_on_after(hours * 3600):
            await Reconciler(parts, mailbox, lambda: None, self.alerts.append).run(
                ready=lambda: None
            )

    def approve_once(self) -> None:
        """A person once approved a plan."""

        def approve(connection: Connection) -> None:
            run = runs.start_run(connection, "spot", started_at=1, as_of=1)
            stats = {"users": 0, "parts": 0, "first": 0, "recreations": 0, "calls": 0}
            plan = plans.create_plan(connection, run, created_at=1, stats=stats)
            plans.approve(connection, plan, "ann")

        self.database.write_now(approve)


@pytest.fixture
def clockwork(tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


async def test_it_sweeps_when_the_schedule_says(clockwork: Clockwork) -> None:
    await clockwork.run(24.5, schedule="every 6h")
    assert clockwork.client.exports == 5
    fact = clockwork.database.read_now(lambda c: facts.get(c, LAST_SCHEDULED))
    assert fact is not None
    assert fact.at == int(MIDNIGHT.timestamp() * 1000) + 24 * HOUR


async def test_off_never_sweeps(clockwork: Clockwork) -> None:
    await clockwork.run(100, schedule="off")
    assert clockwork.client.exports == 0


async def test_missed_runs_are_caught_up_once(clockwork: Clockwork) -> None:
    long_ago = int(MIDNIGHT.timestamp() * 1000) - 50 * HOUR
    clockwork.database.write_now(
        lambda c: facts.put(c, LAST_SCHEDULED, "", long_ago),
    )
    await clockwork.run(1, schedule="15 3 * * *")
    assert clockwork.client.exports == 1


async def test_even_the_first_run_is_caught_up_where_it_was_missed(clockwork: Clockwork) -> None:
    await clockwork.run(2, began=1, schedule="15 3 * * *")
    await clockwork.run(1, began=4, schedule="15 3 * * *")
    assert clockwork.client.exports == 1
    await clockwork.run(12, began=5, schedule="15 3 * * *")
    assert clockwork.client.exports == 1


async def test_a_run_the_process_did_not_survive_is_caught_up(clockwork: Clockwork) -> None:
    clockwork.client.slow_hours = 2
    await clockwork.run(1, schedule="every 24h")
    assert clockwork.database.read_now(lambda c: facts.get(c, LAST_SCHEDULED)) is None
    clockwork.client.slow_hours = 0
    await clockwork.run(1, began=3, schedule="every 24h")
    assert clockwork.database.read_now(lambda c: facts.get(c, LAST_SCHEDULED)) is not None
    assert clockwork.client.exports == 1


async def test_what_may_not_be_repaired_unasked_is_told(clockwork: Clockwork) -> None:
    clockwork.approve_once()
    clockwork.client.gone = True
    await clockwork.run(1, schedule="every 6h", repair="auto")
    assert clockwork.database.read_now(log.head) == 0
    (report,) = clockwork.alerts
    assert report.plan is not None
    assert (report.plan.recreations, report.plan.state) == (1, "new")


async def test_a_persons_approval_outlives_the_plan_it_was_for(clockwork: Clockwork) -> None:
    approval = Approval("ann", beyond_guards=True)
    await clockwork.run(1, schedule="every 6h", repair="ask")
    database, clock = clockwork.database, LoopClock(MIDNIGHT)
    applier = Applier(database, clock, lambda: None)
    await applier.begin(1, approval, 1.0)
    await applier.done(1)
    database.write_now(lambda c: runs.trim_runs(c, 0))
    assert database.read_now(plans.last_plan) is None
    assert database.read_now(approved_once)


async def test_what_the_schedule_approved_is_no_persons_approval(clockwork: Clockwork) -> None:
    clockwork.approve_once()
    database, applier = clockwork.database, Applier(clockwork.database, LoopClock(MIDNIGHT), print)
    await clockwork.run(1, schedule="every 6h", repair="ask")
    found = database.read_now(plans.last_plan)
    assert found is not None
    await applier.begin(found.id, Approval(BY_SCHEDULE), 1.0)
    database.write_now(lambda c: runs.trim_runs(c, 0))
    assert not database.read_now(approved_once)


async def test_nobody_is_repaired_before_a_person_approved_a_plan(clockwork: Clockwork) -> None:
    await clockwork.run(1, schedule="every 6h", repair="auto")
    assert clockwork.database.read_now(log.head) == 0
    assert [report.plan is not None for report in clockwork.alerts] == [True]


async def test_with_a_persons_approval_auto_repairs_and_ask_asks(clockwork: Clockwork) -> None:
    clockwork.approve_once()
    await clockwork.run(1, schedule="every 6h", repair="ask")
    assert clockwork.database.read_now(log.head) == 0
    assert len(clockwork.alerts) == 1

    shard = shard_of("u:1")
    clockwork.database.write_now(lambda c: cursors.save(c, {(shard, "folded"): 99}))
    await clockwork.run(6, schedule="every 6h", repair="auto")
    assert clockwork.database.read_now(log.head) == 1
    assert len(clockwork.alerts) == 1
    plan = clockwork.database.read_now(plans.last_plan)
    assert plan is not None
    assert (plan.state, plan.approved_by) == ("done", "schedule")
