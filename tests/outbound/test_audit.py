"""Every row that carries truth is missed when it is gone."""

import dataclasses
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import pytest

from daemon.domain.messages import Message, MessageClass, NewRow, encode, shard_of
from daemon.ingest.intake import Intake, Rejected, Taken
from daemon.outbound.audit import AuditReport, audit
from daemon.outbound.retention import Retention
from daemon.store import ingested, log, turns
from tests.outbound.bench import NOW, Bench, bench, quick_lane

pytestmark = pytest.mark.anyio
TABLES = (
    "message",
    "turn",
    "call",
    "mark",
    "waiting",
    "cursor",
    "intake",
    "rejected",
    "identifier",
    "user",
    "mapping_version",
)


def take(b: Bench, *messages: dict[str, Any]) -> None:
    """As ingest does: one transaction, counted and remembered."""
    taken = []
    for number, fields in enumerate(messages):
        message = Message(
            **{
                "type": "identify",
                "message_id": f"m{number}",
                "received_at": NOW + number,
                "effective_at": NOW + number,
                "source": "web",
                **fields,
            }
        )
        shard = shard_of(message.user_key)
        row = NewRow(shard, MessageClass.LIVE, message.received_at, 0, encode(message))
        taken.append(Taken(message.message_id, row))
    bad = [Rejected("no_user_anon_id", "nobody", b"{}")]
    intake = Intake("web", NOW, taken, bad, 0)
    now = b.parts.clock.now()
    b.database.write_now(lambda c: ingested.accept(c, [intake], now, 24))
    b.nudge()


async def filled(b: Bench) -> None:
    """A store in which something of every kind has happened, and some of it isn't over.

    u:1 was changed and can't be sent any more, a2 is held, e:bad@ has a dead letter, a1 and bob
    were merged into users with a userId of other lanes, and the last message isn't folded.
    """
    b.renew(lanes=3)
    async with b.running():
        take(
            b,
            {"user_id": "1", "email": "ann@x.org", "traits": {"email": "ann@x.org", "n": 1}},
            {"type": "track", "user_id": "1", "event": "Bought"},
            {"type": "track", "anonymous_id": "a1", "event": "Looked"},
            {"type": "track", "anonymous_id": "a2", "event": "Held"},
            {"email": "bob@x.org", "traits": {"email": "bob@x.org", "plan": "free"}},
            {"email": "bad@", "traits": {"email": "bad@"}},
            {"type": "track", "email": "bad@", "event": "Lost"},
            {"type": "track", "user_id": "3", "event": "Unsubscribed"},
        )
        await b.settled(20)
        linked = {"user_id": "4", "email": "bob@x.org", "traits": {"email": "bob@x.org"}}
        take(
            b,
            {"message_id": "n0", "user_id": "2", "anonymous_id": "a1", "traits": {"plan": "pro"}},
            {"message_id": "n1", **linked},
            {"message_id": "m0", "user_id": "1"},
        )
        await b.settled(20)
        take(b, {"message_id": "n2", "type": "track", "email": "bob@x.org", "event": "Handed"})
        await b.settled(20)
        await b.fault(path="/api/users/bulkUpdate", status=503)
        take(b, {"message_id": "n3", "user_id": "1", "traits": {"n": 2}})
        await b.until(lambda: report_of(b).state["open"] == 1)
    take(b, {"message_id": "n4", "user_id": "9", "traits": {"n": 2}})


def report_of(b: Bench) -> AuditReport:
    return b.database.read_now(audit)


def file_of(b: Bench) -> str:
    return str(b.database.url.database)


@contextmanager
def without(file: str, table: str, row: tuple[Any, ...]) -> Iterator[None]:
    """A store that lacks one row."""
    with closing(sqlite3.connect(file, isolation_level=None)) as store:
        columns = [column[1] for column in store.execute(f'PRAGMA table_info("{table}")')]
        these = " AND ".join(f'"{column}" IS ?' for column in columns)
        assert store.execute(f'DELETE FROM "{table}" WHERE {these}', row).rowcount == 1
        yield
        marks = ",".join("?" * len(row))
        store.execute(f'INSERT INTO "{table}" VALUES ({marks})', row)


