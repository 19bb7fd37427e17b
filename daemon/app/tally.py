"""Adds up what turns leave behind, so that `status` needs no scan, and ingest knows its backlog."""

from collections import Counter
from collections.abc import Callable, Mapping

import anyio

from daemon.clients.status import Backlog
from daemon.domain.ledger import TurnBody
from daemon.domain.ports import Clock
from daemon.outbound.turn import FOLDED
from daemon.store import Connection, cursors, log, marks, turns, waiting
from daemon.store.database import Database
from daemon.store.turns import TurnRow

_LOOK_SECONDS = 1.0
_CHUNK = 500
_DAY = 86_400_000


class Tally:
    """An actor. `today` counts since midnight UTC, or since the process began if that is later."""

    name = "tally"

    def __init__(self, database: Database, clock: Clock, progress: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._progress = progress
        self._after: int | None = None
        self._day = 0
        self.today: Counter[str] = Counter()
        self.backlog = Backlog()

    def unsent(self) -> int:
        """How many messages of the log some stage has not passed yet."""
        return self.backlog.messages

    def oldest_seconds(self) -> float:
        """The age of the oldest message that is not sent yet."""
        oldest = self.backlog.oldest_at
        return 0.0 if oldest is None else max(self._clock.now() - oldest, 0) / 1000

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Look once a second. Raises StoreUnavailable."""
        await self.look()
        ready()
        while True:
            await anyio.sleep(_LOOK_SECONDS)
            await self.look()
            self._progress()

    async def look(self) -> None:
        """Bring all figures up to now."""
        day = self._clock.now() // _DAY
        if day != self._day:
            self._day = day
            self.today.clear()
        if self._after is None:
            midnight = day * _DAY
            self._after = await self._database.read(lambda c: turns.last_before(c, midnight))
        while rows := await self._next(self._after):
            for row in rows:
                self._add(row)
            self._after = rows[-1].id
        self.backlog = await self._database.read(_backlog)

    async def _next(self, after: int) -> list[TurnRow]:
        return await self._database.read(lambda c: turns.scan(c, after, _CHUNK))

    def _add(self, row: TurnRow) -> None:
        body = row.body
        if row.stage == FOLDED:
            for verdicts in body.verdicts.values():
                self.today.update(verdicts)
            self.today.update(body.counters)
            self.today.update(Counter(body.repairs.values()))
            self.today["folded"] += body.messages
        self.today.update(_fates(body))


def _fates(body: TurnBody) -> Mapping[str, int]:
    return {
        "delivered": len(body.delivered),
        "events filtered": len(body.filtered),
        "expired": len(body.expired),
        "parked": len(body.parked),
        "no mapping": body.no_mapping,
    }


def _backlog(connection: Connection) -> Backlog:
    lowest, head = cursors.lowest(connection), log.head(connection)
    unsent = max(head - lowest, 0)
    counts: Counter[str] = Counter()
    for (kind, _), number in waiting.counts(connection).items():
        counts[str(kind)] += number
    return Backlog(
        messages=unsent,
        oldest_at=log.oldest_received_at(connection, lowest) if unsent else None,
        marks=marks.count(connection),
        waiting=dict(counts),
    )
