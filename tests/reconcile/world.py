"""A reconciler beside a real lane, a real store and a served sandbox, for this folder's tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from daemon.actors.mailbox import Mailbox
from daemon.domain.identity import ProjectType
from daemon.domain.ports import Clock
from daemon.errors import SegueError
from daemon.mapping.mappings import Mappings
from daemon.reconcile.applying import Approval
from daemon.reconcile.reconciler import CAPACITY, Parts, Reconciler
from daemon.reconcile.report import MOST_LINES, RunReport, read_report
from daemon.reconcile.requests import Apply, Asked, Plan, Request
from daemon.sandbox.settings import SandboxSettings
from daemon.settings import ReconcileSettings
from daemon.store import log
from tests.outbound.bench import CATALOG, Bench, bench, quick_sandbox

LAG = 300
VIP, MARKETING = 1002, 2001
NOBODY_ELSE = ReconcileSettings(schedule="off", max_share=1)


class World:
    """What a test does to both sides, and what it asks of the reconciler between them."""

    def __init__(
        self, bench: Bench, settings: ReconcileSettings, clock: Clock | None = None
    ) -> None:
        self.bench = bench
        self.mappings: Mappings = bench.parts.mappings()
        self.alerts: list[RunReport] = []
        self.parts = Parts(
            database=bench.database,
            client=bench.parts.client,
            clock=clock or bench.parts.clock,
            settings=settings,
            lag=LAG,
            mappings=lambda: self.mappings,
            catalog=lambda: CATALOG,
            instruments=bench.parts.instruments,
        )

    @asynccontextmanager
    async def reconciling(self) -> AsyncIterator[Reconciler]:
        """The reconciler at work; cancelled at the end, as when a process stops."""
        with Mailbox[Asked]("reconciler", CAPACITY) as mailbox:
            reconciler = Reconciler(self.parts, mailbox, lambda: None, self.alerts.append)
            async with anyio.create_task_group() as group:
                started = anyio.Event()

                async def run() -> None:
                    await reconciler.run(ready=started.set)

                group.start_soon(run)
                with anyio.fail_after(10):
                    await started.wait()
                yield reconciler
                group.cancel_scope.cancel()

    async def plan(self, *users: str) -> RunReport:
        return await self.ask(Plan(users))

    async def apply(self, plan: int, **approval: Any) -> RunReport:
        return await self.ask(Apply(plan, Approval("test", **approval)))

    async def ask(self, request: Request) -> RunReport:
        outcome: RunReport | SegueError
        async with self.reconciling() as reconciler:
            try:
                with anyio.fail_after(20):
                    outcome = await reconciler.request(request)
            except SegueError as error:  # raised outside, where no task group wraps it
                outcome = error
        if isinstance(outcome, SegueError):
            raise outcome
        return outcome

    async def customers(self, count: int) -> None:
        """Users 1 to `count`, delivered long enough ago; the first is a member and opted out."""
        for number in range(1, count + 1):
            email = f"user{number}@x.org"
            self.bench.say(user_id=str(number), email=email, traits={"email": email, "plan": "pro"})
        self.bench.say(
            type="identify",
            user_id="1",
            traits={"vip": True},
            context={"personas": {"computation_key": "vip", "computation_class": "audience"}},
        )
        self.bench.say(type="track", user_id="1", event="Unsubscribed")
        await self.bench.settled()
        await anyio.sleep(2 * LAG / 1000)

    async def tamper(self, action: str, user_id: str, **edit: Any) -> None:
        edit |= {"action": action, "userId": user_id}
        answer = await self.bench.sandbox.post("/tamper", json=edit)
        assert answer.status_code == 200, answer.text

    async def elsewhere(self, path: str, **body: Any) -> None:
        """Another program's call of Iterable's API."""
        answer = await self.bench.sandbox.post(
            self.bench.api + path, json=body, headers={"Api-Key": SandboxSettings().api_key}
        )
        assert answer.status_code == 200, answer.text

    async def read(self, path: str) -> Any:
        """A user as Iterable's API shows it, None for nobody."""
        headers = {"Api-Key": SandboxSettings().api_key}
        answer = await self.bench.sandbox.get(self.bench.api + path, headers=headers)
        return answer.json().get("user")

    def report(self, run: int) -> RunReport:
        report = self.bench.database.read_now(
            lambda c: read_report(run, CATALOG, 1.0, MOST_LINES, c)
        )
        assert report is not None
        return report

    def log_head(self) -> int:
        return self.bench.database.read_now(log.head)


@asynccontextmanager
async def world(
    folder: Path,
    *,
    settings: ReconcileSettings = NOBODY_ELSE,
    sandbox: SandboxSettings | None = None,
    clock: Clock | None = None,
    project: ProjectType = ProjectType.HYBRID,
    mappings: Mappings | None = None,
) -> AsyncIterator[World]:
    chosen = sandbox or quick_sandbox(
        project_type=str(project), export_queue_ms=50, export_run_ms=50
    )
    async with bench(folder, sandbox=chosen, project=project, mappings=mappings) as b:
        yield World(b, settings, clock)


def drift(report: RunReport) -> set[tuple[str, str]]:
    """(part, cause without its date) of a report's lines."""
    return {(line.part, line.cause.partition(",")[0]) for line in report.lines}


def changed(settings: ReconcileSettings, **changes: Any) -> ReconcileSettings:
    return settings.model_copy(update=changes)
