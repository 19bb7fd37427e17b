"""Events that wait outside the window: held until their user can be addressed, or parked.

Held and parked rows keep their own copy of the message. Once a user has one, all their later
events queue up behind it, so that their order is kept; `Profile.waiting` counts them.
"""

from collections.abc import Sequence

import msgspec

from daemon.clients.iterable.endpoints import ENDPOINTS
from daemon.domain.messages import decode
from daemon.outbound.converging import Converger
from daemon.outbound.emitting import Emitter, Event, Fate, order_of
from daemon.outbound.folding import Folder
from daemon.outbound.parts import LaneSettings
from daemon.outbound.residents import Resident, Residents
from daemon.outbound.turn import Turn
from daemon.store import waiting
from daemon.store.database import Database

HELD = waiting.WaitingKind.HELD
PARKED = waiting.WaitingKind.PARKED
DEAD = waiting.WaitingKind.DEAD
WAITING = (HELD, PARKED)
_USERS_PER_TURN = 200
_A_CALL = ENDPOINTS[Emitter.endpoint].max_rows
_LOOK_FOR_EXPIRED = 60_000
_EXPIRED_PER_TURN = 1_000


class WaitRoom:
    """One lane's held and parked events. `parked` counts the parked rows of its shards."""

    def __init__(
        self,
        database: Database,
        emitter: Emitter,
        converger: Converger,
        folder: Folder,
        settings: LaneSettings,
        shards: frozenset[int],
        parked: int,
    ) -> None:
        self._database = database
        self._emitter = emitter
        self._converger = converger
        self._folder = folder
        self._settings = settings
        self._shards = shards
        self._wanted: dict[str, None] = {}
        self._released: dict[str, int] = {}
        self.parked = parked
        self._looked_at = 0

    def seat(self, turn: Turn, resident: Resident, event: Event) -> None:
        """Where a new event goes: to its user's queue, or behind what waits already."""
        if not self._converger.addressable(resident):
            self._keep(turn, resident, event, HELD)
        elif resident.profile.waiting:
            self._keep(turn, resident, event, PARKED)
            self.look(resident)
        else:
            self._emitter.queue(resident, event)

    def look(self, resident: Resident) -> None:
        """Bring this user's rows back if nothing holds them any more."""
        if (
            resident.profile.waiting
            and not resident.merging
            and not self._released.get(resident.id)
            and self._converger.addressable(resident)
        ):
            self._wanted[resident.id] = None

    def finish(self, turn: Turn, event: Event, resident: Resident | None) -> None:
        """An event is done for good; a dead one becomes a dead letter."""
        if event.waiting_id:
            turn.waiting_drop.append(event.waiting_id)
            self.parked -= 1
            turn.late.setdefault(event.fate or Fate.DEAD, []).append(event.position)
            if resident is not None:
                resident.profile.waiting -= 1
                resident.dirty = True
            left = self._released.get(event.user, 1) - 1
            self._released[event.user] = left
            if not left:
                del self._released[event.user]
                if resident is not None:
                    self.look(resident)
        if event.fate is Fate.DEAD:
            turn.counters["dead"] += 1
            turn.waiting_add.append(_row(turn, event, DEAD, _shard(resident)))

    async def work(self, turn: Turn, residents: Residents) -> None:
        """Park what blocks a full window, bring back what may go on, expire what is too old."""
        clogged = self._emitter.full and len(self._emitter.ready) < _A_CALL
        if clogged and self.parked < self._settings.parked:
            for resident in self._emitter.blocked(residents.get, _USERS_PER_TURN):
                self._park(turn, resident)
        if self._wanted:
            await self._bring_back(turn, residents)
        if turn.now - self._looked_at >= _LOOK_FOR_EXPIRED:
            self._looked_at = turn.now
            await self._expire(turn, residents)

    def end_expired(self, turn: Turn, residents: Residents) -> None:
        """What expired while calls were filled ends in the same turn."""
        for event in self._emitter.expired():
            self.finish(turn, event, residents.get(event.user))

    @property
    def eager(self) -> bool:
        """Whether there are rows that may go on and were not looked at yet."""
        return bool(self._wanted)

    def drop(self, turn: Turn, rows: Sequence[waiting.WaitingRow]) -> None:
        """These rows wait no longer."""
        turn.waiting_drop.extend(row.id for row in rows)
        self.parked -= sum(row.kind == PARKED for row in rows)

    def forget(self, resident: Resident) -> None:
        """The user leaves: its rows go elsewhere."""
        self._wanted.pop(resident.id, None)
        self._released.pop(resident.id, None)

    def _keep(
        self, turn: Turn, resident: Resident, event: Event, kind: waiting.WaitingKind
    ) -> None:
        if kind == HELD and resident.profile.waiting >= self._settings.held_per_user:
            event.fate, event.reason = Fate.DEAD, "too many events wait for one unknown person"
            self.finish(turn, event, resident)
            return
        event.fate = Fate.PARKED
        resident.profile.waiting += 1
        resident.dirty = True
        self.parked += kind == PARKED
        turn.waiting_add.append(_row(turn, event, kind, resident.shard))

    def _park(self, turn: Turn, resident: Resident) -> None:
        """All of a user's unsent events, in order; what was brought back before stays a row."""
        while resident.events:
            event = resident.events.popleft()
            if event.waiting_id:
                self._released.pop(resident.id, None)
            else:
                self._keep(turn, resident, event, PARKED)

    async def _bring_back(self, turn: Turn, residents: Residents) -> None:
        """Rows dropped in this turn are still stored, and those kept in it not yet: what the
        checkpoint has not written is looked at in the next turn.
        """
        names = list(self._wanted)[:_USERS_PER_TURN]
        await self._folder.load(names)
        users = [found for name in names if (found := residents.get(name)) is not None]
        keys = [(resident.shard, resident.id) for resident in users]
        rows = await self._database.read(lambda c: waiting.of_users(c, keys, WAITING))
        dropped = set(turn.waiting_drop)
        unwritten = {row.user for row in turn.waiting_add}
        self._wanted = {
            name: None for name in self._wanted if name not in names or name in unwritten
        }
        whose = {resident.id: resident for resident in users if resident.id not in unwritten}
        back = [row for row in rows if row.id not in dropped and row.user in whose]
        events = [(self._event(turn, row), row) for row in back]
        for event, row in sorted(events, key=lambda each: each[0].order):
            resident = whose[row.user]
            self._released[row.user] = self._released.get(row.user, 0) + 1
            if row.kind == HELD:
                self.parked += 1
                turn.waiting_update.append(msgspec.structs.replace(row, kind=PARKED))
            if event.fate is None:
                resident.events.append(event)
            else:
                self.finish(turn, event, resident)
        for resident in users:
            self._emitter.offer(resident)

    def _event(self, turn: Turn, row: waiting.WaitingRow) -> Event:
        message = decode(row.body)
        event = self._emitter.event(
            message, position=row.position, user=row.user, body=row.body, hops=0, now=turn.now
        )
        if event is None:
            event = Event(
                position=row.position,
                user=row.user,
                body=row.body,
                order=order_of(message, row.position),
                after=row.position,
                hops=0,
                rows=[],
                fate=Fate.FILTERED,
                reason="no mapping is about it any more",
            )
        event.waiting_id = row.id
        event.after = turn.folded_to  # its user may have become addressable only now
        return event

    async def _expire(self, turn: Turn, residents: Residents) -> None:
        """What stayed unknown too long. Users at work are looked at another time."""
        before = turn.now - self._settings.hold
        rows = await self._database.read(
            lambda c: waiting.expired(c, self._shards, HELD, before, _EXPIRED_PER_TURN)
        )
        await self._folder.load(row.user for row in rows)
        dropped = set(turn.waiting_drop)
        found = {row.user: residents.get(row.user) for row in rows}
        idle = {user: one for user, one in found.items() if one is not None and one.idle}
        ended = [row for row in rows if row.user in idle and row.id not in dropped]
        self.drop(turn, ended)
        for row in ended:
            turn.late.setdefault(Fate.EXPIRED, []).append(row.position)
            idle[row.user].profile.waiting -= 1
            idle[row.user].dirty = True
        if ended and len(rows) == _EXPIRED_PER_TURN:
            self._looked_at = 0


def _shard(resident: Resident | None) -> int:
    return resident.shard if resident is not None else 0


def _row(turn: Turn, event: Event, kind: waiting.WaitingKind, shard: int) -> waiting.WaitingRow:
    return waiting.WaitingRow(
        shard=shard,
        user=event.user,
        position=event.position,
        kind=kind,
        endpoint=str(Emitter.endpoint),
        due=0,
        since_at=turn.now,
        attempts=0,
        reason=event.reason,
        mapping_version=turn.version,
        body=event.body,
        begun_at=None,
    )
