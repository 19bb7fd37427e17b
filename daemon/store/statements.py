"""What statements have in common: upserts, chunks, and keys passed in one parameter.

Statements are built once per dialect, so that SQLAlchemy finds each compiled form in its cache.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Integer,
    Table,
    Text,
    bindparam,
    func,
)
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

CHUNK = 500


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or overwrite those whose primary key is there."""
    if rows:
        connection.execute(_upsert(connection.dialect.name, table), rows)


def put_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose primary key is not there."""
    if rows:
        connection.execute(_insert(connection.dialect.name, table).on_conflict_do_nothing(), rows)


def add_up(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or add their figures to those of the rows that are there."""
    if rows:
        connection.execute(_upsert(connection.dialect.name, table, adds=True), rows)


def structs(kind: type[T], rows: Iterable[Sequence[Any]]) -> list[T]:
    """Database rows as structs whose fields stand in the columns' order."""
    return [kind(*row) for row in rows]


def user_keys(connection: Connection) -> tuple[ColumnElement[int], ColumnElement[str]]:
    """Columns (shard, user) of the keys given by `user_key_values`, to be joined with."""
    return _user_keys(connection.dialect.name)


def user_key_values(connection: Connection, keys: Iterable[tuple[int, str]]) -> dict[str, Any]:
    """The parameters that `user_keys` reads. Each user has one shard."""
    shard_of_user = {user: shard for shard, user in keys}
    if connection.dialect.name == "sqlite":
        return {"wanted": msgspec.json.encode(shard_of_user).decode()}
    return {"shards": list(shard_of_user.values()), "users": list(shard_of_user)}


@cache
def _user_keys(dialect: str) -> tuple[ColumnElement[int], ColumnElement[str]]:
    if dialect == "sqlite":
        each = func.json_each(bindparam("wanted", type_=Text)).table_valued("value", "key")
        return each.c.value, each.c.key
    shards = bindparam("shards", type_=postgresql.ARRAY(Integer))
    users = bindparam("users", type_=postgresql.ARRAY(Text))
    given = func.unnest(shards, users).table_valued("shard", "user")
    given = given.render_derived()
    return given.c.shard, given.c.user


@cache
def _insert(dialect: str, table: Table) -> "sqlite.Insert | postgresql.Insert":
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


@cache
def _upsert(dialect: str, table: Table, *, adds: bool = False) -> Executable:
    insert = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    changed = [column for column in table.columns if column.name not in keys]
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=keys,
        set_={c.name: c + new[c.name] if adds else new[c.name] for c in changed},
    )
