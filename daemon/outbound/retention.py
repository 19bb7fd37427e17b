"""Deletes what is older than the retention, in chunks, never past the lowest cursor."""

from collections.abc import Callable

import anyio

from daemon.domain.ports import Clock
from daemon.store import Connection, calls, cursors, dedupe, ingested, log, turns
from daemon.store.database import Database

_CHUNK = 5_000
_LOOK_SECONDS = 60.0
_TURN = 3_600_000  # ms: longer than any turn takes


class Retention:
    """An actor. `keep` is how long the log is kept, ms; calls and turns go with it."""

    name = "retention"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        keep: int,
        dedupe_hours: int,
        progress: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._keep = keep
        self._dedupe_hours = dedupe_hours
        self._progress = progress

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Look once a minute. Raises StoreUnavailable."""
        ready()
        while True:
            await self.trim()
            self._progress()
            await anyio.sleep(_LOOK_SECONDS)

    async def trim(self) -> None:
        """Delete everything that is due, a chunk at a time."""
        now = self._clock.now()
        while await self._database.write(lambda c: self._chunk(c, now)):
            self._progress()

    def _chunk(self, connection: Connection, now: int) -> bool:
        """Delete one chunk; whether more may be due."""
        before = now - self._keep
        upto = min(cursors.lowest(connection), log.aged(connection, before, _CHUNK))
        deleted = log.trim(connection, upto, _CHUNK) if upto >= log.first(connection) else 0
        return deleted == _CHUNK or self._follow(connection, now, before)

    def _follow(self, connection: Connection, now: int, before: int) -> bool:
        """What speaks of messages goes once the messages have gone: calls and the turns that
        opened them together. A turn's time is when it began; what it folded may be younger.
        """
        oldest = log.oldest_received_at(connection, 0)
        bound = before if oldest is None else min(before, oldest - _TURN)
        upto = turns.chunk_end(connection, bound, _CHUNK)
        calls.trim(connection, upto)
        turns.trim(connection, upto)
        rejected = ingested.trim_rejected(connection, before, _CHUNK)
        dedupe.drop_old(connection, now, self._dedupe_hours)
        return upto < bound or rejected == _CHUNK
