"""The hot statements use an index: what the databases say they would do."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from daemon.domain.commands import CallKey, Endpoint
from daemon.domain.ledger import CallRows, TurnBody
from daemon.domain.messages import MessageClass, NewRow, shard_of
from daemon.store import calls, cursors, dedupe, identifiers, log, marks, turns, users, waiting
from daemon.store.calls import Closing, NewCall
from daemon.store.database import Database
from daemon.store.identifiers import Claim
from daemon.store.marks import MarkRow
from daemon.store.turns import TurnRow
from daemon.store.users import UserRow
from daemon.store.waiting import WaitingKind, WaitingRow

NOW = 1_700_000_000_000
NAMES = [f"u:{n}" for n in range(3_000)]
KEYS = [(shard_of(name), name) for name in NAMES[:20]]
PARKED = WaitingKind.PARKED
Work = Callable[[Connection], Any]

HOT: dict[str, Work] = {
    "log.read of some shards": lambda c: log.read(c, 2_900, {1, 2}, 10),
    "log.read": lambda c: log.read(c, 2_900, None, 10),
    "log.at": lambda c: log.at(c, [5, 6]),
    "log.oldest_received_at": lambda c: log.oldest_received_at(c, 2_900),
    "log.aged": lambda c: log.aged(c, NOW, 10),
    "log.trim": lambda c: log.trim(c, 5, 5),
    "dedupe.unseen": lambda c: dedupe.unseen(c, [b"x" * 16], NOW, 24),
    "users.load": lambda c: users.load(c, KEYS),
    "users.scan": lambda c: users.scan(c, (5, "u:5"), 10),
    "users.scan from the start": lambda c: users.scan(c, None, 10),
    "users.delete": lambda c: users.delete(c, KEYS[:1]),
    "identifiers.owners": lambda c: identifiers.owners(c, [("u", "5"), ("e", "6")]),
    "identifiers.repoint": lambda c: identifiers.repoint(c, "u:5", 1, "u:6"),
    "identifiers.of_user": lambda c: identifiers.of_user(c, "u:5"),
    "marks.load what is due": lambda c: marks.load(c, {1, 2}, 10, 20),
    "marks.of_users": lambda c: marks.of_users(c, KEYS),
    "marks.drop": lambda c: marks.drop(c, KEYS[:1]),
    "cursors.load": lambda c: cursors.load(c, {1}),
    "calls.open_calls": lambda c: calls.open_calls(c, range(64)),
    "calls.closed_above": lambda c: calls.closed_above(c, Endpoint.TRACK_BULK, 2_990, {1}),
    "turns.ended_above": lambda c: turns.ended_above(c, "folded", 2_990, NOW + 5),
    "turns.covering": lambda c: turns.covering(c, "folded", 1, 2_990),
    "waiting.of_users": lambda c: waiting.of_users(c, KEYS, [PARKED]),
    "waiting.due": lambda c: waiting.due(c, {1}, PARKED, 20, 10),
    "waiting.expired": lambda c: waiting.expired(c, {1}, PARKED, 20, 10),
}

FROM_THE_START = {"log.aged", "users.scan from the start"}  # bounded by their limit instead


def fill(connection: Connection) -> None:
    log.append(connection, [NewRow(n % 64, MessageClass.LIVE, NOW, 0, b"{}") for n in range(3_000)])
    dedupe.remember(connection, [dedupe.digest_of("web", name) for name in NAMES], NOW)
    users.save(connection, [UserRow(shard_of(name), name, b"p" * 100, b"b") for name in NAMES])
    identifiers.claim(connection, [Claim("u", n[2:], shard_of(n), n) for n in NAMES])
    rows = [
        MarkRow(shard_of(name), name, n, None, MessageClass.LIVE, n, 0)
        for n, name in enumerate(NAMES)
    ]
    marks.put(connection, rows)
    waiting.add(
        connection,
        [
            WaitingRow(shard_of(n), n, at, PARKED, "x", at, at, 0, "", 1, None, b"{}")
            for at, n in enumerate(NAMES)
        ],
    )
    ids = calls.open_(
        connection,
        [
            NewCall(CallKey(Endpoint.TRACK_BULK), 1, (n % 64,), NOW, n, n, CallRows())
            for n in range(3_000)
        ],
    )
    calls.close(connection, [Closing(each, NOW + each, 200) for each in ids[:-3]])
    turns.add(
        connection, [TurnRow(NOW, "folded", (1,), n, n + 1, TurnBody()) for n in range(3_000)]
    )
    cursors.save(connection, {(shard, f"s{n}"): 1 for shard in range(64) for n in range(40)})


def statements(engine: Engine, database: Database, work: Work) -> list[tuple[str, Any]]:
    """What a unit of work says to the database."""
    said: list[tuple[str, Any]] = []

    def listen(*event_arguments: Any) -> None:
        _, _, statement, parameters, _, many = event_arguments
        if statement.split()[0] in {"SELECT", "UPDATE", "DELETE"}:
            said.append((statement, parameters[0] if many else parameters))

    event.listen(engine, "before_cursor_execute", listen)
    database.write_now(work)
    event.remove(engine, "before_cursor_execute", listen)
    return said


def scans(connection: Connection, said: list[tuple[str, Any]]) -> list[str]:
    """The plans that walk through a whole table of ours."""
    sqlite = connection.dialect.name == "sqlite"
    prefix = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
    found = []
    for statement, parameters in said:
        if "log_head" in statement or "pg_tables" in statement or "sqlite_master" in statement:
            continue
        rows = connection.exec_driver_sql(prefix + statement, parameters).all()
        plan = "\n".join(str(row[-1]) for row in rows)
        if walks(plan, sqlite=sqlite):
            found.append(f"{statement}\n{plan}")
    return found


def walks(plan: str, *, sqlite: bool) -> bool:
    """Whether it goes through a table or an index from one end to the other."""
    lines = plan.splitlines()
    if sqlite:
        return any(line.startswith("SCAN") and "VIRTUAL TABLE" not in line for line in lines)
    return any(
        "Seq Scan" in line or (" using " in line and "Index Cond" not in after)
        for line, after in pairwise([*lines, ""])
    )


def test_no_hot_statement_walks_through_a_table(database: Database) -> None:
    database.write_now(fill)
    database.write_now(lambda connection: connection.exec_driver_sql("ANALYZE"))

    def explain(connection: Connection, said: list[tuple[str, Any]]) -> list[str]:
        if connection.dialect.name == "postgresql":
            # these tables are small enough to be walked through; in earnest they are not
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        return scans(connection, said)

    walked = {}
    for name, work in HOT.items():
        said = statements(database.writer, database, work)
        assert said, name
        found = database.write_now(partial(explain, said=said))
        if found and name not in FROM_THE_START:
            walked[name] = found
    assert walked == {}


@pytest.mark.parametrize(
    ("plan", "sqlite", "walked"),
    [
        ("SCAN user", True, True),
        ("SCAN anon_1 VIRTUAL TABLE INDEX 1:\nSEARCH user USING INDEX x (shard=?)", True, False),
        ("SCAN mark USING INDEX ix_mark_due", True, True),
        ("Seq Scan on mark", False, True),
        ("Index Scan using mark_pkey on mark\n  Filter: x", False, True),
        ("Index Scan using mark_pkey on mark\n  Index Cond: (shard = 1)", False, False),
    ],
)
def test_a_walk_through_a_table_is_recognised(plan: str, sqlite: bool, walked: bool) -> None:
    assert walks(plan, sqlite=sqlite) is walked
