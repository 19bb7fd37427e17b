"""One snapshot of the whole process, for `segue status`."""

from dataclasses import dataclass

import msgspec

from daemon.actors.vitals import Vitals
from daemon.app.parts import Parts
from daemon.app.tally import Tally
from daemon.clients.status import EndpointStatus, LastRun, SourceStatus, StatusReport, Trouble
from daemon.reconcile.report import counts_of
from daemon.store import Connection, ingested, log
from daemon.store import runs as run_table
from daemon.store.dedupe import day_of

_NOTHING = SourceStatus(received=0, accepted=0, rejected=0, duplicate=0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The half of a status that is in memory."""

    parts: Parts
    tally: Tally
    actors: list[Vitals]
    started_at: int
    troubles: list[Trouble]

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
            sources=dict.fromkeys(settings.sources, _NOTHING) | sources,
            unsent=self.tally.backlog,
            today=self.tally.today(),
            endpoints=_endpoints(parts),
            last_run=last,
            actors=self.actors,
            troubles=self.troubles,
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
    return LastRun(
        run=run.id,
        kind=run.kind,
        state=run.state,
        started_at=run.started_at,
        finished_at=run.finished_at,
        drifted=counts_of(run).drifted,
    )
