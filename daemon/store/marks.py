"""Users whose Desired is not accepted yet: one row each, however much they changed."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from daemon.domain.messages import MessageClass
from daemon.store.schema import MARK
from daemon.store.statements import among, chunks, remove, user_key_values, user_keys
from daemon.store.statements import put as put_rows


class MarkRow(msgspec.Struct, frozen=True, gc=False):
    """An open mark. `due` is in ms.

    `since` is the position of the oldest change not accepted, `barrier` that of the oldest change
    of a field or the identity, None where only lists and subscriptions are open.
    """

    shard: int
    user: str
    since: int
    barrier: int | None
    message_class: MessageClass
    due: int
    attempts: int


_COLUMNS = [
    MARK.c.shard,
    MARK.c.user,
    MARK.c.since,
    MARK.c.barrier,
    MARK.c["class"],
    MARK.c.due,
    MARK.c.attempts,
]
_ROWS = select(*_COLUMNS)


def load(
    connection: Connection, shards: Collection[int], limit: int, due_before: int | None = None
) -> list[MarkRow]:
    """The marks of these shards, soonest due first; only those due before a time in ms if given."""
    ours = among(connection, MARK.c.shard, shards)
    statement = _ROWS.where(ours).order_by(MARK.c.due).limit(limit)
    if due_before is not None:
        statement = statement.where(MARK.c.due < due_before)
    return _marks(connection.execute(statement))


def of_users(connection: Connection, keys: Iterable[tuple[int, str]]) -> dict[str, MarkRow]:
    """The marks of those users (shard, id) that have one, by id."""
    shard, user = user_keys(connection)
    statement = _ROWS.join_from(shard.table, MARK, (MARK.c.shard == shard) & (MARK.c.user == user))
    return {
        mark.user: mark
        for chunk in chunks(keys)
        for mark in _marks(connection.execute(statement, user_key_values(connection, chunk)))
    }


def put(connection: Connection, rows: Sequence[MarkRow]) -> None:
    """Insert or overwrite."""
    put_rows(
        connection,
        MARK,
        [
            {
                "shard": row.shard,
                "user": row.user,
                "since": row.since,
                "barrier": row.barrier,
                "class": row.message_class.value,
                "due": row.due,
                "attempts": row.attempts,
            }
            for row in rows
        ],
    )


def drop(connection: Connection, keys: Sequence[tuple[int, str]]) -> None:
    """Delete the marks of users by (shard, id)."""
    remove(connection, MARK, keys)


def each(connection: Connection) -> Iterator[tuple[int, str, int]]:
    """(shard, user, since) of every mark."""
    yield from connection.execute(select(MARK.c.shard, MARK.c.user, MARK.c.since))


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(MARK)).scalar_one()


def oldest(connection: Connection) -> int | None:
    """The position of the oldest change not accepted; None where nothing is open."""
    return connection.execute(select(func.min(MARK.c.since))).scalar()


def _marks(rows: Iterable[Sequence[Any]]) -> list[MarkRow]:
    return [
        MarkRow(shard, user, since, barrier, MessageClass(number), due, attempts)
        for shard, user, since, barrier, number, due, attempts in rows
    ]
