"""Users that are merged into another one: once nothing of theirs flies, they leave.

Copies of the loser's waiting and unsent events go to the winner's shard first, in order, its
profile and Believed behind them; its identifiers point to the winner from then on. All of it is in
one checkpoint.
"""

from daemon.domain.messages import LogRow, MessageClass, decode
from daemon.outbound.converging import Converger
from daemon.outbound.emitting import Emitter, Event, Fate, Order, order_of
from daemon.outbound.merging import Merging, say_goodbye
from daemon.outbound.residents import Resident, Residents
from daemon.outbound.turn import Turn
from daemon.outbound.waitroom import WAITING, WaitRoom
from daemon.store import waiting
from daemon.store.database import Database


class Departures:
    """Sees off the leaving users of one lane. `eager`: somebody could go in the next turn."""

    def __init__(
        self,
        database: Database,
        merging: Merging,
        residents: Residents,
        converger: Converger,
        emitter: Emitter,
        waitroom: WaitRoom,
    ) -> None:
        self._database = database
        self._merging = merging
        self._residents = residents
        self._converger = converger
        self._emitter = emitter
        self._waitroom = waitroom
        self.eager = False

    async def depart(self, turn: Turn) -> None:
        """Let everybody go who is leaving and of whom nothing is open.

        Rows kept in this turn are not stored yet: whoever has one goes in the next turn.
        """
        leaving = self._merging.leaving
        unwritten = {row.user for row in turn.waiting_add} if leaving else set()
        self.eager = not leaving.isdisjoint(unwritten)
        for user in sorted(leaving - unwritten):
            resident = self._residents.get(user)
            if resident is not None and _may_go(resident):
                await self._see_off(turn, resident)

    async def _see_off(self, turn: Turn, resident: Resident) -> None:
        winner = resident.profile.leaving
        for _, row in sorted(await self._unsent(turn, resident), key=lambda each: each[0]):
            turn.hand_over(row, winner)
        say_goodbye(turn, resident)
        turn.repoint.append((resident.id, winner))
        turn.left.append(resident)
        self._converger.withdraw(resident)
        self._waitroom.forget(resident)
        self._emitter.ready.pop(resident.id, None)
        self._merging.leaving.discard(resident.id)
        self._residents.leave(resident.id)

    async def _unsent(self, turn: Turn, resident: Resident) -> list[tuple[Order, LogRow]]:
        """The loser's rows that wait, and the events in its queue, each with its place."""
        key = (resident.shard, resident.id)
        rows = await self._database.read(lambda c: waiting.of_users(c, [key], WAITING))
        finished = set(turn.waiting_drop)
        rows = [row for row in rows if row.id not in finished]
        unsent = [_waiting_row(row) for row in rows]
        self._waitroom.drop(turn, rows)
        for event in resident.events:
            if not event.waiting_id:
                event.fate = Fate.HANDED
                unsent.append((event.order, _event_row(event, resident.shard)))
        return unsent


def _may_go(resident: Resident) -> bool:
    return not (resident.flying or resident.events_flying or resident.profile.merging)


def _event_row(event: Event, shard: int) -> LogRow:
    return LogRow(event.position, shard, MessageClass.LIVE, event.hops, event.body)


def _waiting_row(row: waiting.WaitingRow) -> tuple[Order, LogRow]:
    order = order_of(decode(row.body), row.position)
    return order, LogRow(row.position, row.shard, MessageClass.LIVE, 0, row.body)
