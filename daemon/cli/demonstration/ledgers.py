"""The demo's figures, read from the daemon's own ledgers in its store."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from daemon.domain.messages import SHARDS
from daemon.store import Connection, calls, cursors, ingested, log, marks, turns, waiting
from daemon.store.turns import TurnRow
from daemon.store.waiting import WaitingKind

_CHUNK = 500
_FOLDED = "folded"


class Backlog(msgspec.Struct, frozen=True):
    """What the daemon still has to do."""

    unsent: int
    marks: int
    calls: int
    parked: int

    @property
    def settled(self) -> bool:
        return not (self.unsent or self.marks or self.calls or self.parked)


class Ledgers(msgspec.Struct):
    """The message, state and event ledgers, added up. `waiting` is held, parked and outbox."""

    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    applied: int = 0
    delivered: int = 0
    unchanged: int = 0
    filtered: int = 0
    superseded: int = 0
    waiting: int = 0
    dead: int = 0


def backlog(connection: Connection) -> Backlog:
    """What is left to do now."""
    counts: Counter[WaitingKind] = Counter()
    for (kind, _), number in waiting.counts(connection).items():
        counts[kind] += number
    return Backlog(
        unsent=max(log.head(connection) - cursors.lowest(connection), 0),
        marks=marks.count(connection),
        calls=len(calls.open_calls(connection, range(SHARDS))),
        parked=counts[WaitingKind.PARKED] + counts[WaitingKind.OUTBOX],
    )


def add_up(connection: Connection) -> Ledgers:
    """The ledgers as they stand now."""
    ledgers = Ledgers()
    for counts in ingested.totals(connection).values():
        ledgers.accepted += counts.accepted
        ledgers.rejected += counts.rejected
        ledgers.duplicates += counts.duplicate
    for turn in _turns(connection):
        _add(ledgers, turn)
    for (kind, _), number in waiting.counts(connection).items():
        if kind is WaitingKind.DEAD:
            ledgers.dead += number
        else:
            ledgers.waiting += number
    return ledgers


def _turns(connection: Connection) -> Iterator[TurnRow]:
    after = 0
    while rows := turns.scan(connection, after, _CHUNK):
        yield from rows
        after = rows[-1].id


def _add(ledgers: Ledgers, turn: TurnRow) -> None:
    body = turn.body
    ledgers.delivered += len(body.delivered)
    ledgers.filtered += len(body.filtered)
    if turn.stage != _FOLDED:
        return
    for verdicts in body.verdicts.values():
        ledgers.applied += verdicts.get("applied", 0)
        ledgers.unchanged += verdicts.get("unchanged", 0)
        ledgers.filtered += verdicts.get("filtered", 0)
        ledgers.superseded += verdicts.get("superseded", 0)
