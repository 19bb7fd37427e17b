"""Every table, declared once; statements are written on the `Table`s at the end.

Tables keyed by user carry the shard first, so that a distributed PostgreSQL can spread them. Keys
are compared byte by byte on both databases (PostgreSQL's collation "C", SQLite's own), so both
walk users in the same order. Times are ms UTC. The dedupe partitions are made at run time
(`dedupe.py`) and are no part of this schema.
"""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Dialect, Index, Integer, LargeBinary, Table, Text
from sqlmodel import Field, SQLModel

BIG_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite's rowid must be called INTEGER
KEY = Text().with_variant(Text(collation="C"), "postgresql")
COUNTED = {"sqlite_autoincrement": True}  # ids of removed rows are never given again


class Bytes(LargeBinary):
    """LargeBinary without its copies: both drivers take and give `bytes` as they are."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> None:
        """Nothing to convert."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """Nothing to convert."""


def _big(*, primary_key: bool = False, nullable: bool = False) -> Any:
    return Field(sa_column=Column(BigInteger, primary_key=primary_key, nullable=nullable))


def _id() -> Any:
    return Field(default=None, sa_column=Column(BIG_ID, primary_key=True, autoincrement=True))


def _key(*, primary_key: bool = False) -> Any:
    return Field(sa_column=Column(KEY, primary_key=primary_key, nullable=False))


def _class() -> Any:
    return Field(sa_column=Column("class", Integer, nullable=False))


def _blob(*, nullable: bool = False) -> Any:
    return Field(sa_column=Column(Bytes, nullable=nullable))


def _text(*, nullable: bool = False) -> Any:
    return Field(sa_column=Column(Text, nullable=nullable))


class LogHead(SQLModel, table=True):
    """One row: the last position given, and the first one retained."""

    __tablename__ = "log_head"
    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    first_position: int = _big()
    last_position: int = _big()


class Message(SQLModel, table=True):
    """The log. No row is ever updated, but for erasure."""

    position: int = Field(sa_column=Column(BIG_ID, primary_key=True, autoincrement=False))
    shard: int
    message_class: int = _class()
    hops: int
    received_at: int = _big()
    body: bytes = _blob()


class Intake(SQLModel, table=True):
    """Ingest's own ledger: counts by day (yyyymmdd, UTC) and source."""

    day: str = _key(primary_key=True)
    source: str = _key(primary_key=True)
    received: int = _big()
    rejected: int = _big()
    duplicate: int = _big()
    accepted: int = _big()


class Rejected(SQLModel, table=True):
    """Members of batches that could not be taken."""

    __table_args__ = (Index("ix_rejected_received_at", "received_at"), COUNTED)
    id: int = _id()
    received_at: int = _big()
    source: str = _text()
    reason: str = _text()
    detail: str = _text()
    body: bytes = _blob()


class User(SQLModel, table=True):
    """Profile and Believed of a user, each as the lane encoded it."""

    shard: int = Field(primary_key=True)
    id: str = _key(primary_key=True)
    profile: bytes = _blob()
    believed: bytes = _blob()


class Identifier(SQLModel, table=True):
    """Which user an identifier was claimed for. Kinds: u userId, e e-mail, a anonymousId."""

    __table_args__ = (Index("ix_identifier_user", "shard", "user"),)
    kind: str = _key(primary_key=True)
    value: str = _key(primary_key=True)
    shard: int
    user: str = _key()


class Mark(SQLModel, table=True):
    """A user whose Desired is not accepted yet."""

    __table_args__ = (Index("ix_mark_due", "due"),)
    shard: int = Field(primary_key=True)
    user: str = _key(primary_key=True)
    since: int = _big()
    barrier: int | None = _big(nullable=True)
    message_class: int = _class()
    due: int = _big()
    attempts: int


class Cursor(SQLModel, table=True):
    """How far a stage has come in a shard: the position before its lowest unfinished one."""

    shard: int = Field(primary_key=True)
    stage: str = _key(primary_key=True)
    position: int = _big()


