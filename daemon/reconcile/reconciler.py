"""The reconciler: compares on request and on schedule, one run at a time. It never writes to
Iterable; what is to be repaired goes into the log, and the users' lanes send it.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import assert_never

import anyio
import msgspec
from anyio.abc import TaskStatus

from daemon.actors.mailbox import Mailbox
from daemon.actors.timetable import Timetable, trigger_of
from daemon.clients.iterable.client import IterableClient
from daemon.domain.ports import Clock
from daemon.errors import GuardRefused, PlanStale, SegueError, StoreUnavailable
from daemon.mapping.catalog import Catalog
from daemon.mapping.mappings import Mappings
from daemon.reconcile.applying import BY_SCHEDULE, Applier, Applying, Approval, approved_once
from daemon.reconcile.inspecting import Bounds, Inspector
from daemon.reconcile.looking import Lens
from daemon.reconcile.report import MOST_LINES, RunReport, read_report
from daemon.reconcile.requests import Apply, Asked, Plan, Request, Scheduled
from daemon.reconcile.settling import Settler
from daemon.reconcile.verifying import Verifier
from daemon.settings import ReconcileSettings, parse_schedule
from daemon.store import Connection, facts, plans
from daemon.store.database import Database
from daemon.telemetry.instruments import Instruments

log = logging.getLogger(__name__)

NAME = "reconciler"
LAST_SCHEDULED = "reconcile.last_scheduled"
SCHEDULED_SINCE = "reconcile.scheduled_since"
"""When a schedule was first seen: a run missed since then is caught up, even the first."""
CAPACITY = 16


class Parts(msgspec.Struct, frozen=True):
    """What the reconciler works with. `lag` is the visibility lag in ms; `mappings` and `catalog`
    give what is published, asked at the start of each run.
    """

    database: Database
    client: IterableClient
    clock: Clock
    settings: ReconcileSettings
    lag: int
    mappings: Callable[[], Mappings]
    catalog: Callable[[], Catalog]
    instruments: Instruments


class Reconciler:
    """An actor. `progress` is called whenever something was got done, `alert` with a plan that is
    held back and waits for a person.
    """

    name = NAME

    def __init__(
        self,
        parts: Parts,
        mailbox: Mailbox[Asked],
        progress: Callable[[], None],
        alert: Callable[[RunReport], None],
    ) -> None:
        settings, database, clock = parts.settings, parts.database, parts.clock
        bounds = Bounds(settings.max_share, settings.keep_runs)
        self._parts = parts
        self._mailbox = mailbox
        self._alert = alert
        self._inspector = Inspector(
            database, parts.client, clock, bounds, parts.instruments, progress
        )
        self._applier = Applier(database, clock, progress)
        verifier = Verifier(database, parts.client, clock, progress)
        self._settler = Settler(database, verifier, clock, parts.instruments, progress)

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Go on with what was interrupted, then serve requests and the schedule, one at a time.

        Whoever waits when it ends is told that it was interrupted.
        """
        try:
            await self._run(ready)
        finally:
            for asked in self._mailbox.take(CAPACITY):
                asked.done.set()

    async def _run(self, ready: Callable[[], None]) -> None:
        async with anyio.create_task_group() as group:
            schedule = parse_schedule(self._parts.settings.schedule)
            if schedule is not None:
                now = self._parts.clock.now()
                last = await self._parts.database.write(partial(_last_scheduled, now))
                timetable = Timetable(
                    f"{NAME} schedule",
                    trigger_of(schedule),
                    self._on_schedule,
                    self._parts.clock,
                    last_run_at=last,
                )
                await group.start(_started, timetable)
            ready()
            interrupted = await self._applier.interrupted()
            if interrupted is not None:
                with _logged("going on with a plan"):
                    await self._finish(interrupted)
            async for asked in self._mailbox:
                await self._serve(asked)
            group.cancel_scope.cancel()

    async def request(self, request: Request) -> RunReport:
        """Have something done, after what was asked before; its report.

        Raises:
            MailboxFull: too many requests wait already.
            ConfigurationError: no profile is known by a name.
            GuardRefused: the plan is held back, or stale; nothing was changed.
            ServiceError: Iterable could not be read.
            Unavailable: the reconciler was interrupted; what it had begun it goes on with.
        """
        asked = Asked(request)
        self._mailbox.offer(asked)
        return await asked.answer()

    async def _on_schedule(self) -> None:
        now = self._parts.clock.now()
        with _logged("the scheduled run"):
            await self.request(Scheduled())
        # Afterwards: a run the process did not survive counts as missed, and is gone on with.
        await self._parts.database.write(
            lambda connection: facts.put(connection, LAST_SCHEDULED, str(now), now)
        )

    async def _serve(self, asked: Asked) -> None:
        try:
            asked.report = await self._answer(asked.request)
        except StoreUnavailable:
            raise
        except SegueError as error:
            asked.error = error
        finally:
            asked.done.set()

    async def _answer(self, request: Request) -> RunReport:
        match request:
            case Plan(users=users):
                return await self._report(await self._inspect(users))
            case Apply(plan=plan, approval=approval):
                limit = self._parts.settings.max_share
                return await self._finish(await self._applier.begin(plan, approval, limit))
            case Scheduled():
                return await self._scheduled()
            case _:
                assert_never(request)

    async def _inspect(self, users: tuple[str, ...]) -> int:
        lens = self._lens()
        return await (self._inspector.spot(users, lens) if users else self._inspector.sweep(lens))

    async def _scheduled(self) -> RunReport:
        """Compare all; apply the plan unasked where settings, guards and a person's yes allow."""
        report = await self._report(await self._inspect(()))
        if report.plan is None:
            return report
        settings = self._parts.settings
        approved = await self._parts.database.read(approved_once)
        if settings.repair == "ask" or not approved or report.plan.guards:
            self._alert(report)
            return report
        approval = Approval(BY_SCHEDULE, recreate=settings.recreate_deleted)
        try:
            return await self._answer(Apply(report.plan.id, approval))
        except PlanStale:
            raise
        except GuardRefused:  # it names only users who were deleted, and may not create them again
            self._alert(report)
            return report

    async def _finish(self, applying: Applying) -> RunReport:
        """Send what is left of an approved plan, wait for the lanes, and look again."""
        lens = self._lens()
        plan = await self._parts.database.read(lambda c: plans.plan(c, applying.plan))
        if plan is None:
            raise GuardRefused(f"plan {applying.plan} is gone")
        applying = await self._applier.apply(applying, lens.mappings)
        left = await self._settler.settle(plan.run, applying, lens)
        await self._applier.done(applying.plan)
        return msgspec.structs.replace(await self._report(plan.run), left=left)

    async def _report(self, run: int) -> RunReport:
        limit = self._parts.settings.max_share
        read = partial(read_report, run, self._parts.catalog(), limit, MOST_LINES)
        report = await self._parts.database.read(read)
        if report is None:
            raise GuardRefused(f"run {run} is gone")
        return report

    def _lens(self) -> Lens:
        return Lens(self._parts.mappings(), self._parts.lag)


async def _started(
    timetable: Timetable, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    await timetable.run(ready=task_status.started)


def _last_scheduled(now: int, connection: Connection) -> int:
    """When the last scheduled run was, or since when there has been a schedule (ms)."""
    fact = facts.get(connection, LAST_SCHEDULED) or facts.get(connection, SCHEDULED_SINCE)
    if fact is not None:
        return fact.at
    before = now - 1  # a run that is due this moment isn't behind us
    facts.put(connection, SCHEDULED_SINCE, "", before)
    return before


@contextmanager
def _logged(what: str) -> Iterator[None]:
    """Nobody waits for this one: write down what it ended in, and go on."""
    try:
        yield
    except StoreUnavailable:
        raise
    except SegueError as error:
        log.warning("%s of the reconciler failed: %s", what, error)
