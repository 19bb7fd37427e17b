"""Opens the database and runs units of work on it.

A unit of work is a plain function of a connection. It cannot await, so it cannot be cancelled half
way; it runs in a thread, so it does not hold up the loop; and it can be tested with no loop at all.
What the driver raises because the database is away, full or read-only becomes StoreUnavailable
here; mistakes of ours (a broken constraint, wrong SQL) pass through as they are.

On SQLite one connection writes and says BEGIN IMMEDIATE, so a transaction that reads first can't
find that another wrote in between; readers have their own, which refuse to write.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from daemon.errors import ConfigurationError, StoreUnavailable
from daemon.store.postgres import BinaryCursor, speak_binary
from daemon.store.troubles import refusal, trouble

T = TypeVar("T")

READERS = 4
POSTGRES_WRITERS = 4
_POOL_SECONDS = 10
_SQLITE = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=5000",
    "secure_delete=ON",
    "temp_store=MEMORY",
    "mmap_size=268435456",
    "wal_autocheckpoint=4000",  # pages: 16 MB, so that a busy log is copied in large strides
    "journal_size_limit=67108864",
)
_SQLITE_WRITER = (*_SQLITE, "cache_size=-65536")
_SQLITE_READER = (*_SQLITE, "cache_size=-8192", "query_only=ON")
KEEPALIVES = (
    "tcp_keepalives_idle=6",  # a vanished node is noticed, and its locks freed, within 15 s
    "tcp_keepalives_interval=3",
    "tcp_keepalives_count=3",
)
_POSTGRES = (
    *KEEPALIVES,
    "synchronous_commit=on",
    "statement_timeout='30s'",
    "lock_timeout='15s'",
    "idle_in_transaction_session_timeout='60s'",
    "jit=off",  # a wrong guess of a plan's cost would compile it for longer than it runs
)


class Runner(Protocol):
    """Where units of work run: in threads for real, on the spot in tests with virtual time."""

    async def __call__(self, work: Callable[[], T], *, writes: bool) -> T: ...


@dataclass(frozen=True, slots=True)
class Threads:
    """Worker threads, bounded apart for readers and writers."""

    readers: anyio.CapacityLimiter
    writers: anyio.CapacityLimiter

    async def __call__(self, work: Callable[[], T], *, writes: bool) -> T:
        limiter = self.writers if writes else self.readers
        return await anyio.to_thread.run_sync(work, limiter=limiter)


@dataclass(frozen=True, slots=True)
class Database:
    """An open store. `write` and `read` raise StoreUnavailable; see the module."""

    url: URL
    writer: Engine
    reader: Engine
    run: Runner

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction: all of it happens, or none of it."""
        return await self.run(partial(self.write_now, work), writes=True)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one consistent view; on SQLite it does not wait for the writer."""
        return await self.run(partial(self.read_now, work), writes=False)

    def write_now(self, work: Callable[[Connection], T]) -> T:
        """`write` in this thread."""
        return _transact(self.writer, work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """`read` in this thread."""
        return _transact(self.reader, work)

    def close(self) -> None:
        """Close the connections that are idle; those in use close when their unit ends."""
        self.reader.dispose()
        self.writer.dispose()


def open_database(url: str, runner: Runner | None = None) -> Database:
    """A store at `sqlite:///path` or `postgresql://…`. Nothing is connected before it is used.

    Raises:
        ConfigurationError: another kind of database.
    """
    parsed = parse_url(url)
    sqlite = is_sqlite(parsed)
    writer = _sqlite(parsed, writes=True) if sqlite else _postgres(parsed)
    reader = _sqlite(parsed, writes=False) if sqlite else _reading(writer)
    writers = 1 if sqlite else POSTGRES_WRITERS
    threads = Threads(anyio.CapacityLimiter(READERS), anyio.CapacityLimiter(writers))
    return Database(parsed, writer, reader, runner or threads)


def parse_url(url: str) -> URL:
    """The URL with the driver we use.

    Raises:
        ConfigurationError: it names no SQLite file and no PostgreSQL database.
    """
    scheme, _, _ = url.partition("://")
    name = scheme.partition("+")[0]
    with suppress(ArgumentError, ValueError):  # of make_url; a port may be no number
        if name in {"postgresql", "postgres"}:
            return make_url(url).set(drivername="postgresql+psycopg")
        if name == "sqlite" and make_url(url).database not in {None, "", ":memory:"}:
            return make_url(url).set(drivername="sqlite+pysqlite")
    raise ConfigurationError(
        "the store's url must be sqlite:///<file> or postgresql://<user>@<host>/<database>"
    )


def place_of(url: URL) -> str:
    """Where a store is, for the operator: without user, password and options."""
    if is_sqlite(url):
        return f"the store {url.database}"
    port = f":{url.port}" if url.port else ""
    return f"the store postgresql://{url.host or 'localhost'}{port}/{url.database or ''}"


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


@contextmanager
def translated(url: URL | None = None) -> Iterator[None]:
    """Turn what the driver says of a database that is away into StoreUnavailable.

    What was tried stays out of the message: statements carry personal data. With `url` the
    message says where the store is, and why it can't be reached; senders of messages are not told.
    """
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeout:
        raise StoreUnavailable("the store is unavailable: every connection is in use") from None
    except DBAPIError as error:
        reason = trouble(error)
        if reason is None:
            raise
        if url is not None:
            raise StoreUnavailable(
                f"{place_of(url)} is unavailable: {reason}{refusal(error)}"
            ) from error.orig
        raise StoreUnavailable(f"the store is unavailable: {reason}") from error.orig


def _transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    with translated(), engine.begin() as connection:
        return work(connection)


def _sqlite(url: URL, *, writes: bool) -> Engine:
    engine = create_engine(
        url,
        pool_size=1 if writes else READERS,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,  # errors are logged, and parameters hold personal data
    )
    pragmas = _SQLITE_WRITER if writes else _SQLITE_READER
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    def tune(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", tune)
    event.listen(engine, "begin", start)
    return engine


def _postgres(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=READERS + POSTGRES_WRITERS,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,  # errors are logged, and parameters hold personal data
        connect_args={"connect_timeout": 10, "cursor_factory": BinaryCursor},
    )

    def tune(connection: Any, _record: object) -> None:
        speak_binary(connection)
        with connection.cursor() as cursor:
            for setting in _POSTGRES:
                cursor.execute(f"SET {setting}")
        connection.commit()

    event.listen(engine, "connect", tune)
    return engine


def _reading(engine: Engine) -> Engine:
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
