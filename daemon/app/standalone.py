"""For commands without a daemon: the store owned, lanes and reconciler at work, no doors open."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import anyio

from daemon.actors.mailbox import Mailbox
from daemon.actors.supervisor import RestartPolicy, Supervisor
from daemon.app.parts import Parts, open_parts
from daemon.app.serve import newest_plan
from daemon.outbound.lane import Lane
from daemon.reconcile.reconciler import CAPACITY, Reconciler
from daemon.reconcile.reconciler import Parts as ReconcilerParts
from daemon.reconcile.report import RunReport
from daemon.reconcile.requests import Asked, Request
from daemon.settings import Settings, TelemetrySettings
from daemon.telemetry.setup import start_telemetry


@dataclass(frozen=True, slots=True)
class Standalone:
    """What a command can ask for."""

    parts: Parts
    reconcile: Callable[[Request], Awaitable[RunReport]]
    newest_plan: Callable[[], Awaitable[int]]


@asynccontextmanager
async def standalone(settings: Settings) -> AsyncIterator[Standalone]:
    """Own the store for a while, and work as a daemon would, but take nothing in.

    Raises ConfigurationError (InstanceLocked where a daemon runs), StoreUnavailable.
    """
    quiet = settings.reconcile.model_copy(update={"schedule": "off"})
    telemetry = start_telemetry(
        TelemetrySettings(), version=version("segue"), project=settings.project.name
    )
    async with open_parts(settings, telemetry) as parts:
        await parts.publisher.publish()
        supervisor = Supervisor(RestartPolicy(), parts.rng, parts.clock)
        with Mailbox[Asked]("reconciler", CAPACITY) as asked:
            reconciler = Reconciler(
                ReconcilerParts(
                    database=parts.database,
                    client=parts.client,
                    clock=parts.clock,
                    settings=quiet,
                    lag=parts.lag,
                    mappings=parts.publisher.mappings,
                    catalog=lambda: parts.publisher.catalog,
                    instruments=telemetry.instruments,
                ),
                asked,
                supervisor.progress("reconciler"),
                lambda _report: None,
            )
            lanes: list[Lane] = []
            wake = partial(_wake, lanes)
            for number in range(settings.lanes.count):
                name = f"lane-{number}"
                lanes.append(Lane(name, parts.lane(number), supervisor.progress(name), wake))
            async with anyio.create_task_group() as group:
                for actor in (*lanes, reconciler):
                    await group.start(supervisor.supervise, actor)
                yield Standalone(parts, reconciler.request, partial(newest_plan, parts))
                for lane in lanes:
                    with anyio.move_on_after(settings.lanes.drain_seconds):
                        await lane.finish()
                group.cancel_scope.cancel()


def _wake(lanes: Sequence[Lane]) -> None:
    for lane in lanes:
        lane.nudge()
