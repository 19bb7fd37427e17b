"""Runs of the reconciler, and what each saw of Iterable."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from daemon.store.schema import DRIFT, OBSERVED, PLAN, RUN
from daemon.store.statements import among, chunks
from daemon.store.statements import put as put_rows

RunKind: TypeAlias = Literal["sweep", "spot"]


class ObservedRow(msgspec.Struct, frozen=True, gc=False):
    """What Iterable was seen to hold of a user, as the reconciler encoded it."""

    user: str
    body: bytes


class RunRow(msgspec.Struct, frozen=True):
    """A run. Times are ms; `as_of` is what its observations are true of.

    `export_job` and `export_files` are where a restarted sweep goes on. `finished_at` is None
    while it runs.
    """

    id: int
    kind: str
    state: str
    started_at: int
    finished_at: int | None
    as_of: int
    stats: dict[str, int]
    export_job: str | None
    export_files: list[str]


_COLUMNS = [RUN.c[name] for name in RunRow.__struct_fields__]
_ROWS = select(*_COLUMNS)
_OBSERVED = select(OBSERVED.c.user, OBSERVED.c.body)
_decode_stats = msgspec.json.Decoder(dict[str, int]).decode
_decode_files = msgspec.json.Decoder(list[str]).decode


def start_run(connection: Connection, kind: RunKind, *, started_at: int, as_of: int) -> int:
    """Note that a run began. Its id."""
    values = {
        "kind": kind,
        "state": "running",
        "started_at": started_at,
        "as_of": as_of,
        "stats": "{}",
        "export_files": "[]",
    }
    return int(connection.execute(insert(RUN).returning(RUN.c.id), values).scalar_one())


def note_export(connection: Connection, run: int, job: str, files_done: Sequence[str]) -> None:
    """Remember a sweep's export and which of its files are observed, to go on after a restart."""
    done = msgspec.json.encode(list(files_done)).decode()
    statement = update(RUN).where(RUN.c.id == run).values(export_job=job, export_files=done)
    connection.execute(statement)


def finish_run(
    connection: Connection, run: int, *, state: str, finished_at: int, stats: dict[str, int]
) -> None:
    """Note how a run ended."""
    packed = msgspec.json.encode(stats).decode()
    statement = update(RUN).where(RUN.c.id == run)
    connection.execute(statement.values(state=state, finished_at=finished_at, stats=packed))


def get_run(connection: Connection, run: int) -> RunRow | None:
    """A run by its id."""
    return _run(connection.execute(_ROWS.where(RUN.c.id == run)).first())


def last_run(connection: Connection, kind: RunKind, state: str | None = None) -> RunRow | None:
    """The latest run of a kind, and in a state if one is given."""
    statement = _ROWS.where(RUN.c.kind == kind).order_by(RUN.c.id.desc()).limit(1)
    if state is not None:
        statement = statement.where(RUN.c.state == state)
    return _run(connection.execute(statement).first())


def latest_runs(connection: Connection, limit: int) -> list[RunRow]:
    """The latest runs of all kinds, the newest first."""
    found = connection.execute(_ROWS.order_by(RUN.c.id.desc()).limit(limit))
    return [run for run in map(_run, found) if run is not None]


def add_observed(connection: Connection, run: int, rows: Sequence[ObservedRow]) -> None:
    """Keep what was seen of users; seen again in the same run, the later counts."""
    put_rows(
        connection, OBSERVED, [{"run": run, "user": row.user, "body": row.body} for row in rows]
    )


def scan_observed(connection: Connection, run: int, after: str, limit: int) -> list[ObservedRow]:
    """The next users seen in a run after a user, in the order of their keys."""
    statement = _OBSERVED.where(OBSERVED.c.run == run, OBSERVED.c.user > after)
    found = connection.execute(statement.order_by(OBSERVED.c.user).limit(limit))
    return [ObservedRow(user, body) for user, body in found]


def observed_of(connection: Connection, run: int, users: Iterable[str]) -> dict[str, bytes]:
    """What a run saw of those users it saw."""
    return {
        user: body
        for chunk in chunks(users)
        for user, body in connection.execute(
            _OBSERVED.where(OBSERVED.c.run == run, among(connection, OBSERVED.c.user, chunk))
        )
    }


def trim_runs(connection: Connection, keep: int) -> int:
    """Delete all but the last `keep` runs, with what they saw, found and planned. How many."""
    kept = select(RUN.c.id).order_by(RUN.c.id.desc()).limit(keep)
    old = list(connection.execute(select(RUN.c.id).where(RUN.c.id.not_in(kept))).scalars())
    for chunk in chunks(old):
        for column in (OBSERVED.c.run, DRIFT.c.run, PLAN.c.run, RUN.c.id):
            connection.execute(delete(column.table).where(column.in_(chunk)))
    return len(old)


def _run(row: Sequence[Any] | None) -> RunRow | None:
    if row is None:
        return None
    id_, kind, state, started_at, finished_at, as_of, stats, job, files = row
    return RunRow(
        id_,
        kind,
        state,
        started_at,
        finished_at,
        as_of,
        _decode_stats(stats),
        job,
        _decode_files(files),
    )
