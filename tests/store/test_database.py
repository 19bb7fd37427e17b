"""Transactions, the instance's lock, and what becomes of the driver's errors."""

import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import anyio
import pytest
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from daemon.domain.messages import MessageClass, NewRow
from daemon.errors import ConfigurationError, InstanceLocked, StoreUnavailable
from daemon.store import facts, log
from daemon.store.database import KEEPALIVES, Database, open_database, parse_url
from daemon.store.instance import instance_lock
from daemon.store.migrate import current, upgrade


def remember(connection: Connection) -> None:
    facts.put(connection, "x", "y" * 1_000, 1)


def ask(connection: Connection, statement: str) -> object:
    return connection.exec_driver_sql(statement).scalar_one()


def known(database: Database) -> bool:
    return database.read_now(lambda connection: facts.get(connection, "x")) is not None


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.anyio
async def test_a_unit_of_work_runs_in_a_thread_of_its_own(database: Database, writes: bool) -> None:
    run = database.write if writes else database.read
    assert await run(lambda _: threading.get_ident()) != threading.get_ident()


@pytest.mark.anyio
async def test_a_unit_of_work_that_has_begun_ends_though_its_caller_is_cancelled(
    database: Database,
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        begun.set()
        assert go_on.wait(20)
        remember(connection)

    async with anyio.create_task_group() as group:
        group.start_soon(database.write, slow)
        await anyio.to_thread.run_sync(begun.wait)
        group.cancel_scope.cancel()
        go_on.set()
    assert known(database)


def test_a_unit_of_work_happens_whole_or_not_at_all(database: Database) -> None:
    def fail(connection: Connection) -> None:
        remember(connection)
        raise KeyError

    with pytest.raises(KeyError):
        database.write_now(fail)
    assert not known(database)


def test_a_process_killed_in_a_transaction_leaves_nothing(url: str) -> None:
    upgrade(url)
    script = (
        "import os, signal, sys\n"
        "from daemon.store import facts\n"
        "from daemon.store.database import open_database\n"
        "def work(connection):\n"
        "    facts.put(connection, 'x', 'y' * 1_000_000, 1)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "open_database(sys.argv[1]).write_now(work)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, url], check=False, timeout=60)
    assert ended.returncode == -9
    database = open_database(url)
    assert not known(database)
    database.write_now(remember)
    assert known(database)
    database.close()


def test_readers_may_not_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="read-only"):
        database.read_now(remember)


def test_a_reader_sees_one_view_and_does_not_wait_for_the_writer(database: Database) -> None:
    def reader(connection: Connection) -> tuple[bool, bool]:
        before = facts.get(connection, "x")
        database.write_now(remember)
        return before is None, facts.get(connection, "x") is None

    assert database.read_now(reader) == (True, True)
    assert known(database)


def test_a_writer_on_sqlite_holds_the_lock_from_its_first_word(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    other = open_database(sqlite_url)
    other.write_now(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout=1"))

    def first(connection: Connection) -> None:
        facts.get(connection, "x")
        with pytest.raises(StoreUnavailable, match="another process is writing"):
            other.write_now(remember)
        remember(connection)

    database.write_now(first)
    assert known(database)
    database.close()
    other.close()


def test_sqlite_is_set_up_to_keep_what_it_took(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    wanted = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "temp_store": 2}
    for name, value in wanted.items():
        assert database.write_now(partial(ask, statement=f"PRAGMA {name}")) == value, name
    database.close()


def test_postgresql_is_set_up_to_keep_what_it_took(postgresql_url: str) -> None:
    database = open_database(postgresql_url)
    wanted = {"synchronous_commit": "on", "statement_timeout": "30s", "lock_timeout": "15s"}
    for name, value in wanted.items():
        assert database.write_now(partial(ask, statement=f"SHOW {name}")) == value, name
    database.close()


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg"),
        ("sqlite:////var/lib/x.db", "sqlite+pysqlite"),
    ],
)
def test_urls_are_given_the_driver_we_use(given: str, driver: str) -> None:
    assert parse_url(given).drivername == driver


@pytest.mark.parametrize(
    "given",
    ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "", "no", "postgresql://host:port/x"],
)
def test_other_urls_are_refused_without_repeating_them(given: str) -> None:
    with pytest.raises(ConfigurationError, match="sqlite:///<file>"):
        open_database(given)


def test_a_store_is_owned_by_one_process(url: str) -> None:
    script = (
        "import sys\n"
        "from daemon.errors import InstanceLocked\n"
        "from daemon.store.instance import instance_lock\n"
        "try:\n"
        "    with instance_lock(sys.argv[1]):\n"
        "        print('owned')\n"
        "except InstanceLocked as error:\n"
        "    print(error)\n"
    )

    def other() -> str:
        command = [sys.executable, "-c", script, url]
        return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.decode()

    with instance_lock(url):
        assert f"the process with pid {os.getpid()} owns this store" in other()
        with pytest.raises(InstanceLocked), instance_lock(url):
            raise AssertionError
    assert other() == "owned\n"


