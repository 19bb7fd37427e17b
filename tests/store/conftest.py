"""One suite, two databases: `url` is an empty one, `database` has its tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.store.database import Database, open_database
from daemon.store.migrate import upgrade
from tests.databases import postgres_database, postgres_store, postgres_url, sqlite_database

__all__ = ["postgres_store", "postgres_url"]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield sqlite_database(tmp_path)
    else:
        with postgres_database(request.getfixturevalue("postgres_url")) as fresh:
            yield fresh


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    found = sqlite_database(tmp_path)
    upgrade(found)
    return found


@pytest.fixture
def postgresql_url(postgres_url: str, postgres_store: str) -> Iterator[str]:
    with postgres_database(postgres_url, postgres_store) as fresh:
        yield fresh


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    database = open_database(request.getfixturevalue(f"{request.param}_url"))
    yield database
    database.close()
