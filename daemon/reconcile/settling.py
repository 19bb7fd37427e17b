"""After a plan was applied: wait until its users' lanes are done with it, then look again."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import anyio

from daemon.domain.messages import shard_of
from daemon.domain.ports import Clock
from daemon.domain.profiles import decode_believed
from daemon.mapping.diff import IDENTITY
from daemon.reconcile.applying import Applying
from daemon.reconcile.looking import Lens, UserKey
from daemon.reconcile.planning import undated
from daemon.reconcile.report import DriftState, planned_rows
from daemon.reconcile.verifying import Verified, Verifier
from daemon.store import Connection, cursors, marks, plans, users
from daemon.store.database import Database
from daemon.store.plans import DriftRow
from daemon.telemetry.instruments import Instruments

LONGEST_SECONDS = 600.0
FOLDED = "folded"
"""The stage whose cursor says that a shard's lane has read a repair."""

_FIRST_LOOK_SECONDS = 0.2
_LONGEST_LOOK_SECONDS = 5.0


class Settler:
    """Finds out what a plan came to. `beat` is called while it waits."""

    def __init__(
        self,
        database: Database,
        verifier: Verifier,
        clock: Clock,
        instruments: Instruments,
        beat: Callable[[], None],
    ) -> None:
        self._database = database
        self._verifier = verifier
        self._clock = clock
        self._instruments = instruments
        self._beat = beat

    async def settle(self, run: int, applying: Applying, lens: Lens) -> int:
        """Wait for the lanes and for the visibility lag, and read every user of the plan.

        Returns how many users still differ, or can't be said to agree. Waits for at most
        `LONGEST_SECONDS`: a user whose mark is still open then counts as left. Raises ServiceError.
        """
        rows = await self._database.read(
            lambda connection: list(planned_rows(connection, applying.plan))
        )
        users = list(dict.fromkeys(row.user for row in rows))
        keys = [(shard_of(user), user) for user in users]
        await self._lanes_are_done(keys, applying.positions)
        await self._await_visible(rows, keys, lens.lag)
        verified = await self._verifier.verify(run, keys, lens)
        repaired = await self._database.write(partial(_note, rows, verified))
        for cause, count in repaired.items():
            self._instruments.drift_repaired(cause, count)
        settled = {one.look.user for one in verified if _agrees(one)}
        return len(users) - len(settled)

    async def _await_visible(
        self, rows: Sequence[DriftRow], keys: Sequence[UserKey], lag: int
    ) -> None:
        """Wait out the lag (ms) of what was sent last.

        An identity confirmed beside a refusal of another one has no time of its own.
        """
        now = self._clock.now()
        sent_at = await self._database.read(partial(last_sent, keys))
        if any(row.part == IDENTITY for row in rows):
            sent_at = now
        await anyio.sleep(max(sent_at + lag - now, 0) / 1000)

    async def _lanes_are_done(self, keys: Sequence[UserKey], positions: Mapping[int, int]) -> None:
        look = _FIRST_LOOK_SECONDS
        with anyio.move_on_after(LONGEST_SECONDS):
            while not await self._database.read(partial(are_settled, keys, positions)):
                self._beat()
                await anyio.sleep(look)
                look = min(look * 2, _LONGEST_LOOK_SECONDS)


def are_settled(
    keys: Sequence[UserKey], positions: Mapping[int, int], connection: Connection
) -> bool:
    """Whether the lanes have folded up to `positions` (by shard), and hold no mark of the users."""
    folded = cursors.load(connection, positions)
    if any(folded.get((shard, FOLDED), 0) < at for shard, at in positions.items()):
        return False
    return not marks.of_users(connection, keys)


def last_sent(keys: Sequence[UserKey], connection: Connection) -> int:
    """When a part of one of these users was last sent or observed, ms; 0 where none was."""
    rows = users.load(connection, keys).values()
    parts = [part for row in rows for part in decode_believed(row.believed).parts.values()]
    return max((part.at for part in parts), default=0)


def _agrees(verified: Verified) -> bool:
    return not verified.look.suspicious and not verified.look.in_flight


def _note(
    rows: Sequence[DriftRow], verified: Sequence[Verified], connection: Connection
) -> Counter[str]:
    """Write down which of the differences that were sent are gone; how many, by cause."""
    differing = {(one.look.user, finding.part) for one in verified for finding in one.look.findings}
    read = {one.look.user for one in verified if not one.look.in_flight}
    sent = [row for row in rows if row.state == DriftState.SENT]
    gone = [row for row in sent if row.user in read and (row.user, row.part) not in differing]
    repaired = {row.id for row in gone}
    plans.set_drift_state(connection, repaired, DriftState.REPAIRED.value)
    plans.set_drift_state(connection, {row.id for row in sent} - repaired, DriftState.LEFT.value)
    return Counter(undated(row.cause) for row in gone)
