import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from daemon.domain.messages import LogRow, MessageClass, NewRow
from daemon.store import log
from daemon.store.database import Database, open_database


def row(shard: int = 0, received_at: int = 1_000, body: bytes = b"{}") -> NewRow:
    return NewRow(shard, MessageClass.LIVE, received_at, 0, body)


def append(database: Database, *rows: NewRow) -> int:
    return database.write_now(lambda connection: log.append(connection, rows))


def read(database: Database, after: int = 0, limit: int = 10_000) -> list[LogRow]:
    return database.read_now(lambda connection: log.read(connection, after, None, limit))


def positions(database: Database) -> list[int]:
    return [found.position for found in read(database)]


def test_what_is_appended_is_read_as_it_was(database: Database) -> None:
    rows = [
        NewRow(63, MessageClass.SEED, 5, 3, bytes(range(256))),
        NewRow(0, MessageClass.LIVE, 6, 0, b""),
    ]
    assert append(database, *rows) == 1
    assert read(database) == [
        LogRow(1, 63, MessageClass.SEED, 3, bytes(range(256))),
        LogRow(2, 0, MessageClass.LIVE, 0, b""),
    ]


def test_positions_go_on_from_the_last_append(database: Database) -> None:
    assert append(database, row(), row()) == 1
    assert append(database) == 0
    assert append(database, row()) == 3
    assert database.read_now(log.head) == 3


def test_a_read_starts_after_a_position_and_stops_at_its_limit(database: Database) -> None:
    append(database, *[row(shard=n % 4) for n in range(20)])
    assert [found.position for found in read(database, after=3, limit=2)] == [4, 5]
    some = database.read_now(lambda connection: log.read(connection, 4, {1, 3}, 3))
    assert [(found.position, found.shard) for found in some] == [(6, 1), (8, 3), (10, 1)]
    assert database.read_now(lambda connection: log.read(connection, 0, set(), 3)) == []


def test_messages_are_found_by_their_positions(database: Database) -> None:
    append(database, *[row(body=b"%d" % n) for n in range(1_200)])
    wanted = [1_200, 3, 3, 9_999, *range(100, 800)]
    found = database.read_now(lambda connection: log.at(connection, wanted))
    assert [each.position for each in found] == [3, *range(100, 800), 1_200]
    assert found[0].body == b"2"


def test_a_transaction_that_fails_leaves_no_message_and_no_gap(database: Database) -> None:
    def fail(connection: Connection) -> None:
        log.append(connection, [row(), row()])
        raise KeyError

    append(database, row())
    with pytest.raises(KeyError):
        database.write_now(fail)
    assert append(database, row()) == 2
    assert positions(database) == [1, 2]


def test_concurrent_appenders_leave_no_gap_and_keep_their_rows_together(url: str) -> None:
    from daemon.store.migrate import upgrade

    upgrade(url)
    failures: list[BaseException] = []

    def work(mark: bytes) -> None:
        mine = open_database(url)
        try:
            for _ in range(15):
                append(mine, *[row(body=mark)] * 3)
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=work, args=(b"%d" % n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    seen: list[list[int]] = []
    database = open_database(url)
    while any(thread.is_alive() for thread in threads):
        seen.append(positions(database))
    for thread in threads:
        thread.join()
    assert failures == []
    for one in seen:
        assert one == list(range(1, len(one) + 1))
    rows = read(database)
    assert [found.position for found in rows] == list(range(1, 181))
    assert all(len({r.body for r in rows[at : at + 3]}) == 1 for at in range(0, 180, 3))
    database.close()


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def waiters(database: Database) -> int:
    query = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    return int(database.read_now(lambda connection: connection.execute(query).scalar_one()))


def test_no_reader_ever_passes_an_append_that_is_still_open(postgresql_url: str) -> None:
    database = open_database(postgresql_url)
    append(database, row())
    appended, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        log.append(connection, [row(body=b"slow")])
        appended.set()
        assert go_on.wait(20)

    first = threading.Thread(target=database.write_now, args=(slow,))
    second = threading.Thread(target=append, args=(database, row(body=b"quick")))
    first.start()
    assert appended.wait(20)
    second.start()
    wait_until(lambda: waiters(database) == 1)
    assert positions(database) == [1]
    assert database.read_now(log.head) == 1
    go_on.set()
    first.join()
    second.join()
    assert [found.body for found in read(database)] == [b"{}", b"slow", b"quick"]
    assert positions(database) == [1, 2, 3]
    database.close()


def test_trimming_takes_the_oldest_in_chunks_and_never_gives_a_position_again(
    database: Database,
) -> None:
    def trim(upto: int, chunk: int) -> int:
        return database.write_now(lambda connection: log.trim(connection, upto, chunk))

    assert trim(100, 10) == 0
    append(database, *[row() for _ in range(10)])
    assert trim(0, 5) == 0
    assert [trim(7, 5), trim(7, 5), trim(7, 5)] == [5, 2, 0]
    assert positions(database) == [8, 9, 10]
    assert database.read_now(log.first) == 8
    assert trim(1_000, 1_000) == 3
    assert (database.read_now(log.first), database.read_now(log.head)) == (11, 10)
    assert append(database, row()) == 11


def test_the_age_of_the_log_is_known(database: Database) -> None:
    def aged(before: int, limit: int = 100) -> int:
        return database.read_now(lambda connection: log.aged(connection, before, limit))

    def oldest(after: int) -> int | None:
        return database.read_now(lambda connection: log.oldest_received_at(connection, after))

    assert (aged(10), oldest(0)) == (0, None)
    append(database, *[row(received_at=at) for at in (10, 20, 30, 5, 40)])
    assert [aged(10), aged(11), aged(30), aged(99), aged(99, limit=2)] == [0, 1, 2, 5, 2]
    assert [oldest(0), oldest(2), oldest(3), oldest(5)] == [10, 30, 5, None]
    database.write_now(lambda connection: log.trim(connection, 2, 10))
    assert [aged(1), aged(99)] == [2, 5]


def test_the_size_of_the_log_is_known(database: Database) -> None:
    rows, before = database.read_now(log.size)
    assert rows == 0
    append(database, *[row(body=b"x" * 1_000) for _ in range(500)])
    rows, after = database.read_now(log.size)
    assert rows == 500
    assert after - before > 400_000
