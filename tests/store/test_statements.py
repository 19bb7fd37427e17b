"""Rows and keys as both databases take them, and in how many statements."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, select

from daemon.domain.messages import MessageClass, NewRow, shard_of
from daemon.store import cursors, identifiers, log, marks, users, waiting
from daemon.store.database import Database, open_database
from daemon.store.identifiers import Claim
from daemon.store.marks import MarkRow
from daemon.store.schema import MARK, USER
from daemon.store.statements import among, put
from daemon.store.users import UserRow
from daemon.store.waiting import WaitingKind, WaitingRow

ODD = ["u:{a,b}", 'u:"', "u:\\", "u:NULL", "u: ", "u:ü€𝄞", "u:'", "u:a\tb\n"]
LARGE = 2**62


def user(name: str, profile: bytes = b"\x00\xffp") -> UserRow:
    return UserRow(shard_of(name), name, profile, b"")


def mark(name: str, since: int, barrier: int | None) -> MarkRow:
    return MarkRow(shard_of(name), name, since, barrier, MessageClass.LIVE, since, 0)


def test_odd_keys_and_bytes_come_back_as_they_were(database: Database) -> None:
    rows = {name: user(name) for name in ODD}
    keys = [(row.shard, row.id) for row in rows.values()]
    database.write_now(lambda c: users.save(c, list(rows.values())))
    assert database.read_now(lambda c: users.load(c, keys)) == rows
    claims = [Claim("u", name, shard_of(name), name) for name in ODD]
    database.write_now(lambda c: identifiers.claim(c, claims))
    wanted = [("u", name) for name in ODD]
    found = database.read_now(lambda c: identifiers.owners(c, wanted))
    assert {value: owner.user for (_, value), owner in found.items()} == {n: n for n in ODD}
    database.write_now(lambda c: users.delete(c, keys[1:]))
    assert list(database.read_now(lambda c: users.load(c, keys))) == ODD[:1]


@pytest.mark.parametrize("barriers", [(None, None), (None, LARGE), (5, 6)])
def test_what_is_nowhere_given_and_what_is_large_are_stored(
    database: Database, barriers: tuple[int | None, ...]
) -> None:
    rows = {f"u:{n}": mark(f"u:{n}", LARGE - n, barrier) for n, barrier in enumerate(barriers)}
    database.write_now(lambda c: marks.put(c, list(rows.values())))
    keys = [(row.shard, row.user) for row in rows.values()]
    assert database.read_now(lambda c: marks.of_users(c, keys)) == rows


def test_of_two_rows_for_one_key_the_last_counts(database: Database) -> None:
    rows = [
        {"shard": 1, "id": "u:1", "profile": profile, "believed": b""} for profile in (b"a", b"b")
    ]
    database.write_now(lambda c: put(c, USER, rows))
    assert database.read_now(lambda c: users.load(c, [(1, "u:1")]))["u:1"].profile == b"b"


def test_of_two_claims_of_one_identifier_the_first_counts(database: Database) -> None:
    claims = [Claim("e", "a@x.org", 1, "u:2"), Claim("e", "a@x.org", 1, "u:1")]
    database.write_now(lambda c: identifiers.claim(c, claims))
    found = database.read_now(lambda c: identifiers.owners(c, [("e", "a@x.org")]))
    assert found["e", "a@x.org"].user == "u:1"


def test_among_nothing_is_nobody(database: Database) -> None:
    database.write_now(lambda c: marks.put(c, [mark("u:1", 1, None)]))

    def found(connection: Connection, shards: list[int]) -> int:
        statement = select(MARK.c.user).where(among(connection, MARK.c.shard, shards))
        return len(connection.execute(statement).all())

    assert database.read_now(lambda c: found(c, [])) == 0
    assert database.read_now(lambda c: found(c, [shard_of("u:1"), 99])) == 1


def test_ids_come_in_the_order_of_their_rows(database: Database) -> None:
    rows = [
        WaitingRow(1, "u:1", n, WaitingKind.PARKED, "e", 0, 0, 0, "", 1, None, b"%d" % n)
        for n in range(300)
    ]
    ids = database.write_now(lambda c: waiting.add(c, rows))
    kept = database.read_now(lambda c: waiting.by_kind(c, WaitingKind.PARKED, 0, 1000))
    assert {row.id: row.position for row in kept} == dict(zip(ids, range(300), strict=True))


NAMES = [f"u:{n}" for n in range(400)]
KEYS = [(shard_of(name), name) for name in NAMES]
HOT: dict[str, Callable[[Connection], Any]] = {
    "users.save": lambda c: users.save(c, [user(name) for name in NAMES]),
    "users.load": lambda c: users.load(c, KEYS),
    "users.delete": lambda c: users.delete(c, KEYS),
    "identifiers.claim": lambda c: identifiers.claim(c, [Claim("u", n, 1, n) for n in NAMES]),
    "identifiers.owners": lambda c: identifiers.owners(c, [("u", name) for name in NAMES]),
    "marks.put": lambda c: marks.put(c, [mark(name, 1, 1) for name in NAMES]),
    "marks.of_users": lambda c: marks.of_users(c, KEYS),
    "marks.load": lambda c: marks.load(c, range(64), 1000),
    "marks.drop": lambda c: marks.drop(c, KEYS),
    "cursors.save": lambda c: cursors.save(c, {(shard, "s"): 1 for shard in range(64)}),
    "cursors.load": lambda c: cursors.load(c, range(64)),
    "waiting.due": lambda c: waiting.due(c, range(64), WaitingKind.PARKED, 1, 10),
    "log.read": lambda c: log.read(c, 0, range(64), 10),
}


@pytest.mark.parametrize("name", HOT)
def test_on_postgresql_many_rows_are_one_statement_whose_text_is_always_the_same(
    postgresql_url: str, name: str
) -> None:
    """One text is one plan to prepare; a statement for each row is a plan run for each row."""
    database = open_database(postgresql_url)
    said: list[tuple[str, bool]] = []

    def listen(*about: Any) -> None:
        said.append((about[2], about[5]))

    event.listen(database.writer, "before_cursor_execute", listen)
    database.write_now(HOT[name])
    ((text, many),) = said
    assert not many
    assert len(text) < 800, "the text must not grow with the rows"
    database.close()


def test_on_postgresql_the_log_takes_many_rows_at_once(postgresql_url: str) -> None:
    database = open_database(postgresql_url)
    rows = [NewRow(n % 64, MessageClass.LIVE, 1, 0, b"{}") for n in range(400)]
    said: list[bool] = []
    event.listen(database.writer, "before_cursor_execute", lambda *about: said.append(about[5]))
    assert database.write_now(lambda c: log.append(c, rows)) == 1
    assert said == [False, False, False]
    read = database.read_now(lambda c: log.read(c, 0, None, 1000))
    assert [row.shard for row in read] == [row.shard for row in rows]
    database.close()
