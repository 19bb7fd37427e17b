"""Users that are merged into another one: once nothing of theirs flies, they leave.

The loser's profile and Believed go to the winner first, then its waiting and unsent events, in
order, as copies in the winner's shard; its identifiers point to the winner from then on. All of it
is in one checkpoint.
"""

from daemon.domain.messages import LogRow, MessageClass
from daemon.outbound.converging import Converger
from daemon.outbound.emitting import Emitter, Fate
from daemon.outbound.folding import Folder, merged_message
from daemon.outbound.residents import Resident, Residents
from daemon.outbound.turn import Turn
from daemon.outbound.waitroom import WAITING, WaitRoom
from daemon.store import waiting
from daemon.store.database import Database


class Departures:
    """Sees off the leaving users of one lane."""

    def __init__(
        self,
        database: Database,
        folder: Folder,
        residents: Residents,
        converger: Converger,
        emitter: Emitter,
        waitroom: WaitRoom,
    ) -> None:
        self._database = database
        self._folder = folder
        self._residents = residents
        self._converger = converger
        self._emitter = emitter
        self._waitroom = waitroom

    async def depart(self, turn: Turn) -> None:
        """Let everybody go who is leaving and of whom nothing is in flight."""
        for user in sorted(self._folder.leaving):
            resident = self._residents.get(user)
            if resident is None:
                self._folder.leaving.discard(user)
            elif not resident.flying and not resident.events_flying:
                await self._see_off(turn, resident)

    async def _see_off(self, turn: Turn, resident: Resident) -> None:
        winner = resident.profile.leaving
        key = (resident.shard, resident.id)
        rows = await self._database.read(lambda c: waiting.of_users(c, [key], WAITING))
        turn.speak(merged_message(turn.now, resident, winner), winner)
        unsent = [_waiting_row(row) for row in rows]
        turn.waiting_drop.extend(row.id for row in rows)
        for event in resident.events:
            if not event.waiting_id:
                event.fate = Fate.HANDED
                unsent.append(
                    LogRow(
                        event.position, resident.shard, MessageClass.LIVE, event.hops, event.body
                    )
                )
        for row in sorted(unsent, key=lambda row: row.position):
            turn.hand_over(row, winner)
        turn.repoint.append((resident.id, winner))
        turn.left.append(resident)
        self._converger.withdraw(resident)
        self._waitroom.forget(resident)
        self._emitter.ready.pop(resident.id, None)
        self._folder.leaving.discard(resident.id)
        self._residents.leave(resident.id)


def _waiting_row(row: waiting.WaitingRow) -> LogRow:
    return LogRow(row.position, row.shard, MessageClass.LIVE, 0, row.body)
