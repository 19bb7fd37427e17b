"""What waits alone, one row each with its own copy of the body: the one place to look for it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, select
from sqlalchemy import update as update_table

from daemon.store.schema import WAITING
from daemon.store.statements import add_numbered, among, chunks, user_key_values, user_keys


class WaitingKind(StrEnum):
    """Why it waits."""

    HELD = "held"  # until an identity links an anonymous person
    PARKED = "parked"  # until its user's state is accepted
    OUTBOX = "outbox"  # for an endpoint without a bulk call
    DEAD = "dead"  # for a person to look at


class WaitingRow(msgspec.Struct, frozen=True):
    """A row that waits. Times are ms; `since_at` is when it began to wait.

    `begun_at` is set, durably, before a call that must not be repeated blindly. `id` is 0 until it
    is stored.
    """

    shard: int
    user: str
    position: int
    kind: WaitingKind
    endpoint: str
    due: int
    since_at: int
    attempts: int
    reason: str
    mapping_version: int
    begun_at: int | None
    body: bytes
    id: int = 0


_NAMES = [name for name in WaitingRow.__struct_fields__ if name != "id"]
_ROWS = select(*[WAITING.c[name] for name in [*_NAMES, "id"]])
_UPDATE = (
    update_table(WAITING)
    .where(WAITING.c.id == bindparam("row"))
    .values({name: bindparam(f"new_{name}") for name in _NAMES})
)


def add(connection: Connection, rows: Sequence[WaitingRow]) -> list[int]:
    """Let rows wait. Their ids, in order."""
    return add_numbered(connection, WAITING, [_values(row) for row in rows])


def update(connection: Connection, rows: Sequence[WaitingRow]) -> None:
    """Overwrite rows by their ids."""
    if rows:
        values = [
            {"row": row.id, **{f"new_{name}": value for name, value in _values(row).items()}}
            for row in rows
        ]
        connection.execute(_UPDATE, values)


def remove(connection: Connection, ids: Iterable[int]) -> None:
    """Delete rows by their ids."""
    for chunk in chunks(sorted(ids)):
        connection.execute(delete(WAITING).where(among(connection, WAITING.c.id, chunk)))


def of_users(
    connection: Connection, keys: Iterable[tuple[int, str]], kinds: Collection[WaitingKind]
) -> list[WaitingRow]:
    """What waits of these users (shard, id), in the order it began to."""
    shard, user = user_keys(connection)
    statement = _ROWS.join_from(
        shard.table, WAITING, (WAITING.c.shard == shard) & (WAITING.c.user == user)
    ).where(among(connection, WAITING.c.kind, [kind.value for kind in kinds]))
    found = [
        row
        for chunk in chunks(keys)
        for row in _waiting(connection.execute(statement, user_key_values(connection, chunk)))
    ]
    return sorted(found, key=lambda row: row.id)


def due(
    connection: Connection, shards: Collection[int], kind: WaitingKind, now: int, limit: int
) -> list[WaitingRow]:
    """What is due by `now`, longest overdue first."""
    c = WAITING.c
    ours = among(connection, c.shard, shards)
    statement = _ROWS.where(c.kind == kind.value, c.due <= now, ours)
    return _waiting(connection.execute(statement.order_by(c.due, c.id).limit(limit)))


def expired(
    connection: Connection, shards: Collection[int], kind: WaitingKind, before: int, limit: int
) -> list[WaitingRow]:
    """What has waited in these shards since before a time in ms, longest first."""
    c = WAITING.c
    ours = among(connection, c.shard, shards)
    statement = _ROWS.where(ours, c.kind == kind.value, c.since_at < before)
    return _waiting(connection.execute(statement.order_by(c.since_at, c.id).limit(limit)))


def by_kind(connection: Connection, kind: WaitingKind, after: int, limit: int) -> list[WaitingRow]:
    """The next rows of a kind after an id."""
    statement = _ROWS.where(WAITING.c.kind == kind.value, WAITING.c.id > after)
    return _waiting(connection.execute(statement.order_by(WAITING.c.id).limit(limit)))


def above(connection: Connection, position: int) -> dict[int, WaitingKind]:
    """The kind of every row whose message stands above a position, by position.

    Of all shards: a row has its user's, which need not be its message's.
    """
    c = WAITING.c
    statement = select(c.position, c.kind).where(c.position > position)
    return {at: WaitingKind(kind) for at, kind in connection.execute(statement)}


def each(connection: Connection) -> Iterator[tuple[int, WaitingKind, int]]:
    """(position, kind, mapping version) of every row."""
    c = WAITING.c
    for position, kind, version in connection.execute(
        select(c.position, c.kind, c.mapping_version)
    ):
        yield position, WaitingKind(kind), version


def users_with(connection: Connection, shards: Collection[int], kind: WaitingKind) -> list[str]:
    """The users of whom rows of a kind wait."""
    c = WAITING.c
    ours = among(connection, c.shard, shards)
    statement = select(c.user).where(c.kind == kind.value, ours).distinct()
    return list(connection.execute(statement).scalars())


def count(connection: Connection, shards: Collection[int], kind: WaitingKind) -> int:
    """How many rows of a kind wait in these shards."""
    c = WAITING.c
    ours = among(connection, c.shard, shards)
    statement = select(func.count()).where(c.kind == kind.value, ours)
    return connection.execute(statement).scalar_one()


def counts(connection: Connection) -> dict[tuple[WaitingKind, str], int]:
    """How many wait, by kind and endpoint."""
    c = WAITING.c
    statement = select(c.kind, c.endpoint, func.count()).group_by(c.kind, c.endpoint)
    return {(WaitingKind(kind), name): n for kind, name, n in connection.execute(statement)}


def _values(row: WaitingRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _NAMES}
    values["kind"] = row.kind.value
    return values


def _waiting(rows: Iterable[Sequence[Any]]) -> list[WaitingRow]:
    return [
        WaitingRow(shard, user, position, WaitingKind(kind), *rest)
        for shard, user, position, kind, *rest in rows
    ]
