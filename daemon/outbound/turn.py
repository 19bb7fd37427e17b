"""One turn's changes, gathered in memory and written as one checkpoint.

A checkpoint is a unit of work: cursors, users, marks, waiting rows, outcomes of calls and the
intents of the next ones. Hand-overs are appended last, so that the log's lock is held shortest
(DESIGN §3).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from daemon.domain.ledger import TurnBody
from daemon.domain.messages import LogRow, Message, MessageClass, NewRow, encode, shard_of
from daemon.domain.profiles import encode_believed, encode_profile
from daemon.outbound.emitting import Fate, Passed
from daemon.outbound.residents import NEVER, Resident
from daemon.store import (
    Connection,
    calls,
    cursors,
    identifiers,
    log,
    marks,
    turns,
    users,
    waiting,
)

FOLDED = "folded"


class HandOver(msgspec.Struct, frozen=True):
    """A row for another shard's user; `origin` is the position it came from, 0 if it is ours."""

    origin: int
    row: NewRow


class Turn:
    """What this turn will write. `floor` are cursors that must not be set back."""

    def __init__(
        self, now: int, version: int, floor: Mapping[tuple[int, str], int] = MappingProxyType({})
    ) -> None:
        self.now = now
        self.floor = floor
        self.version = version
        self.first = False
        self.folded_from = self.folded_to = 0
        self.messages = 0
        self.verdicts: dict[str, Counter[str]] = {}
        self.counters: Counter[str] = Counter()
        self.repairs: dict[int, str] = {}
        self.hand_overs: list[HandOver] = []
        self.waiting_add: list[waiting.WaitingRow] = []
        self.waiting_drop: list[int] = []
        self.waiting_update: list[waiting.WaitingRow] = []
        self.late: dict[Fate, list[int]] = {}
        self.repoint: list[tuple[str, str]] = []
        self.left: list[Resident] = []
        self.opens: list[calls.NewCall] = []
        self.closes: list[calls.Closing] = []
        self.passed: dict[str, tuple[int, Passed]] = {}

    def verdict(self, mapping: str, effect: str) -> None:
        self.verdicts.setdefault(mapping, Counter())[effect] += 1

    def hand_over(self, row: LogRow, user: str) -> None:
        """Append a copy of `row` to the shard of `user`, with its original stamps."""
        self.hand_overs.append(HandOver(row.position, _copy(row, shard_of(user), self.now)))

    def speak(self, message: Message, user: str) -> None:
        """Append a message of our own to the shard of `user`."""
        self.hand_overs.append(
            HandOver(
                0,
                NewRow(
                    shard=shard_of(user),
                    message_class=MessageClass.LIVE,
                    received_at=message.received_at,
                    hops=0,
                    body=encode(message),
                ),
            )
        )

    @property
    def empty(self) -> bool:
        return not (
            self.first
            or self.messages
            or self.folded_to > self.folded_from
            or self.opens
            or self.closes
            or self.hand_overs
            or self.waiting_add
            or self.waiting_drop
            or self.waiting_update
            or self.left
            or any(passed.to > start for start, passed in self.passed.values())
        )


class Marks(msgspec.Struct):
    """How the marks of the touched users change."""

    put: list[marks.MarkRow]
    drop: list[tuple[int, str]]
    opened: list[int]
    settled: list[int]


def checkpoint(
    turn: Turn, touched: Sequence[Resident], shards: Sequence[int]
) -> Callable[[Connection], list[int]]:
    """The unit of work that writes a turn; it returns the ids of the calls opened."""
    changes = _marks(touched, turn)
    rows = [_user_row(resident) for resident in touched if resident.dirty]

    def write(connection: Connection) -> list[int]:
        users.save(connection, rows)
        _write_departures(connection, turn)
        marks.put(connection, changes.put)
        marks.drop(connection, changes.drop)
        _write_cursors(connection, turn, shards)
        waiting.remove(connection, turn.waiting_drop)
        waiting.update(connection, turn.waiting_update)
        waiting.add(connection, turn.waiting_add)
        calls.close(connection, turn.closes)
        opened = calls.open_(connection, turn.opens)
        first = log.append(connection, [over.row for over in turn.hand_overs])
        turns.add(connection, _ledger(turn, changes, shards, first, opened))
        return opened

    return write


def settle(touched: Sequence[Resident]) -> None:
    """After the checkpoint: what was written is what is stored."""
    for resident in touched:
        if resident.dirty:
            resident.dirty = False
            resident.fresh = False
        resident.marked_since = resident.since


