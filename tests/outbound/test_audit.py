"""Every row that carries truth is missed when it is gone."""

import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from daemon.domain.messages import Message, MessageClass, NewRow, encode, shard_of
from daemon.ingest.intake import Intake, Rejected, Taken
from daemon.outbound.audit import AuditReport, audit
from daemon.outbound.explain import explain
from daemon.store import ingested, mappings
from tests.outbound.bench import NOW, Bench, bench, published

pytestmark = pytest.mark.anyio
TABLES = (
    "message",
    "turn",
    "call",
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
    b.lane.nudge()


def publish(b: Bench) -> None:
    b.database.write_now(
        lambda c: mappings.publish(c, published_at=NOW, digest="d", body="[]", catalog="{}")
    )


async def filled(b: Bench) -> None:
    """A store in which something of every kind has happened."""
    publish(b)
    async with b.running():
        take(
            b,
            {"user_id": "1", "email": "ann@x.org", "traits": {"email": "ann@x.org", "n": 1}},
            {"type": "track", "user_id": "1", "event": "Bought"},
            {"type": "track", "anonymous_id": "a1", "event": "Looked"},
            {"type": "track", "anonymous_id": "a2", "event": "Held"},
            {"user_id": "2", "anonymous_id": "a1", "traits": {"plan": "pro"}},
            {"type": "track", "user_id": "3", "event": "Unsubscribed"},
        )
        await b.settled(20)


def report_of(b: Bench) -> AuditReport:
    return b.database.read_now(audit)


async def test_a_whole_store_balances(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
        report = report_of(b)
        assert report.problems == []
        assert report.balanced
        assert report.events["delivered"] == 3
        assert report.events["waiting"] == 1
        assert report.state["open"] == 0


@pytest.mark.parametrize("table", TABLES)
async def test_any_missing_row_is_named(tmp_path: Path, table: str) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
        assert report_of(b).balanced
        name = b.database.url.database
        assert name is not None
        with sqlite3.connect(name) as store:
            ids = [row[0] for row in store.execute(f'SELECT rowid FROM "{table}"')]
        assert ids
        step = max(len(ids) // 8, 1)
        for rowid in ids[::step]:
            with sqlite3.connect(name) as store:
                kept = store.execute(f'SELECT * FROM "{table}" WHERE rowid=?', (rowid,)).fetchone()
                store.execute(f'DELETE FROM "{table}" WHERE rowid=?', (rowid,))
            report = report_of(b)
            assert not report.balanced, (table, kept)
            assert report.problems
            if table == "message":
                shard = kept[1]
                assert any(f"position {kept[0]} (shard {shard}" in p for p in report.problems)
            with sqlite3.connect(name) as store:
                marks = ",".join("?" * len(kept))
                store.execute(f'INSERT INTO "{table}" VALUES ({marks})', kept)
        assert report_of(b).balanced


async def test_a_mark_that_is_gone_is_named(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        publish(b)
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


async def test_a_user_is_explained_with_each_message(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
        for name in ("1", "ann@x.org", "u:1", "m1"):
            found = b.database.read_now(partial(explain, name=name, mappings=published()))
            assert found is not None
            assert found.user == "u:1"
            assert found.traits["n"] == 1
            bought = next(each for each in found.messages if each.name == "Bought")
            assert bought.fate == "delivered"
            assert "answered 200" in bought.calls[0]
        assert b.database.read_now(partial(explain, name="nobody", mappings=None)) is None
