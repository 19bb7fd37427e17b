"""`segue serve`: starts every actor in order, and winds them down in order.

On the way up the doors open first, since a message that is durable can wait for everything else.
On the way down they close first, then lanes finish their turn, then the rest.
"""

import gc
import logging
import signal
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from importlib.metadata import version
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec
from anyio.abc import TaskGroup

from daemon.actors.lifecycle import Step, watch_signals, wind_down
from daemon.actors.mailbox import Mailbox
from daemon.actors.supervisor import PATIENT, RestartPolicy, Supervisor
from daemon.app.control import Control, ControlServer, listening_on
from daemon.app.parts import Parts, open_parts
from daemon.app.status import Snapshot
from daemon.app.tally import Tally
from daemon.errors import ConfigurationError, Unavailable
from daemon.ingest.acceptor import Acceptor, Save, Waiting
from daemon.ingest.intake import Intake
from daemon.ingest.saving import saver
from daemon.ingest.server import WebServer, listen
from daemon.ingest.web import build_app
from daemon.outbound.lane import Lane
from daemon.outbound.retention import Retention
from daemon.reconcile.reconciler import CAPACITY, Reconciler
from daemon.reconcile.reconciler import Parts as ReconcilerParts
from daemon.reconcile.report import RunReport
from daemon.reconcile.requests import Asked, Request
from daemon.settings import Settings
from daemon.store import plans
from daemon.telemetry import names
from daemon.telemetry.setup import start_telemetry

log = logging.getLogger(__name__)
_DAY = 86_400_000
_INTAKE_SECONDS = 7
_STEP_SECONDS = 5
_LOCK_SECONDS = 5
_GC_THRESHOLD = (100_000, 20, 100)
"""Messages come and go by the thousand and make no cycles: to look for some less often gains a
tenth of a drain's time."""


class Served(msgspec.Struct, frozen=True):
    """Where a daemon that is ready can be reached."""

    web_port: int
    control_socket: Path


async def serve(
    settings: Settings,
    *,
    ready: Callable[[Served], None],
    stop: anyio.Event | None = None,
    handle_signals: bool = True,
) -> None:
    """Run the daemon until a signal, or until `stop` is set.

    Raises ConfigurationError (one line for each mistake), StoreUnavailable, RestartsExhausted.
    """
    missing = settings.missing_credentials()
    if missing:
        raise ConfigurationError(missing)
    telemetry = start_telemetry(
        settings.telemetry, version=version("segue"), project=settings.project.name
    )
    async with open_parts(settings, telemetry) as parts:
        with ExitStack() as open_until_the_end:
            daemon = Daemon(parts, open_until_the_end)
            await daemon.run(ready, stop or anyio.Event(), handle_signals=handle_signals)


