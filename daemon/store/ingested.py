"""What ingest leaves: its messages in the log, its counts by day and source, what it rejected.

`accept` is the whole of an ingest transaction. What it takes are ingest's own requests; the
protocols here name the little it needs of them.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Protocol, TypeAlias

import msgspec
from sqlalchemy import Connection, delete, select

from daemon.domain.ledger import INGESTED, TurnBody
from daemon.domain.messages import NewRow
from daemon.store import dedupe, facts, log, turns
from daemon.store.schema import INTAKE, REJECTED
from daemon.store.statements import add_numbered, add_up, structs

KEPT_BYTES = 4096  # of a rejected body
REJECTED_TRIMMED = "rejected trimmed"
"""The fact whose `at` says up to when rejected members were deleted."""


class TakenMessage(Protocol):
    """A valid message."""

    @property
    def message_id(self) -> str: ...
    @property
    def row(self) -> NewRow: ...


class RejectedMember(Protocol):
    """A member of a batch that can't be taken."""

    @property
    def reason(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def body(self) -> bytes: ...


class IntakeRequest(Protocol):
    """One request's members."""

    @property
    def source(self) -> str: ...
    @property
    def received_at(self) -> int: ...
    @property
    def taken(self) -> Sequence[TakenMessage]: ...
    @property
    def rejected(self) -> Sequence[RejectedMember]: ...


IntakeBatch: TypeAlias = Sequence[IntakeRequest]


class Counts(msgspec.Struct):
    """received = rejected + duplicate + accepted, always (DESIGN §5.2)."""

    received: int = 0
    rejected: int = 0
    duplicate: int = 0
    accepted: int = 0


class RejectedRow(msgspec.Struct, frozen=True):
    """A rejected member. `body` is its beginning; `id` is 0 until it is stored."""

    received_at: int
    source: str
    reason: str
    detail: str
    body: bytes
    id: int = 0


class IntakeResult(msgspec.Struct, frozen=True):
    """What an ingest transaction did: counts by source, and the positions it gave, if any."""

    per_source: dict[str, Counts]
    first_position: int
    accepted: int


def accept(connection: Connection, batch: IntakeBatch, now: int, window_hours: int) -> IntakeResult:
    """Append what is new, remember it, count everything, keep what was rejected.

    Of messages with the same id, in the batch or within the window, the first is appended.
    """
    log.lock(connection)  # so that two nodes can't both find the same message new
    digests = [
        [dedupe.digest_of(request.source, taken.message_id) for taken in request.taken]
        for request in batch
    ]
    new = dedupe.unseen(connection, set(chain.from_iterable(digests)), now, window_hours)
    dedupe.remember(connection, new, now)
    rows, per_source = _sift(batch, digests, new)
    first = log.append(connection, rows)
    count(connection, dedupe.day_of(now), per_source)
    ids = reject(connection, _rejected(batch))
    body = TurnBody(
        verdicts={source: msgspec.structs.asdict(counts) for source, counts in per_source.items()},
        rejected=ids,
    )
    turns.note_appended(connection, INGESTED, now, first, rows, body)
    return IntakeResult(per_source, first, len(rows))


def count(connection: Connection, day: str, per_source: Mapping[str, Counts]) -> None:
    """Add to the counts of a day (yyyymmdd)."""
    add_up(
        connection,
        INTAKE,
        [
            {"day": day, "source": source, **msgspec.structs.asdict(counts)}
            for source, counts in sorted(per_source.items())
        ],
    )


def totals(connection: Connection, since_day: str = "") -> dict[tuple[str, str], Counts]:
    """The counts by (day, source), from a day on."""
    statement = select(INTAKE).where(INTAKE.c.day >= since_day)
    return {
        (day, source): Counts(*counts)
        for day, source, *counts in connection.execute(statement.order_by(INTAKE.c.day))
    }


def reject(connection: Connection, rows: Sequence[RejectedRow]) -> list[int]:
    """Keep rejected members, their bodies cut to `KEPT_BYTES`. Their ids, in order."""
    return add_numbered(
        connection,
        REJECTED,
        [
            {
                "received_at": row.received_at,
                "source": row.source,
                "reason": row.reason,
                "detail": row.detail,
                "body": row.body[:KEPT_BYTES],
            }
            for row in rows
        ],
    )


def rejected(connection: Connection, before_id: int | None, limit: int) -> list[RejectedRow]:
    """The rejected members, latest first; the next page starts before the last one's id."""
    kept = REJECTED.c
    statement = select(kept.received_at, kept.source, kept.reason, kept.detail, kept.body, kept.id)
    if before_id is not None:
        statement = statement.where(kept.id < before_id)
    found = connection.execute(statement.order_by(kept.id.desc()).limit(limit))
    return structs(RejectedRow, found)


def rejected_ids(connection: Connection) -> dict[int, int]:
    """When each rejected member that is still kept was received (ms), by id."""
    rows = connection.execute(select(REJECTED.c.id, REJECTED.c.received_at))
    return {row.id: row.received_at for row in rows}


def trim_rejected(connection: Connection, before: int, chunk: int) -> int:
    """Delete at most `chunk` of what was rejected before a time in ms. How many there were."""
    old = select(REJECTED.c.id).where(REJECTED.c.received_at < before).limit(chunk)
    deleted = connection.execute(delete(REJECTED).where(REJECTED.c.id.in_(old))).rowcount
    if deleted:
        facts.put(connection, REJECTED_TRIMMED, "", before)
    return deleted


def _sift(
    batch: IntakeBatch, digests: Sequence[Sequence[bytes]], new: set[bytes]
) -> tuple[list[NewRow], dict[str, Counts]]:
    rows: list[NewRow] = []
    per_source: dict[str, Counts] = {}
    for request, its_digests in zip(batch, digests, strict=True):
        counts = per_source.setdefault(request.source, Counts())
        before = len(rows)
        for taken, digest in zip(request.taken, its_digests, strict=True):
            if digest in new:
                new.remove(digest)
                rows.append(taken.row)
        accepted = len(rows) - before
        counts.accepted += accepted
        counts.duplicate += len(request.taken) - accepted
        counts.rejected += len(request.rejected)
        counts.received += len(request.taken) + len(request.rejected)
    return rows, per_source


def _rejected(batch: IntakeBatch) -> list[RejectedRow]:
    return [
        RejectedRow(request.received_at, request.source, row.reason, row.detail, row.body)
        for request in batch
        for row in request.rejected
    ]
