"""Adds up what turns leave behind, so that `status` needs no scan, and ingest knows its backlog.

It also looks at the budgets, whose time is the loop's: exporters read in threads of their own.
"""

from collections import Counter
from collections.abc import Callable, Mapping

import anyio

from daemon.clients.iterable.budgets import Budgets
from daemon.clients.status import Backlog, Today
from daemon.domain.ports import Clock
from daemon.outbound.turn import FOLDED
from daemon.store import Connection, cursors, log, marks, turns, waiting
from daemon.store.database import Database
from daemon.store.turns import TurnRow

_LOOK_SECONDS = 1.0
_CHUNK = 500
_DAY = 86_400_000
_ENDS = ("delivered", "filtered", "expired", "dead")  # lists of a TurnBody


class Tally:
    """An actor: what is unsent, and what became of messages today.

    `tokens` is how many calls each endpoint with a limit may get at once.
    """

    name = "tally"

    def __init__(
        self, database: Database, clock: Clock, budgets: Budgets, progress: Callable[[], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._budgets = budgets
        self._progress = progress
        self._after: int | None = None
        self._day = 0
        self._forget()
        self.backlog = Backlog()
        self.tokens: Mapping[str, float] = {}

    def today(self) -> Today:
        """What was added up since midnight UTC."""
        return Today(
            folded=self._folded,
            state=dict(self._state),
            events=dict(self._events),
            repairs=dict(self._repairs),
            noted=dict(self._noted),
        )

    def unsent(self) -> int:
        """How many messages of the log some stage has not passed yet."""
        return self.backlog.messages

    def oldest_seconds(self) -> float:
        """The age of the oldest message that is not sent yet."""
        oldest = self.backlog.oldest_at
        return 0.0 if oldest is None else max(self._clock.now() - oldest, 0) / 1000

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Look once a second. It is ready once it knows the backlog: a long day takes longer to add
        up. Raises StoreUnavailable.
        """
        self.backlog = await self._database.read(_backlog)
        ready()
        while True:
            await self.look()
            self._progress()
            await anyio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Bring all figures up to now."""
        self.tokens = {
            str(endpoint): state.tokens
            for endpoint, state in self._budgets.states().items()
            if state.tokens is not None
        }
        day = self._clock.now() // _DAY
        if day != self._day:
            self._day = day
            self._forget()
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

    def _forget(self) -> None:
        self._folded = 0
        self._state: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._repairs: Counter[str] = Counter()
        self._noted: Counter[str] = Counter()

    def _add(self, row: TurnRow) -> None:
        body = row.body
        if row.stage == FOLDED:
            self._folded += body.messages
            for verdicts in body.verdicts.values():
                self._state.update(verdicts)
            self._repairs.update(body.repairs.values())
            self._noted.update({k: n for k, n in body.counters.items() if k != "dead"})
        for fate in _ENDS:
            self._events[fate] += len(getattr(body, fate))


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
        counted_to=head,
    )
