import logging
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from daemon.errors import SchemaNotCurrent
from daemon.store import dedupe, log
from daemon.store.database import open_database
from daemon.store.migrate import configuration, current, head, require_current, upgrade
from daemon.store.postgres import take_text
from daemon.store.schema import METADATA


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_migrations_lead_up_and_down_and_up_again(url: str) -> None:
    assert current(url) is None
    upgrade(url)
    assert current(url) == head()
    command.downgrade(configuration(url), "base")
    database = open_database(url)
    assert database.read_now(tables) == set()
    upgrade(url)
    assert database.read_now(tables) == set(METADATA.tables)
    assert database.read_now(log.head) == 0
    assert database.read_now(log.first) == 1
    database.close()


def test_the_migrations_make_exactly_the_declared_tables(url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        take_text(connection)
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, METADATA))

    upgrade(url)
    database = open_database(url)
    assert database.read_now(differences) == []
    database.close()


def test_alembic_sees_nothing_to_generate_when_there_are_dedupe_partitions(url: str) -> None:
    upgrade(url)
    database = open_database(url)
    database.write_now(lambda connection: dedupe.remember(connection, [b"x" * 16], 0))
    database.close()
    command.check(configuration(url))


def test_upgrading_twice_changes_nothing(url: str) -> None:
    upgrade(url)
    upgrade(url)
    assert current(url) == head()


def test_migrating_leaves_logging_alone(url: str) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    upgrade(url)
    assert (root.level, list(root.handlers)) == before


def test_a_store_without_tables_is_refused_with_what_to_run(url: str) -> None:
    database = open_database(url)
    with pytest.raises(SchemaNotCurrent, match="run: segue migrate"):
        require_current(database)
    upgrade(url)
    require_current(database)
    database.close()


@pytest.mark.parametrize(
    ("found", "message"),
    [("9999", "does not know"), (None, "no tables yet")],
)
def test_a_store_of_another_version_is_refused(url: str, found: str | None, message: str) -> None:
    upgrade(url)
    database = open_database(url)
    statement = "DELETE FROM alembic_version"
    if found is not None:
        statement = f"UPDATE alembic_version SET version_num = '{found}'"
    database.write_now(lambda connection: connection.exec_driver_sql(statement))
    with pytest.raises(SchemaNotCurrent, match=message):
        require_current(database)
    database.close()


def test_a_migration_that_fails_half_way_leaves_nothing(url: str, tmp_path: Path) -> None:
    database = open_database(url)
    database.write_now(
        lambda connection: connection.exec_driver_sql("CREATE TABLE fact (name TEXT)")
    )
    with pytest.raises(Exception, match="already exists"):
        upgrade(url)
    assert database.read_now(tables) == {"fact"}
    database.close()
