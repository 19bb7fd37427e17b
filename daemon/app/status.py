"""What `segue status` shows: one snapshot of the whole process."""

from dataclasses import dataclass

import msgspec

from daemon.actors.vitals import Vitals
from daemon.app.parts import Parts
from daemon.app.tally import Backlog, Tally
from daemon.store import Connection, ingested, log
from daemon.store import runs as run_table
from daemon.store.dedupe import day_of


class EndpointStatus(msgspec.Struct, frozen=True):
    """A budget. Rates are calls a second, None without a limit; `paused_for` is in seconds."""

    rate: float | None
    configured: float | None
    paused_for: float
    taken: int
    throttled: int


class SourceStatus(msgspec.Struct, frozen=True):
    """What a source sent today (UTC)."""

    received: int
    accepted: int
    rejected: int
    duplicate: int


class LastRun(msgspec.Struct, frozen=True):
    """The last sweep or spot check. Times are ms."""

    run: int
    kind: str
    state: str
    started_at: int
    finished_at: int | None


class StatusReport(msgspec.Struct, frozen=True):
    """One moment of a running daemon. `up` is in ms; `today` counts since midnight UTC."""

    project: str
    type: str
    data_center: str
    mapping_version: int
    up: int
    messages: int
    sources: dict[str, SourceStatus]
    unsent: Backlog
    today: dict[str, int]
    endpoints: dict[str, EndpointStatus]
    last_run: LastRun | None
    actors: list[Vitals]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The half of a status that is in memory."""

    parts: Parts
    tally: Tally
    actors: list[Vitals]
    started_at: int

    async def read(self) -> StatusReport:
        """The whole. Raises StoreUnavailable."""
        parts = self.parts
        now = parts.clock.now()
        day = day_of(now)
        head, sources, last = await parts.database.read(lambda c: _from_store(c, day))
        settings = parts.settings
        current = parts.publisher.current
        return StatusReport(
            project=settings.project.name,
            type=str(settings.project.type),
            data_center=settings.iterable.data_center,
            mapping_version=current.version if current else 0,
            up=now - self.started_at,
            messages=head,
            sources=sources,
            unsent=self.tally.backlog,
            today=dict(self.tally.today),
            endpoints=_endpoints(parts),
            last_run=last,
            actors=self.actors,
        )


def _endpoints(parts: Parts) -> dict[str, EndpointStatus]:
    return {
        str(endpoint): msgspec.convert(state, EndpointStatus, from_attributes=True)
        for endpoint, state in parts.budgets.states().items()
    }


def _from_store(
    connection: Connection, day: str
) -> tuple[int, dict[str, SourceStatus], LastRun | None]:
    sources = {
        source: msgspec.convert(counts, SourceStatus, from_attributes=True)
        for (_, source), counts in ingested.totals(connection, day).items()
    }
    return log.head(connection), sources, _last_run(connection)


def _last_run(connection: Connection) -> LastRun | None:
    found = [run_table.last_run(connection, "sweep"), run_table.last_run(connection, "spot")]
    known = [run for run in found if run is not None]
    if not known:
        return None
    run = max(known, key=lambda run: run.id)
    return LastRun(run.id, run.kind, run.state, run.started_at, run.finished_at)
