"""One process owns a store: a lock that ends with the process, however it ends.

On SQLite it is a lock on a file beside the database; on PostgreSQL a session's advisory lock on a
connection of its own.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, func, select
from sqlalchemy.pool import NullPool
from sqlalchemy.sql import column, table

from daemon.errors import InstanceLocked, StoreUnavailable
from daemon.store.database import is_sqlite, parse_url, place_of, translated

LOCK_KEY = 5_391_021
_APPLICATION = "segue, pid "

_locks = table("pg_locks", column("locktype"), column("objid"), column("granted"), column("pid"))
_sessions = table("pg_stat_activity", column("pid"), column("application_name"))


@contextmanager
def instance_lock(url: str) -> Iterator[None]:
    """Own the store at `url` for as long as the block runs.

    Raises:
        InstanceLocked: another process owns it; its pid is named where it is known.
        StoreUnavailable: there is no lock to be had.
    """
    parsed = parse_url(url)
    with _locked_file(parsed) if is_sqlite(parsed) else _locked_session(parsed):
        yield


@contextmanager
def _locked_file(url: URL) -> Iterator[None]:
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
        yield


@contextmanager
def _locked_session(url: URL) -> Iterator[None]:
    name = f"{_APPLICATION}{os.getpid()}"
    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        connect_args={"application_name": name, "connect_timeout": 10},
    )
    with translated(url):
        connection = engine.connect()
    with connection:
        with translated(url):
            mine = connection.execute(select(func.pg_try_advisory_lock(LOCK_KEY))).scalar_one()
            holder = "" if mine else _holder(connection)
        if not mine:
            raise _refusal(url, holder)
        yield


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