class Daemon:
    """All actors of one process."""

    def __init__(self, parts: Parts, opened: ExitStack) -> None:
        self._parts = parts
        self._opened = opened
        self._telemetry = telemetry = parts.telemetry
        self._started_at = parts.clock.now()
        self._supervisor = Supervisor(
            RestartPolicy(), parts.rng, parts.clock, telemetry.instruments.actor_failed
        )
        self._intake = opened.enter_context(
            Mailbox[Waiting]("acceptor", parts.settings.ingest.waiting_requests)
        )
        self._asked = opened.enter_context(Mailbox[Asked]("reconciler", CAPACITY))
        self._tally = Tally(
            parts.database, parts.clock, parts.budgets, self._supervisor.progress("tally")
        )
        self._lanes = [self._lane(number) for number in range(parts.settings.lanes.count)]
        self._reconciler = self._build_reconciler()
        self._published = False
        self._watch()

    async def run(
        self, ready: Callable[[Served], None], stop: anyio.Event, *, handle_signals: bool
    ) -> None:
        """Start everything, wait for the end, wind everything down."""
        socket_path = self._parts.settings.control.socket
        acceptor, web = self._build_ingest()
        control_listener = self._opened.enter_context(listening_on(socket_path))
        control = ControlServer(self._control(), control_listener)
        async with anyio.create_task_group() as group:
            if handle_signals:
                await group.start(watch_signals, partial(_note, stop))
            supervise = self._supervisor.supervise
            await group.start(supervise, self._tally)
            await group.start(supervise, acceptor, self._intake.depth)
            await group.start(supervise, web)
            await group.start(supervise, control)
            group.start_soon(self._start_work, group, ready, Served(web.port, socket_path))
            group.start_soon(self._watch_lock)
            await stop.wait()
            late = await wind_down(self._steps(web, control))
            group.cancel_scope.cancel()
        if late:
            log.warning("stopped before these had finished: %s", ", ".join(late))

    async def _start_work(
        self, group: TaskGroup, ready: Callable[[Served], None], served: Served
    ) -> None:
        """Everything that needs the mapping: what is taken in meanwhile waits in the log."""
        await self._parts.publisher.publish()
        supervise = self._supervisor.supervise
        for lane in self._lanes:
            await group.start(supervise, lane)
        retention = Retention(
            self._parts.database,
            self._parts.clock,
            keep=int(self._parts.settings.store.retention_days * _DAY),
            dedupe_hours=self._parts.settings.store.dedupe_hours,
            progress=self._supervisor.progress("retention"),
        )
        patiently = partial(supervise, policy=PATIENT)
        await group.start(patiently, retention)
        await group.start(patiently, self._reconciler, self._asked.depth)
        self._published = True
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLD)
        ready(served)

    async def _watch_lock(self) -> None:
        """End at once where the store may be another process's: two would both send."""
        while True:
            await anyio.sleep(_LOCK_SECONDS)
            await anyio.to_thread.run_sync(self._parts.look_at_lock, abandon_on_cancel=True)

    def _watch(self) -> None:
        """Gauges: plain memory only, as exporters read them in threads of their own."""
        watch = self._telemetry.instruments.watch
        watch(names.MARKS_OPEN, lambda: {"all": self._tally.backlog.marks})
        watch(names.WAITING, lambda: self._tally.backlog.waiting)
        watch(names.UNSENT_AGE, lambda: {"all": self._tally.oldest_seconds()})
        watch(names.LANE_PROGRESS_AGE, self._progress_ages)
        watch(names.MAILBOX_DEPTH, self._mailbox_depths)
        watch(names.OPEN_INTENTS, self._open_intents)
        watch(names.BUDGET_TOKENS, lambda: self._tally.tokens)

    def _progress_ages(self) -> dict[str, float]:
        now = self._parts.clock.now()
        return {
            each.name: (now - each.progress_at) / 1000
            for each in self._supervisor.vitals()
            if each.progress_at is not None and each.name.startswith("lane-")
        }

    def _open_intents(self) -> dict[str, float]:
        flying = Counter[str]()
        for lane in self._lanes:
            flying.update({str(endpoint): number for endpoint, number in lane.flying().items()})
        return dict(flying)

    def _mailbox_depths(self) -> dict[str, float]:
        return {
            each.name: each.depth for each in self._supervisor.vitals() if each.depth is not None
        }

    def _lane(self, number: int) -> Lane:
        name = f"lane-{number}"
        return Lane(
            name, self._parts.lane(number), self._supervisor.progress(name), self._wake_lanes
        )

    def _wake_lanes(self) -> None:
        for lane in self._lanes:
            lane.nudge()

    def _build_ingest(self) -> tuple[Acceptor, WebServer]:
        parts, settings = self._parts, self._parts.settings
        acceptor = Acceptor(
            self._intake,
            self._saver(),
            commit_messages=settings.ingest.commit_messages,
            unsent=self._tally.unsent,
            max_unsent=settings.store.max_unsent_messages,
            progress=self._supervisor.progress("acceptor"),
        )
        app = build_app(
            acceptor,
            settings.sources,
            settings.ingest,
            clock=parts.clock,
            new_id=_new_id,
            ready=self._why_not_ready,
        )
        listener = listen(settings.ingest.host, settings.ingest.port)
        self._opened.enter_context(closing(listener))
        return acceptor, WebServer(app, settings.ingest, listener)

    def _saver(self) -> Save:
        """Store a group, then wake the lanes."""
        parts = self._parts
        save = saver(
            parts.database,
            parts.clock,
            self._telemetry.instruments,
            dedupe_hours=parts.settings.store.dedupe_hours,
        )

        async def save_and_wake(group: Sequence[Intake]) -> None:
            await save(group)
            self._wake_lanes()

        return save_and_wake

    def _build_reconciler(self) -> Reconciler:
        parts = self._parts
        return Reconciler(
            ReconcilerParts(
                database=parts.database,
                client=parts.client,
                clock=parts.clock,
                settings=parts.settings.reconcile,
                lag=parts.lag,
                mappings=parts.publisher.mappings,
                catalog=lambda: parts.publisher.catalog,
                instruments=parts.telemetry.instruments,
            ),
            self._asked,
            self._supervisor.progress("reconciler"),
            _alert,
        )

    def _control(self) -> Control:
        return Control(
            self._supervisor,
            self._snapshot,
            self._reconcile,
            partial(newest_plan, self._parts),
        )

    def _snapshot(self) -> Snapshot:
        troubles = {each.endpoint: each for lane in self._lanes for each in lane.troubles()}
        return Snapshot(
            self._parts,
            self._tally,
            self._supervisor.vitals(),
            self._started_at,
            list(troubles.values()),
        )

    async def _reconcile(self, request: Request) -> RunReport:
        """Ask the reconciler, where it isn't waiting to be tried again in some minutes."""
        if self._supervisor.keeps_failing(self._reconciler.name):
            raise Unavailable(
                "the reconciler keeps failing; see the log, and segue status --actors"
            )
        return await self._reconciler.request(request)

    def _why_not_ready(self) -> str | None:
        return None if self._published else "waiting for Iterable to resolve names"

    def _steps(self, web: WebServer, control: ControlServer) -> list[Step]:
        drain = self._parts.settings.lanes.drain_seconds
        return [
            Step("intake", web.stop, _INTAKE_SECONDS),
            Step("acceptor", self._finish_intake, _STEP_SECONDS),
            Step("lanes", self._drain_lanes, drain),
            Step("control", control.stop, _STEP_SECONDS),
            Step("telemetry", self._flush, _STEP_SECONDS),
        ]

    async def _finish_intake(self) -> None:
        self._intake.finish()
        while self._intake.depth():  # noqa: ASYNC110 -- a mailbox rings no bell when it is empty
            await anyio.sleep(0.01)

    async def _drain_lanes(self) -> None:
        async with anyio.create_task_group() as group:
            for lane in self._lanes:
                group.start_soon(lane.finish)

    async def _flush(self) -> None:
        await self._telemetry.shutdown(_STEP_SECONDS)


async def newest_plan(parts: Parts) -> int:
    """The plan made last. Raises ConfigurationError where there is none."""
    found = await parts.database.read(plans.last_plan)
    if found is None:
        raise ConfigurationError("there is no plan yet; run: segue reconcile")
    return found.id


def _note(stop: anyio.Event, number: signal.Signals) -> None:
    log.info("stopping on %s", number.name)
    stop.set()


def _alert(report: RunReport) -> None:
    plan = report.plan
    log.warning(
        "run %d found drift; plan %d waits for a person: segue reconcile --apply %d",
        report.run,
        plan.id if plan else 0,
        plan.id if plan else 0,
    )


def _new_id() -> str:
    return f"segue-{uuid.uuid4()}"
