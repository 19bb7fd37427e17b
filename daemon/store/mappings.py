"""Published mappings. A version, once published, never changes."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, select

from daemon.store.schema import MAPPING_VERSION


class MappingRow(msgspec.Struct, frozen=True):
    """A published mapping: its text, the text's digest, and the catalog (JSON) that resolved it."""

    version: int
    published_at: int
    digest: str
    body: str
    catalog: str


_ROWS = select(*[MAPPING_VERSION.c[name] for name in MappingRow.__struct_fields__])


def publish(
    connection: Connection, *, published_at: int, digest: str, body: str, catalog: str
) -> int:
    """Store the next version. Its number, counted from 1."""
    highest = connection.execute(select(func.max(MAPPING_VERSION.c.version))).scalar() or 0
    row = MappingRow(highest + 1, published_at, digest, body, catalog)
    connection.execute(insert(MAPPING_VERSION), [msgspec.structs.asdict(row)])
    return row.version


def latest(connection: Connection) -> MappingRow | None:
    """The version published last."""
    statement = _ROWS.order_by(MAPPING_VERSION.c.version.desc()).limit(1)
    return _mapping(connection.execute(statement).first())


def get(connection: Connection, version: int) -> MappingRow | None:
    """A version by its number."""
    statement = _ROWS.where(MAPPING_VERSION.c.version == version)
    return _mapping(connection.execute(statement).first())


def versions(connection: Connection) -> list[int]:
    """The numbers of all versions there are."""
    return list(connection.execute(select(MAPPING_VERSION.c.version)).scalars())


def _mapping(row: Sequence[Any] | None) -> MappingRow | None:
    return None if row is None else MappingRow(*row)
