"""Where a group of requests goes: one transaction of the store, then the counters."""

from collections import Counter
from collections.abc import Sequence

import anyio

from daemon.domain.ports import Clock
from daemon.ingest.acceptor import Save
from daemon.ingest.intake import Intake
from daemon.store import ingested
from daemon.store.database import Database
from daemon.store.ingested import IntakeResult
from daemon.telemetry import names
from daemon.telemetry.instruments import Instruments


def saver(database: Database, clock: Clock, instruments: Instruments, *, dedupe_hours: int) -> Save:
    """The acceptor's `Save`. Raises StoreUnavailable where the transaction can't be had."""

    async def save(group: Sequence[Intake]) -> None:
        began, now = anyio.current_time(), clock.now()
        with instruments.span(names.SPAN_COMMIT):
            result = await database.write(
                lambda connection: ingested.accept(connection, group, now, dedupe_hours)
            )
        seconds = anyio.current_time() - began
        instruments.committed(sum(intake.received for intake in group), seconds)
        _count(instruments, group, result)

    return save


def _count(instruments: Instruments, group: Sequence[Intake], result: IntakeResult) -> None:
    for source, counts in result.per_source.items():
        if counts.accepted:
            instruments.received(source, "accepted", counts.accepted)
        if counts.duplicate:
            instruments.received(source, "duplicate", counts.duplicate)
    reasons = Counter((one.source, bad.reason) for one in group for bad in one.rejected)
    for (source, reason), count in reasons.items():
        instruments.received(source, "rejected", count, reason)
    clamped = sum(intake.clamped for intake in group)
    if clamped:
        instruments.clamped(clamped)
