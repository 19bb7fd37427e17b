"""The message log: append-only, in one order, with positions that have no gaps.

Positions are ours, not the database's: ids a database gives out before commit become visible out
of order, and a reader that follows them loses rows for good. Every append first takes the lock that
all appends take (on SQLite the write lock it holds anyway), then its positions from `log_head`; so
what a reader sees of the log is always all of it up to some position (DESIGN §3.2).
"""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    false,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql import column, table

from daemon.domain.messages import LogRow, MessageClass, NewRow
from daemon.store.schema import LOG_HEAD, MESSAGE
from daemon.store.statements import add, among, chunks

APPEND_LOCK = 5_391_022

_CLASSES = {kind.value: kind for kind in MessageClass}
_ADVANCE = (
    update(LOG_HEAD)
    .values(last_position=LOG_HEAD.c.last_position + bindparam("count"))
    .returning(LOG_HEAD.c.last_position)
)
_ROWS = select(
    MESSAGE.c.position, MESSAGE.c.shard, MESSAGE.c["class"], MESSAGE.c.hops, MESSAGE.c.body
)
_READ_ALL = (
    _ROWS.where(MESSAGE.c.position > bindparam("after"))
    .order_by(MESSAGE.c.position)
    .limit(bindparam("most"))
)


def lock(connection: Connection) -> None:
    """Make other appenders wait until this transaction ends. `append` does it by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(APPEND_LOCK)))


def append(connection: Connection, rows: Sequence[NewRow]) -> int:
    """Give the rows the next positions, in their order. The first of these (0 for no rows)."""
    if not rows:
        return 0
    lock(connection)
    last = connection.execute(_ADVANCE, {"count": len(rows)}).scalar_one()
    first: int = last - len(rows) + 1
    add(
        connection,
        MESSAGE,
        [
            {
                "position": position,
                "shard": row.shard,
                "class": row.message_class.value,
                "hops": row.hops,
                "received_at": row.received_at,
                "body": row.body,
            }
            for position, row in enumerate(rows, first)
        ],
    )
    return first


def read(
    connection: Connection, after: int, shards: Collection[int] | None, limit: int
) -> list[LogRow]:
    """The next messages after a position, in order; of all shards where `shards` is None."""
    statement = _READ_ALL
    if shards is not None:
        statement = _READ_ALL.where(among(connection, MESSAGE.c.shard, shards))
    found = connection.execute(statement, {"after": after, "most": limit})
    return [LogRow(p, s, _CLASSES[c], h, b) for p, s, c, h, b in found]


def at(connection: Connection, positions: Iterable[int]) -> list[LogRow]:
    """The messages at these positions that are still retained, in order."""
    return [
        LogRow(p, s, _CLASSES[c], h, b)
        for chunk in chunks(sorted(set(positions)))
        for p, s, c, h, b in connection.execute(
            _ROWS.where(among(connection, MESSAGE.c.position, chunk)).order_by(MESSAGE.c.position)
        )
    ]


def mentioning(connection: Connection, needles: Sequence[bytes], limit: int) -> list[LogRow]:
    """The latest messages whose bodies hold any of these bytes, in order. For people: it scans."""
    body = MESSAGE.c.body
    if connection.dialect.name == "sqlite":
        found = [func.instr(body, needle) > 0 for needle in needles]
    else:
        found = [func.position(literal(needle).bool_op("IN")(body)) > 0 for needle in needles]
    statement = _ROWS.where(or_(false(), *found)).order_by(MESSAGE.c.position.desc()).limit(limit)
    rows = connection.execute(statement).all()
    return [LogRow(p, s, _CLASSES[c], h, b) for p, s, c, h, b in reversed(rows)]


def head(connection: Connection) -> int:
    """The last position given, 0 before the first."""
    return int(connection.execute(select(LOG_HEAD.c.last_position)).scalar_one())


def first(connection: Connection) -> int:
    """The lowest position retained; the next one to be given where the log is empty."""
    return int(connection.execute(select(LOG_HEAD.c.first_position)).scalar_one())


def trim(connection: Connection, upto: int, chunk: int) -> int:
    """Delete at most `chunk` of the oldest messages, none above `upto`. How many there were."""
    lowest = first(connection)
    end = min(upto, head(connection), lowest + chunk - 1)
    if end < lowest:
        return 0
    deleted = connection.execute(delete(MESSAGE).where(MESSAGE.c.position <= end)).rowcount
    connection.execute(update(LOG_HEAD).values(first_position=end + 1))
    return deleted


def aged(connection: Connection, before: int, limit: int) -> int:
    """Up to which position the oldest messages were all received before `before` (ms).

    Looks at the `limit` oldest; one below the first retained position where none is that old.
    """
    oldest = (
        select(MESSAGE.c.position, MESSAGE.c.received_at)
        .order_by(MESSAGE.c.position)
        .limit(limit)
        .subquery()
    )
    young = select(func.min(oldest.c.position)).where(oldest.c.received_at >= before)
    found = connection.execute(young).scalar()
    if found is not None:
        return int(found) - 1
    last = connection.execute(select(func.max(oldest.c.position))).scalar()
    return first(connection) - 1 if last is None else int(last)


def size(connection: Connection) -> tuple[int, int]:
    """(messages retained, bytes on disk), cheaply: on SQLite the bytes are the whole store's."""
    messages = head(connection) - first(connection) + 1
    if connection.dialect.name == "postgresql":
        total = func.pg_total_relation_size(MESSAGE.name)
        return messages, int(connection.execute(select(total)).scalar_one())
    pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return messages, pages * _pragma(connection, "page_size")


def oldest_received_at(connection: Connection, after: int) -> int | None:
    """When the first message after a position was received, ms; None where there is none."""
    statement = (
        select(MESSAGE.c.received_at)
        .where(MESSAGE.c.position > after)
        .order_by(MESSAGE.c.position)
        .limit(1)
    )
    return connection.execute(statement).scalar()


def _pragma(connection: Connection, name: str) -> int:
    return int(
        connection.execute(select(column(name)).select_from(table(f"pragma_{name}"))).scalar_one()
    )
