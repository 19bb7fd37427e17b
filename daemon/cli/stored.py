"""Reports as the store keeps them, read beside a running daemon."""

from functools import partial

import msgspec

from daemon.mapping.catalog import Catalog
from daemon.reconcile.report import DriftLine, RunReport, drift_lines, read_report
from daemon.store import Connection, mappings, plans
from daemon.store.database import Database


def lines_of(database: Database, run: int, limit: int) -> list[DriftLine]:
    """The first differences of a run, unmasked."""
    return database.read_now(partial(_revealed, run, limit))


def report_of(
    database: Database, run: int, *, share: float, lines: int, unmasked: bool
) -> RunReport | None:
    """The report of a run with its first `lines` differences; None for no run."""

    def read(connection: Connection) -> RunReport | None:
        report = read_report(run, catalog(connection), share, lines, connection)
        if report is None or not unmasked:
            return report
        return msgspec.structs.replace(report, lines=_revealed(run, lines, connection))

    return database.read_now(read)


def catalog(connection: Connection) -> Catalog:
    """The names the published mapping was resolved with."""
    latest = mappings.latest(connection)
    return Catalog() if latest is None else msgspec.json.decode(latest.catalog, type=Catalog)


def _revealed(run: int, limit: int, connection: Connection) -> list[DriftLine]:
    rows = plans.list_drift(connection, run=run, limit=limit)
    return drift_lines(rows, catalog(connection), reveal=True)
