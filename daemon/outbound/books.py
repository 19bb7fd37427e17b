"""What turns, ingest's and the reconciler's included, say of every retained position.

One byte a position and subject, so that millions of positions fit; turns are streamed. A turn is
checked against the one before it of the same stage and shards: their ranges leave no gap.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from daemon.domain.commands import Endpoint
from daemon.domain.ledger import INGESTED, OBSERVED, TurnBody
from daemon.domain.messages import SHARDS
from daemon.outbound.fates import Ended, Seen
from daemon.outbound.findings import Findings
from daemon.outbound.turn import FOLDED
from daemon.store import Connection, turns
from daemon.store.dedupe import day_of
from daemon.store.turns import TurnRow

EVENTS = str(Endpoint.TRACK_BULK)
NOBODY = 255
"""The shard of a position nobody appended, or whose row is not there."""
_CHUNK = 500
_COUNTED = ("received", "rejected", "duplicate", "accepted")


class Range(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A turn that moved a cursor, and how many messages it says it covers."""

    stage: str
    shards: tuple[int, ...]
    after: int
    upto: int
    messages: int


class Books:
    """The retained positions are `first` to `head`; index 0 of every array is `first`."""

    def __init__(self, first: int, head: int, findings: Findings) -> None:
        self.first, self.head = first, head
        size = max(head - first + 1, 0)
        self.size = size
        self.fates = bytearray(size)
        self.late = bytearray(size)
        self.seen = bytearray(size)
        self.rests = bytearray(size)
        self.days = bytearray(size)
        self.appended = bytearray([NOBODY]) * size
        self.shards = bytearray([NOBODY]) * size
        self.day_names: list[str] = [""]
        self.cut_days: set[str] = set()
        self.intake: Counter[tuple[str, str, str]] = Counter()
        self.rejected: dict[int, int] = {}
        self.ranges: list[Range] = []
        self.reached: dict[str, list[int]] = {}
        self.open_marks: Counter[int] = Counter()
        self.opened = self.settled = 0
        self.called: dict[int, int] = {}
        self.closed = array("q")
        self.versions: dict[int, int] = {}
        self.verdicts: Counter[str] = Counter()
        self._findings = findings

    def index(self, position: int) -> int | None:
        """Where a position stands in the arrays; None if it is not retained."""
        return position - self.first if self.first <= position <= self.head else None

    def see(self, position: int, flag: Seen) -> None:
        at = self.index(position)
        if at is not None:
            self.seen[at] |= flag

    def reach(self, stage: str, shard: int) -> int:
        """Up to which position turns of a stage cover a shard."""
        reached = self.reached.get(stage)
        return reached[shard] if reached else self.first - 1

    def read(self, connection: Connection) -> None:
        """Enter all turns."""
        after = 0
        while rows := turns.scan(connection, after, _CHUNK):
            for row in rows:
                self._enter(row)
            after = rows[-1].id

    def _enter(self, row: TurnRow) -> None:
        body = row.body
        self._append(row)
        if row.stage == INGESTED:
            self._ingest(row)
        elif row.stage != OBSERVED:
            self._cover(row)
        if body.version:
            about = row.to_position or (body.called[0][1] if body.called else 0)
            self.versions.setdefault(body.version, about)
        for mapping in body.verdicts.values() if row.stage == FOLDED else ():
            self.verdicts.update(mapping)
        self.verdicts.update(body.repairs.values())
        self._marks(body)
        self.called.update(body.called)
        self.closed.extend(body.closed)
        for origin, copy in body.handed:
            self._hand(origin, copy)
        for position in body.repairs:
            self.see(position, Seen.VERDICT)

    def _append(self, row: TurnRow) -> None:
        shards, start = row.body.appended, row.body.appended_from
        skipped = max(self.first - start, 0)
        if skipped and row.stage == INGESTED:
            self.cut_days.add(day_of(row.at))
        shards, start = shards[skipped:], start + skipped
        if not shards:
            return
        begin = start - self.first
        end = begin + len(shards)
        if end > self.size:
            self._findings.note(
                "messages", "log_head", "a turn appended it, but it is above the log's head", start
            )
            return
        if self.appended[begin:end].count(NOBODY) != len(shards):
            self._findings.note("messages", "turn", "two turns say they appended it", start)
        self.appended[begin:end] = shards
        if row.stage == INGESTED:
            self.days[begin:end] = bytes([self._day(row.at)]) * len(shards)

    def _day(self, at: int) -> int:
        name = day_of(at)
        if name not in self.day_names:
            self.day_names.append(name)
        return self.day_names.index(name)

    def _ingest(self, row: TurnRow) -> None:
        day = day_of(row.at)
        for source, counts in row.body.verdicts.items():
            for word in _COUNTED:
                self.intake[day, source, word] += counts[word]
        self.rejected.update(dict.fromkeys(row.body.rejected, row.at))

    def _cover(self, row: TurnRow) -> None:
        """A lane's turn: its range, and the fates it names."""
        body, late = row.body, row.stage == FOLDED
        overlap = 0
        if row.to_position > row.from_position:
            overlap = self._extend(row)
        ended = {
            Ended.DELIVERED: body.delivered,
            Ended.FILTERED: body.filtered,
            Ended.EXPIRED: body.expired,
            Ended.DEAD: body.dead,
            Ended.PARKED: body.parked,
            Ended.HANDED: body.passed_on,
        }
        for fate, positions in ended.items():
            self._end(positions, fate, overlap, late=late)
        named = body.no_mapping + sum(map(len, ended.values()))
        if not late and named != body.messages:
            self._findings.note(
                "events",
                "turn",
                f"a turn covers {body.messages} messages, and names fates for {named}",
                row.to_position,
            )

    def _extend(self, row: TurnRow) -> int:
        """Put a turn's range behind its stage's others; how far these had come at most."""
        reached = self.reached.setdefault(row.stage, [self.first - 1] * SHARDS)
        before = {reached[shard] for shard in row.shards}
        if min(before) < row.from_position:
            self.gap(row.stage, min(before), row.from_position)
        for shard in row.shards:
            reached[shard] = max(reached[shard], row.to_position)
        if row.from_position >= self.first - 1:
            self.ranges.append(
                Range(row.stage, row.shards, row.from_position, row.to_position, row.body.messages)
            )
        return max(before)

    def gap(self, stage: str, after: int, upto: int) -> None:
        """No turn of a stage covers these positions."""
        text = f"no turn of {stage} covers the positions from here to {upto}"
        self._findings.note("messages", "turn", text, after + 1)

    def _end(self, positions: Iterable[int], fate: Ended, overlap: int, *, late: bool) -> None:
        ends = self.late if late else self.fates
        for position in positions:
            at = self.index(position)
            if at is None:
                continue
            if ends[at] and position > overlap:
                was, now = Ended(ends[at]).name.lower(), fate.name.lower()
                self._findings.note("events", "turn", f"two fates: {was} and {now}", position)
            ends[at] = fate

    def _hand(self, origin: int, copy: int) -> None:
        at = self.index(origin)
        if at is not None:
            if self.seen[at] & Seen.HANDED_FROM:
                self._findings.note("events", "turn", "it was handed over twice", origin)
            self.seen[at] |= Seen.HANDED_FROM
        self.see(copy, Seen.HANDED_TO)

    def _marks(self, body: TurnBody) -> None:
        marks = self.open_marks
        for since in body.opened:
            if since >= self.first:
                self.opened += 1
                marks[since] += 1
        for since in body.settled:
            if since >= self.first:
                self.settled += 1
                marks[since] -= 1
                if not marks[since]:
                    del marks[since]

    def count(self, shards: Sequence[int], after: int, upto: int) -> int:
        """How many rows of these shards the log has in a range."""
        found = self.shards[after + 1 - self.first : max(upto + 1 - self.first, 0)]
        if len(shards) == SHARDS:
            return len(found) - found.count(NOBODY)
        ours = bytearray(256)
        for shard in shards:
            ours[shard] = 1
        return found.translate(ours).count(1)