def rows_of(file: str, table: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as store:
        return store.execute(f'SELECT * FROM "{table}"').fetchall()


def dedupe_tables(file: str) -> list[str]:
    tables = rows_of(file, "sqlite_master")
    return [row[1] for row in tables if row[0] == "table" and row[1].startswith("dedupe_")]


async def test_a_whole_store_balances(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
        report = report_of(b)
        assert report.problems == []
        assert report.balanced
        counted = {"received": 19, "rejected": 5, "duplicate": 1, "accepted": 13}
        assert report.messages == counted
        assert report.state["open"] == 1
        assert report.state["opened"] - report.state["settled"] == 1
        assert report.events == {
            "delivered": 4,  # Bought, Looked and Handed's copies, Unsubscribed
            "waiting": 1,
            "dead": 1,
            "handed over": 2,
            "not yet emitted": 1,
            "no mapping": 10,
        }


async def test_any_missing_row_is_found_and_named(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
        file = file_of(b)
        for table in (*TABLES, *dedupe_tables(file)):
            rows = rows_of(file, table)
            assert rows, table
            for row in rows:
                with without(file, table, row):
                    report = report_of(b)
                assert not report.balanced, (table, row)
                named = f"rejected member {row[0]} " if table == "rejected" else "position "
                assert any(named in line for line in report.problems), (table, row)
        assert report_of(b).balanced


async def test_a_missing_row_of_the_log_is_named_with_shard_and_position(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
        file = file_of(b)
        for row in rows_of(file, "message"):
            with without(file, "message", row):
                lines = report_of(b).problems
            place = f"messages: position {row[0]} (shard {row[1]}"
            assert any(line.startswith(place) and "no row here" in line for line in lines)


async def test_what_a_missing_row_was_about_is_said(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
        file = file_of(b)
        (mark,) = rows_of(file, "mark")
        (dead,) = [row for row in rows_of(file, "waiting") if row[4] == "dead"]
        (held,) = [row for row in rows_of(file, "waiting") if row[4] == "held"]
        owned = next(row for row in rows_of(file, "identifier") if row[1] == "ann@x.org")
        lost = [("mark", mark, "n3"), ("waiting", dead, "m6"), ("waiting", held, "m3")]
        lost += [("identifier", owned, "m0")]
        for table, row, message_id in lost:
            with without(file, table, row):
                found = report_of(b).findings
            assert [(each.table, each.message_id) for each in found] == [(table, message_id)]


async def test_a_store_balances_while_lanes_work_and_change_their_shards(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for turn, number in enumerate((4, 3, 1)):
            take(b, *crowd(turn))
            b.renew(number)
            async with b.running():
                working = True
                with anyio.fail_after(20):
                    while working:
                        await anyio.sleep(0.02)
                        report = report_of(b)
                        assert report.problems == []
                        working = bool(report.state["open"] or report.events.get("not yet emitted"))
            assert report_of(b).problems == []


def crowd(turn: int) -> list[dict[str, Any]]:
    """People who say who they are, and anonymous events of the same people."""
    known = [
        {"user_id": f"{n}", "email": f"{n}@x.org", "anonymous_id": f"a{n}", "traits": {"t": turn}}
        for n in range(20)
    ]
    seen = [{"type": "track", "anonymous_id": f"a{n}", "event": "Seen"} for n in range(20)]
    everything: list[dict[str, Any]] = [
        each for pair in zip(seen, known, strict=True) for each in pair
    ]
    return [{"message_id": f"{turn}-{n}", **each} for n, each in enumerate(everything)]


@pytest.mark.parametrize("chunk", [3, 5_000])
async def test_what_retention_deleted_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(import_module("daemon.outbound.retention"), "_CHUNK", chunk)
    async with bench(tmp_path) as b, b.running():
        take(b, *crowd(0))
        await b.settled(20)
        b.database.write_now(lambda c: log.trim(c, 10, 10))  # only a chunk of it
        assert report_of(b).problems == []
        await trimmed(b)
        assert b.database.read_now(lambda c: turns.scan(c, 0, 10)) == []
        assert report_of(b).problems == []
        take(b, *crowd(1))
        await b.settled(20)
        report = report_of(b)
        assert report.problems == []
        assert report.messages["accepted"] == 80


async def trimmed(b: Bench) -> None:
    """Everything is deleted that retention may delete, as if it were older than it keeps."""

    def progress() -> None:
        """Nobody looks."""

    settled = b.parts.clock.now() + 1
    retention = Retention(b.database, Later(settled), keep=0, dedupe_hours=24, progress=progress)
    await retention.trim()


@dataclasses.dataclass
class Later:
    at: int

    def now(self) -> int:
        return self.at


async def test_a_message_behind_a_full_window_is_handed_over_once(tmp_path: Path) -> None:
    async with bench(tmp_path, settings=quick_lane(window=2, parked=0), lanes=3) as b:
        async with b.running():
            linked = {"email": "bob@x.org", "traits": {"email": "bob@x.org"}}
            take(b, {"message_id": "1", **linked})
            await b.settled()
            take(b, {"message_id": "2", "user_id": "4", **linked})
            await b.settled()
            await b.fault(path="/api/events/trackBulk", status=503)
            tracks = [{"type": "track", "user_id": "4", "event": "E"} for _ in range(4)]
            take(b, *[{"message_id": f"t{n}", **track} for n, track in enumerate(tracks)])
            await b.until(lambda: report_of(b).events.get("not yet emitted", 0) >= 4)
            take(b, {"message_id": "3", "type": "track", "email": "bob@x.org", "event": "E"})
            await b.until(lambda: report_of(b).events.get("handed over", 0) == 1)
            await b.no_faults()
            await b.settled()
        assert report_of(b).problems == []
        assert report_of(b).events["delivered"] == 5


async def test_a_mark_that_is_gone_is_named(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.fault(path="/api/users/bulkUpdate", status=503)
        async with b.running():
            take(b, {"user_id": "1", "traits": {"n": 1}})
            await b.until(lambda: report_of(b).state["open"] == 1)
        assert report_of(b).balanced
        with sqlite3.connect(str(b.database.url.database)) as store:
            store.execute("DELETE FROM mark")
        report = report_of(b)
        assert not report.balanced
        assert any(line.startswith("state: position 1 (shard") for line in report.problems)
