"""The first tables."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COUNTED = {"sqlite_autoincrement": True}


def upgrade() -> None:
    log()
    users()
    ledger()
    waiting()
    reconcile()
    settled()


def downgrade() -> None:
    for name in (
        "fact",
        "mapping_version",
        "plan",
        "drift",
        "observed",
        "run",
        "waiting",
        "turn",
        "call",
        "cursor",
        "mark",
        "identifier",
        "user",
        "rejected",
        "intake",
        "message",
        "log_head",
    ):
        op.drop_table(name)


def log() -> None:
    head = op.create_table(
        "log_head",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        big("first_position"),
        big("last_position"),
    )
    op.bulk_insert(head, [{"id": 1, "first_position": 1, "last_position": 0}])
    op.create_table(
        "message",
        sa.Column("position", BIG_ID, primary_key=True, autoincrement=False),
        number("shard"),
        number("class"),
        number("hops"),
        big("received_at"),
        blob("body"),
    )
    op.create_table(
        "intake",
        key("day", primary_key=True),
        key("source", primary_key=True),
        big("received"),
        big("rejected"),
        big("duplicate"),
        big("accepted"),
    )
    op.create_table(
        "rejected",
        identity(),
        big("received_at"),
        text("source"),
        text("reason"),
        text("detail"),
        blob("body"),
        **COUNTED,
    )
    op.create_index("ix_rejected_received_at", "rejected", ["received_at"])


def users() -> None:
    op.create_table(
        "user",
        number("shard", primary_key=True),
        key("id", primary_key=True),
        blob("profile"),
        blob("believed"),
    )
    op.create_table(
        "identifier",
        key("kind", primary_key=True),
        key("value", primary_key=True),
        number("shard"),
        key("user"),
    )
    op.create_index("ix_identifier_user", "identifier", ["shard", "user"])
    op.create_table(
        "mark",
        number("shard", primary_key=True),
        key("user", primary_key=True),
        big("since"),
        big("barrier", nullable=True),
        number("class"),
        big("due"),
        number("attempts"),
    )
    op.create_index("ix_mark_due", "mark", ["due"])
    op.create_table(
        "cursor",
        number("shard", primary_key=True),
        key("stage", primary_key=True),
        big("position"),
    )


def ledger() -> None:
    op.create_table(
        "call",
        identity(),
        text("endpoint"),
        big("target"),
        text("group"),
        text("action"),
        big("mapping_version"),
        big("shards"),
        big("opened_at"),
        big("closed_at", nullable=True),
        number("status", nullable=True),
        big("first_position"),
        big("last_position"),
        blob("rows"),
        blob("failed", nullable=True),
        **COUNTED,
    )
    op.create_index("ix_call_closed_at", "call", ["closed_at"])
    op.create_index("ix_call_last_position", "call", ["endpoint", "last_position"])
    op.create_table(
        "turn",
        identity(),
        big("at"),
        text("stage"),
        big("shards"),
        big("from_position"),
        big("to_position"),
        blob("body"),
        **COUNTED,
    )
    op.create_index("ix_turn_at", "turn", ["at"])
    op.create_index("ix_turn_to_position", "turn", ["stage", "to_position"])


def waiting() -> None:
    op.create_table(
        "waiting",
        identity(),
        number("shard"),
        key("user"),
        big("position"),
        text("kind"),
        text("endpoint"),
        big("due"),
        big("since_at"),
        number("attempts"),
        text("reason"),
        big("mapping_version"),
        big("begun_at", nullable=True),
        blob("body"),
        **COUNTED,
    )
    op.create_index("ix_waiting_user", "waiting", ["shard", "user"])
    op.create_index("ix_waiting_due", "waiting", ["kind", "due"])
    op.create_index("ix_waiting_since_at", "waiting", ["kind", "since_at"])
    op.create_index("ix_waiting_endpoint", "waiting", ["kind", "endpoint"])


def reconcile() -> None:
    op.create_table(
        "run",
        identity(),
        text("kind"),
        text("state"),
        big("started_at"),
        big("finished_at", nullable=True),
        big("as_of"),
        text("stats"),
        text("export_job", nullable=True),
        text("export_files"),
        **COUNTED,
    )
    op.create_table(
        "observed",
        big("run", primary_key=True),
        key("user", primary_key=True),
        blob("body"),
    )
    op.create_table(
        "drift",
        identity(),
        big("run"),
        big("plan", nullable=True),
        key("user"),
        text("part"),
        text("observed"),
        text("desired"),
        text("cause"),
        number("priority"),
        text("state"),
        text("note"),
        **COUNTED,
    )
    op.create_index("ix_drift_run", "drift", ["run"])
    op.create_index("ix_drift_plan", "drift", ["plan"])
    op.create_table(
        "plan",
        identity(),
        big("run"),
        big("created_at"),
        text("state"),
        text("approved_by"),
        big("applied_at", nullable=True),
        text("stats"),
        text("flags"),
        **COUNTED,
    )


def settled() -> None:
    op.create_table(
        "mapping_version",
        sa.Column("version", BIG_ID, primary_key=True, autoincrement=False),
        big("published_at"),
        text("digest"),
        text("body"),
        text("catalog"),
    )
    op.create_table("fact", key("name", primary_key=True), text("value"), big("at"))


def identity() -> sa.Column[Any]:
    return sa.Column("id", BIG_ID, primary_key=True, autoincrement=True)


def number(name: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), primary_key=primary_key, nullable=nullable)


def big(name: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), primary_key=primary_key, nullable=nullable)


def key(name: str, *, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, KEY, primary_key=primary_key, nullable=False)


def text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def blob(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)