def test_the_lock_of_a_killed_process_is_free(url: str) -> None:
    script = (
        "import sys, time\n"
        "from daemon.store.instance import instance_lock\n"
        "with instance_lock(sys.argv[1]):\n"
        "    print('owned', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, url], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"owned\n"
        with pytest.raises(InstanceLocked, match=f"pid {other.pid}"), instance_lock(url):
            raise AssertionError
        other.kill()
    for _ in range(200):
        try:
            with instance_lock(url):
                return
        except InstanceLocked:
            threading.Event().wait(0.02)
    raise AssertionError("it stayed locked")


def test_a_full_disk_is_told_and_survived(sqlite_url: str) -> None:
    database = open_database(sqlite_url)

    def bound(connection: Connection, pages: int) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    def fill(connection: Connection) -> None:
        log.append(connection, [NewRow(0, MessageClass.LIVE, 1, 0, b"x" * 100_000)] * 10)

    database.write_now(lambda connection: bound(connection, 60))
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        database.write_now(fill)
    assert database.read_now(log.head) == 0
    database.write_now(lambda connection: bound(connection, 10_000))
    database.write_now(fill)
    assert database.read_now(log.head) == 10
    database.close()


def test_a_read_only_file_is_told(sqlite_url: str, tmp_path: Path) -> None:
    database = open_database(f"sqlite:///file:{tmp_path}/segue.db?mode=ro&uri=true")
    with pytest.raises(StoreUnavailable, match="read-only"):
        database.write_now(remember)
    database.close()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "segue.db").write_bytes(b"hello, world " * 1_000)
    with pytest.raises(StoreUnavailable, match="no database"):
        current(f"sqlite:///{tmp_path}/segue.db")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/nowhere/segue.db"
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        upgrade(url)
    with pytest.raises(StoreUnavailable, match="cannot be locked"), instance_lock(url):
        raise AssertionError


def test_a_server_that_is_not_there_is_told_without_its_address() -> None:
    url = "postgresql://segue:secret@127.0.0.1:1/nowhere"
    database = open_database(url)
    with pytest.raises(StoreUnavailable, match="no connection") as caught:
        database.read_now(log.head)
    assert "secret" not in str(caught.value)
    with pytest.raises(StoreUnavailable), instance_lock(url):
        raise AssertionError


def test_a_lost_connection_is_told_and_replaced(postgresql_url: str) -> None:
    database, other = open_database(postgresql_url), open_database(postgresql_url)
    kill = text("SELECT pg_terminate_backend(:pid)")

    def lose(connection: Connection) -> None:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        remember(connection)
        other.write_now(lambda c: c.execute(kill, {"pid": pid}))
        remember(connection)

    with pytest.raises(StoreUnavailable, match="stopping"):
        database.write_now(lose)
    assert not known(database)
    database.write_now(remember)
    assert known(database)
    database.close()
    other.close()


def test_a_statement_that_takes_too_long_is_told(postgresql_url: str) -> None:
    database = open_database(postgresql_url)

    def slow(connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 50")
        connection.exec_driver_sql("SELECT pg_sleep(30)")

    with pytest.raises(StoreUnavailable, match="took too long"):
        database.write_now(slow)
    database.close()


def test_our_own_mistakes_pass_through(database: Database) -> None:
    insert = text("INSERT INTO fact (name, value, at) VALUES ('x', 'y', 1)")
    database.write_now(lambda connection: connection.execute(insert))
    with pytest.raises(IntegrityError):
        database.write_now(lambda connection: connection.execute(insert))
    with pytest.raises(DBAPIError, match="nothing_there"):
        database.read_now(lambda connection: connection.execute(text("SELECT nothing_there")))


def test_an_error_of_ours_does_not_tell_what_was_written(database: Database) -> None:
    def write(connection: Connection) -> None:
        connection.execute(text("INSERT INTO nowhere VALUES (:phone)"), {"phone": "+49170555"})

    with pytest.raises(DBAPIError) as caught:
        database.write_now(write)
    assert "+49170555" not in str(caught.value)


def test_who_lost_the_store_is_told(postgresql_url: str) -> None:
    """The server ended the session that holds the lock: somebody else may have it by now."""
    with instance_lock(postgresql_url) as look:
        look()
        engine = create_engine(parse_url(postgresql_url), poolclass=NullPool)
        with engine.begin() as connection:
            statement = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            connection.exec_driver_sql(statement)
        with instance_lock(postgresql_url), pytest.raises(StoreUnavailable):
            look()


def test_the_server_notices_soon_that_the_owner_has_vanished(postgresql_url: str) -> None:
    """As on every other connection: what it waits for is told by the settings of the session."""
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with instance_lock(postgresql_url):
            assert {f"SET {setting}" for setting in KEEPALIVES} <= set(asked)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
