"""Deletes what is older than the retention, in chunks, never past the lowest cursor."""

from collections.abc import Callable

import anyio

from daemon.domain.ports import Clock
from daemon.store import Connection, calls, cursors, dedupe, ingested, log, turns
from daemon.store.database import Database

_CHUNK = 5_000
_LOOK_SECONDS = 60.0


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
        """What speaks of messages goes once the messages have gone."""
        oldest = log.oldest_received_at(connection, 0)
        bound = before if oldest is None else min(before, oldest)
        deleted = [
            calls.trim(connection, bound, _CHUNK),
            turns.trim(connection, bound, _CHUNK),
            ingested.trim_rejected(connection, before, _CHUNK),
        ]
        dedupe.drop_old(connection, now, self._dedupe_hours)
        return _CHUNK in deleted
