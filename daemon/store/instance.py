"""One process owns a store: a lock that ends with the process, however it ends.

On SQLite it is a lock on a file beside the database; on PostgreSQL a session's advisory lock on a
connection of its own, which the server may end: whoever owns the store has to look now and then.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, func, literal, select
from sqlalchemy.pool import NullPool
from sqlalchemy.sql import column, table

from daemon.errors import InstanceLocked, StoreUnavailable
from daemon.store.database import KEEPALIVES, is_sqlite, parse_url, place_of, translated

LOCK_KEY = 5_391_021
_APPLICATION = "segue, pid "
_NOTICED_SOON = {
    "keepalives_idle": 6,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""A server that vanished is noticed within 15 s; KEEPALIVES let it notice us as soon."""

_locks = table("pg_locks", column("locktype"), column("objid"), column("granted"), column("pid"))
_sessions = table("pg_stat_activity", column("pid"), column("application_name"))


@contextmanager
def instance_lock(url: str) -> Iterator[Callable[[], None]]:
    """Own the store at `url` for as long as the block runs.

    Yields what raises StoreUnavailable once the lock is lost: another process may own the store
    then. It waits for the database at most some seconds.

    Raises:
        InstanceLocked: another process owns it; its pid is named where it is known.
        StoreUnavailable: there is no lock to be had.
    """
    parsed = parse_url(url)
    with _locked_file(parsed) if is_sqlite(parsed) else _locked_session(parsed) as look:
        yield look


@contextmanager
def _locked_file(url: URL) -> Iterator[Callable[[], None]]:
    path = Path(f"{Path(url.database or '').resolve()}.lock")
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise StoreUnavailable(f"{path}: the store cannot be locked: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise _refusal(url, file.read().strip()) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield _never_lost


@contextmanager
def _locked_session(url: URL) -> Iterator[Callable[[], None]]:
    name = f"{_APPLICATION}{os.getpid()}"
    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        connect_args={"application_name": name, "connect_timeout": 10, **_NOTICED_SOON},
    )
    with translated(url):
        connection = engine.connect()
    with connection:
        with translated(url):
            for setting in KEEPALIVES:
                connection.exec_driver_sql(f"SET {setting}")
            mine = connection.execute(select(func.pg_try_advisory_lock(LOCK_KEY))).scalar_one()
            holder = "" if mine else _holder(connection)
        if not mine:
            raise _refusal(url, holder)
        yield partial(_look, connection, url)


def _never_lost() -> None:
    """A lock on an open file ends with the process."""


def _look(connection: Connection, url: URL) -> None:
    with translated(url):
        connection.execute(select(literal(1)))


def _holder(connection: Connection) -> str:
    statement = (
        select(_sessions.c.application_name)
        .join(_locks, _locks.c.pid == _sessions.c.pid)
        .where(_locks.c.locktype == "advisory", _locks.c.objid == LOCK_KEY, _locks.c.granted)
    )
    return str(connection.execute(statement).scalar() or "").removeprefix(_APPLICATION)


def _refusal(url: URL, holder: str) -> InstanceLocked:
    who = f"the process with pid {holder}" if holder else "another process"
    return InstanceLocked(
        f"{who} owns this store ({place_of(url).removeprefix('the store ')}); stop it first,"
        " or use commands that speak to it"
    )
