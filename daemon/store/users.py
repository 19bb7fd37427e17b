"""Profiles and Believed, one row per user. Only the lane that owns a shard writes its users."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, func, select, tuple_

from daemon.store.schema import USER
from daemon.store.statements import chunks, put, remove, structs, user_key_values, user_keys


class UserRow(msgspec.Struct, frozen=True, gc=False):
    """A user: profile and Believed as the lane encoded them (`daemon.domain.profiles`)."""

    shard: int
    id: str
    profile: bytes
    believed: bytes


_COLUMNS = [USER.c.shard, USER.c.id, USER.c.profile, USER.c.believed]
_ROWS = select(*_COLUMNS)
_BY_KEY = tuple_(USER.c.shard, USER.c.id)
_AFTER = tuple_(bindparam("after_shard"), bindparam("after_id"))
_FIRST = _ROWS.order_by(USER.c.shard, USER.c.id).limit(bindparam("most"))
_NEXT = _FIRST.where(_AFTER < _BY_KEY)


def load(connection: Connection, ids: Iterable[tuple[int, str]]) -> dict[str, UserRow]:
    """The users among `ids` (shard, id) that are there, by id."""
    shard, user = user_keys(connection)
    statement = _ROWS.join_from(shard.table, USER, (USER.c.shard == shard) & (USER.c.id == user))
    found: dict[str, UserRow] = {}
    for chunk in chunks(ids):
        rows = connection.execute(statement, user_key_values(connection, chunk))
        found.update((row[1], UserRow(*row)) for row in rows)
    return found


def save(connection: Connection, rows: Sequence[UserRow]) -> None:
    """Insert or overwrite."""
    put(connection, USER, [msgspec.structs.asdict(row) for row in rows])


def delete(connection: Connection, ids: Sequence[tuple[int, str]]) -> None:
    """Delete users by (shard, id)."""
    remove(connection, USER, ids)


def scan(connection: Connection, after: tuple[int, str] | None, limit: int) -> list[UserRow]:
    """The next users after a (shard, id), in that order; from the start where `after` is None."""
    if after is None:
        return structs(UserRow, connection.execute(_FIRST, {"most": limit}))
    given = {"after_shard": after[0], "after_id": after[1], "most": limit}
    return structs(UserRow, connection.execute(_NEXT, given))


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(USER)).scalar_one()
