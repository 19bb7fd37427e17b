"""Small things worth remembering: last scheduled runs, what was probed of a project, caches."""

import msgspec
from sqlalchemy import Connection, select

from daemon.store.schema import FACT
from daemon.store.statements import put as put_rows


class Fact(msgspec.Struct, frozen=True):
    """A value, and when it was learnt (ms)."""

    value: str
    at: int


def get(connection: Connection, name: str) -> Fact | None:
    """The fact of this name."""
    row = connection.execute(select(FACT.c.value, FACT.c.at).where(FACT.c.name == name)).first()
    return None if row is None else Fact(row.value, row.at)


def put(connection: Connection, name: str, value: str, at: int) -> None:
    """Remember a fact, in place of what was known."""
    put_rows(connection, FACT, [{"name": name, "value": value, "at": at}])