def _write_departures(connection: Connection, turn: Turn) -> None:
    for loser, winner in turn.repoint:
        identifiers.repoint(connection, loser, shard_of(winner), winner)
    users.delete(connection, [(resident.shard, resident.id) for resident in turn.left])
    marks.drop(connection, [(resident.shard, resident.id) for resident in turn.left])


def _write_cursors(connection: Connection, turn: Turn, shards: Sequence[int]) -> None:
    positions: dict[tuple[int, str], int] = {}
    if turn.first or turn.folded_to > turn.folded_from:
        positions |= {(shard, FOLDED): turn.folded_to for shard in shards}
    for stage, (start, passed) in turn.passed.items():
        if turn.first or passed.to > start:
            positions |= {(shard, stage): passed.to for shard in shards}
    floor = turn.floor
    cursors.save(connection, {key: max(at, floor.get(key, 0)) for key, at in positions.items()})


def _ledger(
    turn: Turn, changes: Marks, shards: Sequence[int], first: int, opened: Sequence[int]
) -> list[turns.TurnRow]:
    handed = [
        (over.origin, first + number) for number, over in enumerate(turn.hand_overs) if over.origin
    ]
    found = []
    ours = TurnBody(
        messages=turn.messages,
        verdicts={mapping: dict(counts) for mapping, counts in turn.verdicts.items()},
        opened=changes.opened,
        settled=changes.settled,
        handed=handed,
        delivered=turn.late.get(Fate.DELIVERED, []),
        filtered=turn.late.get(Fate.FILTERED, []),
        expired=turn.late.get(Fate.EXPIRED, []),
        dead=turn.late.get(Fate.DEAD, []),
        repairs=turn.repairs,
        counters=dict(turn.counters),
        appended_from=first,
        appended=bytes(over.row.shard for over in turn.hand_overs),
        called=[
            (call_id, call.first_position) for call_id, call in zip(opened, turn.opens, strict=True)
        ],
        closed=[closing.id for closing in turn.closes],
        version=turn.version,
    )
    if ours != TurnBody(version=turn.version) or turn.folded_to > turn.folded_from:
        found.append(
            turns.TurnRow(
                at=turn.now,
                stage=FOLDED,
                shards=tuple(shards),
                from_position=turn.folded_from,
                to_position=turn.folded_to,
                body=ours,
            )
        )
    for stage, (start, passed) in turn.passed.items():
        if passed.to > start:
            found.append(
                turns.TurnRow(
                    at=turn.now,
                    stage=stage,
                    shards=tuple(shards),
                    from_position=start,
                    to_position=passed.to,
                    body=_passed_body(passed, turn.version),
                )
            )
    return found


def _passed_body(passed: Passed, version: int) -> TurnBody:
    fates = passed.fates
    return TurnBody(
        messages=passed.messages,
        no_mapping=passed.no_mapping,
        delivered=fates.get(Fate.DELIVERED, []),
        filtered=fates.get(Fate.FILTERED, []),
        expired=fates.get(Fate.EXPIRED, []),
        dead=fates.get(Fate.DEAD, []),
        parked=fates.get(Fate.PARKED, []),
        passed_on=fates.get(Fate.HANDED, []),
        version=version,
    )


def _marks(touched: Sequence[Resident], turn: Turn) -> Marks:
    changes = Marks([], [], [], [])
    for resident in turn.left:
        if resident.marked_since != NEVER:
            changes.settled.append(resident.marked_since)
    for resident in touched:
        since = resident.since
        if since == resident.marked_since and not (resident.dirty and since != NEVER):
            continue
        key = (resident.shard, resident.id)
        if since != resident.marked_since:
            if resident.marked_since != NEVER:
                changes.settled.append(resident.marked_since)
            if since != NEVER:
                changes.opened.append(since)
        if since == NEVER:
            changes.drop.append(key)
        else:
            changes.put.append(_mark_row(resident))
    return changes


def _mark_row(resident: Resident) -> marks.MarkRow:
    return marks.MarkRow(
        shard=resident.shard,
        user=resident.id,
        since=resident.since,
        barrier=None if resident.barrier == NEVER else resident.barrier,
        message_class=MessageClass.REPAIR if resident.repair else MessageClass.LIVE,
        due=min(resident.retry.values(), default=0),
        attempts=max(resident.tries.values(), default=0),
    )


def _user_row(resident: Resident) -> users.UserRow:
    resident.stored = encode_profile(resident.profile)
    return users.UserRow(
        shard=resident.shard,
        id=resident.id,
        profile=resident.stored,
        believed=encode_believed(resident.believed),
    )


def _copy(row: LogRow, shard: int, now: int) -> NewRow:
    return NewRow(
        shard=shard,
        message_class=row.message_class,
        received_at=now,
        hops=row.hops + 1,
        body=row.body,
    )
