"""The turns of one run of a lane: everything it holds in memory, and the order of its work.

A turn lets land what has finished, folds what is new, opens the calls the budgets allow, and
writes all of that as one checkpoint; then the opened calls fly. It never waits for a call.
"""

from collections.abc import Callable, Sequence

from anyio.abc import TaskGroup

from daemon.clients.status import Trouble
from daemon.domain.commands import Endpoint
from daemon.domain.messages import LogRow
from daemon.outbound.crew import assemble
from daemon.outbound.emitting import Event, Fate
from daemon.outbound.flights import Landed
from daemon.outbound.folding import Done
from daemon.outbound.parts import LaneParts
from daemon.outbound.residents import Resident
from daemon.outbound.resolving import Read, read_message
from daemon.outbound.start import Start
from daemon.outbound.turn import FOLDED, Turn, checkpoint, settle
from daemon.store import Connection, log, marks, waiting

_FILLS_A_FOLD = 4
"""While there is much to fold, the window is filled up to so many times between two turns of it."""
_STEP_MS = 1_000
"""How often a lane whose shards get nothing follows what the others get."""


class Turns:
    """One run of a lane. `nudge` asks for another turn, `appended` for one of every lane."""

    def __init__(
        self,
        parts: LaneParts,
        state: Start,
        group: TaskGroup,
        nudge: Callable[[], None],
        appended: Callable[[], None],
    ) -> None:
        crew = assemble(parts, state)
        self._parts = parts
        self._settings = parts.settings
        self._group = group
        self._nudge = nudge
        self._appended = appended
        self._folded = state.folded
        self._cursors = state.cursors
        self._uneven = max(state.cursors.values(), default=0)
        self._already = state.finished
        self._moved_at = 0
        self._deep = False
        self._put_off = 0
        self._partly = state.partly
        self._asleep = True
        self._landed: list[Landed] = []
        self._residents = crew.residents
        self._converger = crew.converger
        self._emitter = crew.emitter
        self._proofs = crew.proofs
        self._folder = crew.folder
        self._waitroom = crew.waitroom
        self._departures = crew.departures
        self._permits = crew.permits
        self._runway = crew.runway

    @property
    def grounded(self) -> bool:
        """Whether nothing is in the air and everything that landed is written."""
        return not (any(self._permits.flying.values()) or self._landed)

    def troubles(self) -> list[Trouble]:
        """The endpoints whose last call failed, copied at once."""
        return list(self._permits.troubles.values())

    def flying(self) -> dict[Endpoint, int]:
        """How many calls are in the air, by endpoint, copied at once."""
        return dict(self._permits.flying)

    async def recover(self, state: Start) -> None:
        """Close what the last run left open, and look after those whose events are parked."""
        turn = self._turn()
        turn.first = True
        await self._runway.doubt(turn, state.open_calls, self._folder)
        await self._folder.load(state.parked_users)
        for user in state.parked_users:
            resident = self._residents.get(user)
            if resident is not None:
                self._waitroom.look(resident)
        await self._waitroom.work(turn, self._residents)
        await self._write(turn)

    async def take(self, *, draining: bool) -> bool:
        """One turn; says whether there is more to do at once."""
        self._change_mapping()
        turn = self._turn()
        landed, self._landed = self._landed, []
        for over in landed:
            self._runway.land(turn, over)
        self._proofs.land(turn)
        if draining:
            await self._write(turn)
            return bool(self._landed)
        put_off = self._puts_off_folding()
        read = (0 if put_off else await self._fold(turn)) + await self._catch_up(turn)
        await self._wake(turn)
        await self._departures.depart(turn)
        await self._waitroom.work(turn, self._residents)
        flights = self._runway.ready(turn)
        self._waitroom.end_expired(turn, self._residents)
        opened = await self._write(turn)
        for flight, call_id in zip(flights, opened, strict=True):
            flight.id = call_id
            self._group.start_soon(self._runway.fly, flight, self._on_landed)
        self._proofs.start(self._group, self._residents, turn.now, self._nudge)
        eager = self._waitroom.eager or self._departures.eager
        more = bool(self._landed) or eager or (self._asleep and bool(landed))
        more = more or (self._emitter.head < self._folded and not self._emitter.full)
        return more or put_off or read >= self._settings.turn_messages

    def patience(self, most: float) -> float:
        """How many seconds to sleep if nothing happens."""
        now = self._parts.clock.now()
        due = min(self._converger.next_due(), self._runway.next_chance(now))
        return min(max((due - now) / 1000, 0.001), most)

    def _turn(self) -> Turn:
        turn = Turn(self._parts.clock.now(), self._converger.mappings.version, self._cursors)
        turn.folded_from = turn.folded_to = self._folded
        return turn

    def _change_mapping(self) -> None:
        mappings = self._parts.mappings()
        if mappings.version != self._converger.mappings.version:
            self._converger.mappings = mappings
            self._emitter.mappings = mappings
            for resident in self._residents:
                if resident.difference is not None:
                    self._converger.compare(resident)

    def _on_landed(self, landed: Landed) -> None:
        self._landed.append(landed)
        self._nudge()

    def _puts_off_folding(self) -> bool:
        """With much still to be folded, the window is filled first, so that no call flies with few
        rows, or not at all, while a backlog is folded far ahead of it.
        """
        room = self._emitter.head < self._folded and not self._emitter.full
        if not (room and self._deep):
            self._put_off = 0
            return False
        self._put_off = (self._put_off + 1) % _FILLS_A_FOLD
        return self._put_off > 0

    async def _fold(self, turn: Turn) -> int:
        """Read and fold what is new; while the window has room, emit it at once.

        Once all there is was read, the cursor follows the log's head, so that a lane without
        traffic holds back neither retention nor whoever waits for the lowest cursor.
        """
        shared = self._emitter.head == self._folded and not self._emitter.full
        limit = self._settings.turn_messages
        head, rows = await self._parts.database.read(self._new)
        self._deep = len(rows) >= limit
        end = rows[-1].position if rows else self._folded
        if len(rows) < limit and (rows or turn.now - self._moved_at >= _STEP_MS):
            end = max(end, head)
        if end == self._folded:
            return 0
        self._moved_at = turn.now
        reads = [read_message(row) for row in rows]
        found = await self._folder.find_users(reads)
        done = self._fold_new(turn, reads, found)
        turn.folded_to = self._folded = end
        if shared:
            self._emit(turn, done)
            self._emitter.head = end
        else:
            self._already |= {r.row.position: fate for r, fate in done if isinstance(fate, Fate)}
        for _, whose in done:
            if isinstance(whose, Resident):
                self._emitter.offer(whose)
                self._waitroom.look(whose)
        return len(rows)

    def _new(self, connection: Connection) -> tuple[int, list[LogRow]]:
        """The log's head, and what follows the cursor in our shards.

        The head comes first: whatever stands up to it can be seen by the second statement too.
        """
        after, shards = self._folded, self._parts.shards
        return log.head(connection), log.read(
            connection, after, shards, self._settings.turn_messages
        )

    async def _catch_up(self, turn: Turn) -> int:
        """Where folding is ahead of the window, read again from where the window ends."""
        head, limit = self._emitter.head, self._settings.turn_messages
        if head >= self._folded or self._emitter.full:
            return 0
        rows = await self._parts.database.read(
            lambda c: log.read(c, head, self._parts.shards, limit)
        )
        reads = [read_message(row) for row in rows if row.position <= self._folded]
        found = await self._folder.find_users(reads)
        done = [(read, self._place(turn, read, found)) for read in reads]
        self._emit(turn, done)
        if len(reads) < limit:
            self._emitter.head = self._folded
        return len(reads)

    def _fold_new(self, turn: Turn, reads: Sequence[Read], found: dict[int, str]) -> list[Done]:
        """Fold all but what the lane that had its shard before has folded already."""
        if self._folded >= self._uneven:
            return self._folder.fold_all(turn, reads, found)
        done: list[Done] = []
        for read in reads:
            if read.row.position > self._cursors.get((read.row.shard, FOLDED), 0):
                done += self._folder.fold_all(turn, [read], found)
            else:
                turn.messages += 1
                done.append((read, self._place(turn, read, found)))
        return done

    def _place(self, turn: Turn, read: Read, found: dict[int, str]) -> Resident | Fate | None:
        """Whose a message is that was folded before; None where nothing is left to be done."""
        row = read.row
        if row.position <= self._cursors.get((row.shard, str(self._emitter.endpoint)), 0):
            return None
        return self._already.get(row.position) or self._folder.place(turn, read, found)

    def _emit(self, turn: Turn, done: Sequence[Done]) -> None:
        """Admit folded messages to the window, those that are events with their rows."""
        for read, whose in done:
            position, message = read.row.position, read.message
            if whose is None:
                self._emitter.pass_over(position)
                continue
            fate = self._already.pop(position, None)
            if isinstance(whose, Fate) or message is None:
                ended = whose if isinstance(whose, Fate) else Fate.DEAD
                self._emitter.admit(_finished(read, fate or ended))
                continue
            event = self._emitter.event(
                message,
                position=position,
                user=whose.id,
                body=read.row.body,
                hops=read.row.hops,
                now=turn.now,
            )
            if event is None:
                self._emitter.pass_over(position)
                continue
            event.already(self._partly.pop(position, ()))
            event.fate = fate or event.fate
            self._emitter.admit(event)
            if event.fate is None:
                self._waitroom.seat(turn, whose, event)
            elif fate is None:
                self._waitroom.finish(turn, event, whose)
            for name in event.left_out:
                turn.counters[f"field left out, {name}"] += 1

    async def _wake(self, turn: Turn) -> None:
        """Look again at those who are due, and bring back marks that were left in the store."""
        now, most = turn.now, self._settings.residents
        for user in self._converger.woken(now):
            resident = self._residents.get(user)
            if resident is None:
                continue
            self._converger.enqueue(resident, now)
            if self._emitter.wake(resident, now):
                self._waitroom.look(resident)
            elif resident.events_due > now + self._converger.longest_wait:
                resident.events_due = now + self._converger.longest_wait
                self._converger.delay(user, resident.events_due)
        if not self._asleep:
            return
        if len(self._residents) > most // 2:
            self._residents.let_go()
        if len(self._residents) > most // 2:
            return
        rows = await self._parts.database.read(
            lambda c: marks.load(c, self._parts.shards, most // 2)
        )
        self._asleep = len(rows) >= most // 2
        await self._folder.load(row.user for row in rows)
        for row in rows:
            resident = self._residents.get(row.user)
            if resident is not None:
                self._converger.enqueue(resident, now)

    async def _write(self, turn: Turn) -> list[int]:
        """Move the cursor, write the checkpoint, let go of everybody nothing is open of."""
        start = self._emitter.cursor
        passed = self._emitter.advance()
        turn.passed[self._emitter.endpoint] = (start, passed)
        touched = [r for r in self._residents if r.dirty or r.since != r.marked_since]
        opened: list[int] = []
        if not turn.empty or touched:
            for resident in touched:
                self._proofs.expect(resident)
            work = checkpoint(turn, touched, self._parts.shards)
            opened = await self._parts.database.write(work)
            settle(touched)
            self._count(turn)
            if turn.hand_overs:
                self._appended()
        self._residents.tidy()
        if len(self._residents) > self._settings.residents:
            self._shed()
        return opened

    def _count(self, turn: Turn) -> None:
        instruments = self._parts.instruments
        if turn.counters["handed over"]:
            instruments.handed_over(turn.counters["handed over"])
        for row in turn.waiting_add:
            if row.kind is waiting.WaitingKind.DEAD:
                instruments.died("bug" if row.reason.startswith("bug") else "refused")

    def _shed(self) -> None:
        """Leave the marks of users who only wait to the store, until there is room again."""
        most = self._settings.residents * 3 // 4
        self._residents.let_go()
        for resident in self._residents.resting():
            if len(self._residents) <= most:
                break
            self._converger.withdraw(resident)
            self._residents.leave(resident.id)
            self._asleep = True


def _finished(read: Read, fate: Fate) -> Event:
    return Event(
        position=read.row.position,
        user="",
        body=b"",
        order=(0, 0, read.row.position),
        after=read.row.position,
        hops=read.row.hops,
        rows=[],
        fate=fate,
    )
