"""How we speak to PostgreSQL: in binary, both ways.

As text a profile would be twice as long, and every byte of it written as digits and read back.
Lists go as arrays, so that a statement about a thousand rows is one statement with one plan.
Only what SQLAlchemy itself asks about tables has to come as text.
"""

from typing import Any

import psycopg
from psycopg import Cursor
from psycopg.pq import Format
from psycopg.types.array import ListBinaryDumper
from sqlalchemy import Connection


class BinaryCursor(Cursor[Any]):
    """A cursor whose results come in binary."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.format = Format.BINARY


def speak_binary(raw: psycopg.Connection[Any]) -> None:
    """Send lists in binary too; single values of ours already are."""
    raw.adapters.register_dumper(list, ListBinaryDumper)


def take_text(connection: Connection) -> None:
    """Take results of this connection as text from now on, as reflection of tables needs them."""
    raw: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "postgresql":
        raw.cursor_factory = Cursor