class Call(SQLModel, table=True):
    """A bulk call. `shards` is a bit set; `closed_at` is null while it is open."""

    __table_args__ = (
        Index("ix_call_closed_at", "closed_at"),
        Index("ix_call_last_position", "endpoint", "last_position"),
        COUNTED,
    )
    id: int = _id()
    endpoint: str = _text()
    target: int = _big()
    group: str = _text()
    action: str = _text()
    mapping_version: int = _big()
    shards: int = _big()
    opened_at: int = _big()
    closed_at: int | None = _big(nullable=True)
    status: int | None = Field(default=None)
    first_position: int = _big()
    last_position: int = _big()
    rows: bytes = _blob()
    failed: bytes | None = _blob(nullable=True)


class Turn(SQLModel, table=True):
    """What one lane did between two checkpoints of a stage. `shards` is a bit set."""

    __table_args__ = (
        Index("ix_turn_at", "at"),
        Index("ix_turn_to_position", "stage", "to_position"),
        COUNTED,
    )
    id: int = _id()
    at: int = _big()
    stage: str = _text()
    shards: int = _big()
    from_position: int = _big()
    to_position: int = _big()
    body: bytes = _blob()


class Waiting(SQLModel, table=True):
    """What waits alone, with its own copy of the body."""

    __table_args__ = (
        Index("ix_waiting_user", "shard", "user"),
        Index("ix_waiting_due", "kind", "due"),
        Index("ix_waiting_since_at", "kind", "since_at"),
        Index("ix_waiting_endpoint", "kind", "endpoint"),
        COUNTED,
    )
    id: int = _id()
    shard: int
    user: str = _key()
    position: int = _big()
    kind: str = _text()
    endpoint: str = _text()
    due: int = _big()
    since_at: int = _big()
    attempts: int
    reason: str = _text()
    mapping_version: int = _big()
    begun_at: int | None = _big(nullable=True)
    body: bytes = _blob()


class MappingVersion(SQLModel, table=True):
    """A published mapping, and the catalog its names were resolved with."""

    __tablename__ = "mapping_version"
    version: int = Field(sa_column=Column(BIG_ID, primary_key=True, autoincrement=False))
    published_at: int = _big()
    digest: str = _text()
    body: str = _text()
    catalog: str = _text()


class Run(SQLModel, table=True):
    """A run of the reconciler: a sweep or a spot check."""

    __table_args__: ClassVar[Any] = COUNTED
    id: int = _id()
    kind: str = _text()
    state: str = _text()
    started_at: int = _big()
    finished_at: int | None = _big(nullable=True)
    as_of: int = _big()
    stats: str = _text()
    export_job: str | None = _text(nullable=True)
    export_files: str = _text()


class Observed(SQLModel, table=True):
    """What Iterable was seen to hold of a user, in a run."""

    run: int = _big(primary_key=True)
    user: str = _key(primary_key=True)
    body: bytes = _blob()


class Drift(SQLModel, table=True):
    """One difference between Desired and Observed. Values are JSON."""

    __table_args__ = (Index("ix_drift_run", "run"), Index("ix_drift_plan", "plan"), COUNTED)
    id: int = _id()
    run: int = _big()
    plan: int | None = _big(nullable=True)
    user: str = _key()
    part: str = _text()
    observed: str = _text()
    desired: str = _text()
    cause: str = _text()
    priority: int
    state: str = _text()
    note: str = _text()


class Plan(SQLModel, table=True):
    """What a run proposes to repair."""

    __table_args__: ClassVar[Any] = COUNTED
    id: int = _id()
    run: int = _big()
    created_at: int = _big()
    state: str = _text()
    approved_by: str = _text()
    applied_at: int | None = _big(nullable=True)
    stats: str = _text()
    flags: str = _text()


class Fact(SQLModel, table=True):
    """A small thing worth remembering."""

    name: str = _key(primary_key=True)
    value: str = _text()
    at: int = _big()


METADATA = SQLModel.metadata


def _table(name: str) -> Table:
    return METADATA.tables[name]


LOG_HEAD = _table("log_head")
MESSAGE = _table("message")
INTAKE = _table("intake")
REJECTED = _table("rejected")
USER = _table("user")
IDENTIFIER = _table("identifier")
MARK = _table("mark")
CURSOR = _table("cursor")
CALL = _table("call")
TURN = _table("turn")
WAITING = _table("waiting")
MAPPING_VERSION = _table("mapping_version")
RUN = _table("run")
OBSERVED = _table("observed")
DRIFT = _table("drift")
PLAN = _table("plan")
FACT = _table("fact")
