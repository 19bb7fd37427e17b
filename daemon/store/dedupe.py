"""Which messages ingest has seen: digests of their ids, in daily tables that are dropped whole.

A unique index over random keys slows down with its size; a day's table stays small enough, and
dropping it costs nothing (DESIGN §8). The tables are made when first needed. A message is known if
any table that the window touches has it, so the window is kept to the day, never shortened.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    select,
)
from sqlalchemy import table as named
from sqlalchemy.schema import CreateTable, DropTable
from sqlalchemy.sql import column

from daemon.store.schema import Bytes
from daemon.store.statements import among, chunks, put_new

PREFIX = "dedupe_"
_BYTES = 16
_HOUR = 3_600_000
_CATALOGS = {"sqlite": ("sqlite_master", "name"), "postgresql": ("pg_tables", "tablename")}


def digest_of(source: str, message_id: str) -> bytes:
    """What is remembered of a message. Ids are unique within their source."""
    text = f"{len(source)}:{source}{message_id}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()


def day_of(at: int) -> str:
    """The day of a time in ms, as yyyymmdd, UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y%m%d")


def unseen(
    connection: Connection, digests: Collection[bytes], now: int, window_hours: int
) -> set[bytes]:
    """Those of the digests that no table of the window has."""
    oldest = day_of(now - window_hours * _HOUR)
    return _absent(connection, digests, [day for day in days(connection) if day >= oldest])


def missing(connection: Connection, digests: Collection[bytes]) -> set[bytes]:
    """Those of the digests that no table has at all, for `audit`."""
    return _absent(connection, digests, days(connection))


def remember(connection: Connection, digests: Collection[bytes], now: int) -> None:
    """Note the digests in the table of the day. Those already there stay."""
    if digests:
        partition = _partition(day_of(now))
        connection.execute(CreateTable(partition, if_not_exists=True))
        put_new(connection, partition, [{"digest": digest} for digest in sorted(digests)])


def drop_old(connection: Connection, now: int, window_hours: int) -> int:
    """Drop the tables the window has left behind. How many there were."""
    oldest = day_of(now - window_hours * _HOUR)
    old = [day for day in days(connection) if day < oldest]
    for day in old:
        connection.execute(DropTable(_partition(day), if_exists=True))
    return len(old)


def _absent(
    connection: Connection, digests: Collection[bytes], searched: Sequence[str]
) -> set[bytes]:
    left = set(digests)
    for day in reversed(searched):
        for chunk in chunks(sorted(left)):
            digest = _partition(day).c.digest
            known = select(digest).where(among(connection, digest, chunk))
            left.difference_update(connection.execute(known).scalars())
    return left


@cache
def _partition(day: str) -> Table:
    digest = Column("digest", Bytes, primary_key=True)
    return Table(f"{PREFIX}{day}", MetaData(), digest, sqlite_with_rowid=False)


def days(connection: Connection) -> list[str]:
    """The days that have a table, oldest first."""
    catalog, name = _CATALOGS[connection.dialect.name]
    statement = select(column(name, Text)).select_from(named(catalog))
    found = connection.execute(statement.where(column(name).startswith(PREFIX, autoescape=True)))
    return sorted(name.removeprefix(PREFIX) for name in found.scalars())
