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
    any_,
    bindparam,
    delete,
    func,
    literal,
    select,
    tuple_,
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
    """Insert rows, or overwrite those whose primary key is there; of two for one key the last."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(_upsert("sqlite", table), rows)
        return
    keys = [column.name for column in table.primary_key]
    once = {tuple(map(row.__getitem__, keys)): row for row in rows}
    statement = _upsert_arrays(table, tuple(rows[0]))
    connection.execute(statement, _arrays(list(once.values())))


def put_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose primary key is not there, in their order."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(_insert("sqlite", table).on_conflict_do_nothing(), rows)
    else:
        connection.execute(_insert_new_arrays(table, tuple(rows[0])), _arrays(rows))


def add(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns, in their order."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(_insert("sqlite", table), rows)
    else:
        connection.execute(_insert_arrays(table, tuple(rows[0])), _arrays(rows))


def add_numbered(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> list[int]:
    """`add`, for a table that numbers its rows: their ids, in order."""
    if not rows:
        return []
    if connection.dialect.name == "sqlite":
        return list(connection.execute(_insert_numbered(table), rows).scalars())
    statement = _insert_arrays_numbered(table, tuple(rows[0]))
    # a sequence counts up, and the rows of an array are inserted in its order
    return sorted(connection.execute(statement, _arrays(rows)).scalars())


def remove(connection: Connection, table: Table, keys: Sequence[tuple[int, str]]) -> None:
    """Delete the rows of a table whose primary key, a shard and a user, is among `keys`."""
    for chunk in chunks(keys):
        statement = _remove(connection.dialect.name, table)
        connection.execute(statement, user_key_values(connection, chunk))


def add_up(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or add their figures to those of the rows that are there."""
    if rows:
        connection.execute(_upsert(connection.dialect.name, table, adds=True), rows)


def structs(kind: type[T], rows: Iterable[Sequence[Any]]) -> list[T]:
    """Database rows as structs whose fields stand in the columns' order."""
    return [kind(*row) for row in rows]


def among(
    connection: Connection, column: ColumnElement[T], values: Iterable[T]
) -> ColumnElement[bool]:
    """Whether a column holds one of these values; on PostgreSQL one text however many they are."""
    wanted = list(values)
    if connection.dialect.name == "sqlite":
        return column.in_(wanted)
    return column == any_(literal(wanted, _array_of(column)))


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
def _remove(dialect: str, table: Table) -> Executable:
    shard, user = _user_keys(dialect)
    return delete(table).where(tuple_(*table.primary_key).in_(select(shard, user)))


@cache
def _insert_arrays(table: Table, names: tuple[str, ...]) -> postgresql.Insert:
    """An insert of rows given column by column, each in one array (see `_arrays`)."""
    arrays = [bindparam(name, type_=_array_of(table.c[name])) for name in names]
    given = func.unnest(*arrays).table_valued(*names).render_derived()
    return postgresql.insert(table).from_select(names, select(*given.c))


@cache
def _insert_new_arrays(table: Table, names: tuple[str, ...]) -> Executable:
    return _insert_arrays(table, names).on_conflict_do_nothing()


@cache
def _insert_arrays_numbered(table: Table, names: tuple[str, ...]) -> Executable:
    return _insert_arrays(table, names).returning(table.c.id)


@cache
def _insert_numbered(table: Table) -> Executable:
    return sqlite.insert(table).returning(table.c.id, sort_by_parameter_order=True)


@cache
def _upsert_arrays(table: Table, names: tuple[str, ...]) -> Executable:
    return _overwriting(_insert_arrays(table, names), table, adds=False)


def _arrays(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _array_of(column: ColumnElement[Any]) -> postgresql.ARRAY[Any]:
    """The type of a parameter that holds values of a column: its collation doesn't matter."""
    kind: Any = Text() if isinstance(column.type, Text) else column.type
    return postgresql.ARRAY(kind, dimensions=1)


@cache
def _insert(dialect: str, table: Table) -> "sqlite.Insert | postgresql.Insert":
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


@cache
def _upsert(dialect: str, table: Table, *, adds: bool = False) -> Executable:
    return _overwriting(_insert(dialect, table), table, adds=adds)


def _overwriting(
    insert: "sqlite.Insert | postgresql.Insert", table: Table, *, adds: bool
) -> Executable:
    keys = [column.name for column in table.primary_key]
    changed = [column for column in table.columns if column.name not in keys]
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=keys,
        set_={c.name: c + new[c.name] if adds else new[c.name] for c in changed},
    )
