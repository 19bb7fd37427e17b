"""The store by itself, on SQLite and PostgreSQL, beside the same bytes in a bare table."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, bindparam, insert, select

from daemon.actors.clock import SystemClock
from daemon.domain.messages import NewRow, decode
from daemon.ingest.intake import Intake, Taken
from daemon.store import Connection, ingested, log, migrate, users
from daemon.store.database import Database, open_database
from daemon.store.users import UserRow
from tests.bench.backlog import rows_of
from tests.bench.figures import Sample, Scale
from tests.bench.people import person
from tests.bench.traffic import messages
from tests.databases import WITHOUT_POSTGRES, postgres_database, postgres_server, sqlite_database

T = TypeVar("T")

COMMIT = 500
_REQUEST = 100
_TOGETHER = 1000
_HOURS = 24
_BARE_FROM = 1_000_000_000
_BARE = Table("bare", MetaData(), Column("id", Integer, primary_key=True), Column("b", LargeBinary))
_BARE_ROWS = select(_BARE).where(_BARE.c.id.in_(bindparam("ids", expanding=True)))


def measure(scale: Scale) -> list[Sample]:
    with _open_sqlite(scale) as database:
        samples = _of(database, scale, "SQLite")
    if WITHOUT_POSTGRES:
        return samples
    with _open_postgres() as database:
        return samples + _of(database, scale, "PostgreSQL")


@contextmanager
def _open_sqlite(scale: Scale) -> Iterator[Database]:
    with TemporaryDirectory(dir=scale.folder) as folder, _open(sqlite_database(Path(folder))) as it:
        yield it


@contextmanager
def _open_postgres() -> Iterator[Database]:
    """As PostgreSQL comes: what it says is committed is on the disk."""
    with postgres_server() as server, postgres_database(server) as url, _open(url) as database:
        yield database


@contextmanager
def _open(url: str) -> Iterator[Database]:
    migrate.upgrade(url)
    with closing(open_database(url)) as database:
        database.write_now(_BARE.metadata.create_all)
        yield database


def _of(database: Database, scale: Scale, name: str) -> list[Sample]:
    now = SystemClock().now()
    rows = list(rows_of(messages("mixed", scale.of(50_000, 1_000), 10_000, now)))
    people = [person(number).row for number in range(scale.of(20_000, 1_000))]
    return [*_log(database, rows, now, name), *_users(database, people, name)]


def _log(database: Database, rows: Sequence[NewRow], now: int, name: str) -> list[Sample]:
    appending = _seconds(database, rows, COMMIT, log.append)
    intakes = [_intake(rows[at : at + _REQUEST], now) for at in range(0, len(rows), _REQUEST)]

    def accept(connection: Connection, group: Sequence[Intake]) -> None:
        ingested.accept(connection, group, now, _HOURS)

    accepting = _seconds(database, intakes, COMMIT // _REQUEST, accept)
    bare = _seconds(database, list(enumerate(row.body for row in rows)), COMMIT, _put_bare)
    facts = {"messages": 2 * len(rows), "in the log": database.read_now(log.head)}
    count, against = len(rows), "the bodies into a bare table"
    return [
        Sample(f"append, {name}", count / appending, "rows/s", count / bare, against),
        Sample(
            f"accept, {name}", count / accepting, "messages/s", count / bare, against, counts=facts
        ),
    ]


def _users(database: Database, people: Sequence[UserRow], name: str) -> list[Sample]:
    """Overwritten and loaded in an order of their own, as a lane does it."""
    mixed = Random(1).sample(people, len(people))
    bare = [(_BARE_FROM + at, row.profile + row.believed) for at, row in enumerate(mixed)]
    _seconds(database, people, _TOGETHER, users.save)
    bare_saving = _seconds(database, bare, _TOGETHER, _put_bare)
    saving = _seconds(database, mixed, _TOGETHER, users.save)
    loaded: list[int] = []

    def load(connection: Connection, some: Sequence[UserRow]) -> None:
        loaded.append(len(users.load(connection, [(row.shard, row.id) for row in some])))

    def load_bare(connection: Connection, some: Sequence[tuple[int, bytes]]) -> None:
        connection.execute(_BARE_ROWS, {"ids": [at for at, _ in some]}).all()

    loading = _seconds(database, mixed, _TOGETHER, load, writes=False)
    bare_loading = _seconds(database, bare, _TOGETHER, load_bare, writes=False)
    each = 1e6 / len(people)
    facts = {"users": len(people), "loaded": sum(loaded)}
    against = "the same bytes in a bare table"
    return [
        Sample(f"users.save, {name}", saving * each, "µs/user", bare_saving * each, against),
        Sample(
            f"users.load, {name}",
            loading * each,
            "µs/user",
            bare_loading * each,
            against,
            {},
            facts,
        ),
    ]


def _seconds(
    database: Database,
    items: Sequence[T],
    at_once: int,
    work: Callable[[Connection, Sequence[T]], Any],
    *,
    writes: bool = True,
) -> float:
    """How long it takes to do this with all items, so many in each transaction."""
    run = database.write_now if writes else database.read_now
    began = time.perf_counter()
    for at in range(0, len(items), at_once):
        some = items[at : at + at_once]
        run(partial(_given, work, some))
    return time.perf_counter() - began


def _given(
    work: Callable[[Connection, Sequence[T]], Any], some: Sequence[T], connection: Connection
) -> None:
    work(connection, some)


def _put_bare(connection: Connection, rows: Sequence[tuple[int, bytes]]) -> None:
    connection.execute(insert(_BARE), [{"id": at, "b": body} for at, body in rows])


def _intake(rows: Sequence[NewRow], now: int) -> Intake:
    return Intake("web", now, [Taken(decode(row.body).message_id, row) for row in rows])
