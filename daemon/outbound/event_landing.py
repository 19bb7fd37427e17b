"""What an answer changes for events: a row ends, or its event goes back to its user's queue.

An event ends with its last row. What Iterable could not take just now waits alone with its user;
others go on (promise 3).
"""

import random
from collections.abc import Collection, Mapping

from daemon.domain.commands import RowOutcome, Verdict
from daemon.outbound.converging import Converger
from daemon.outbound.emitting import Emitter, Event, Fate
from daemon.outbound.flights import Flight
from daemon.outbound.landing import ACCEPTED, Patience, forget_absence
from daemon.outbound.residents import Residents
from daemon.outbound.turn import Turn
from daemon.outbound.waitroom import WaitRoom

EVENTS = "events"
_FATES = {
    Verdict.ACCEPTED: Fate.DELIVERED,
    Verdict.SKIPPED: Fate.FILTERED,
    Verdict.RETRY: None,
    Verdict.UNCERTAIN: None,
}


class EventLanding:
    """Applies outcomes of event rows."""

    def __init__(
        self,
        residents: Residents,
        converger: Converger,
        emitter: Emitter,
        waitroom: WaitRoom,
        patience: Patience,
        rng: random.Random,
    ) -> None:
        self._residents = residents
        self._converger = converger
        self._emitter = emitter
        self._waitroom = waitroom
        self._patience = patience
        self._rng = rng

    def land(
        self, turn: Turn, flight: Flight, said: Mapping[int, RowOutcome], flying: Collection[int]
    ) -> None:
        """Apply what was said of rows by index, except of those that are `flying` again."""
        again: dict[str, None] = {}
        ended: dict[int, Event] = {}
        for index, (event, row) in enumerate(zip(flight.events, flight.rows, strict=True)):
            if index in flying:
                continue
            outcome = said.get(index, ACCEPTED)
            row.fate, row.reason = _FATES.get(outcome.verdict, Fate.DEAD), outcome.reason
            if row.fate is None:
                again[event.user] = None
            elif row.fate is Fate.DELIVERED:
                self._created(turn, event)
            event.judge()
            if event.fate is not None:
                ended[id(event)] = event
        for event in ended.values():
            self._end(turn, event)
        for user in again:
            self._wait(user, turn.now)
        if again:
            self.give_back(flight, again)

    def give_back(self, flight: Flight, users: Collection[str] | None = None) -> None:
        """All events that have not ended, or those of some users, to the front of their users'
        queues, in order; with them what the flight holds back.
        """
        whose: dict[str, list[Event]] = {}
        for event in flight.unsettled:
            if users is None or event.user in users:
                whose.setdefault(event.user, []).append(event)
        flight.then = []
        for user, theirs in whose.items():
            resident = self._residents.get(user)
            if resident is not None:
                resident.events_flying -= len(theirs)
                self._emitter.put_back(resident, theirs)
                self._emitter.offer(resident)

    def _end(self, turn: Turn, event: Event) -> None:
        resident = self._residents.get(event.user)
        self._waitroom.finish(turn, event, resident)
        if resident is not None:
            resident.tries.pop(EVENTS, None)
            resident.events_flying -= 1
            self._emitter.offer(resident)

    def _created(self, turn: Turn, event: Event) -> None:
        """An accepted event makes its user, if Iterable had none (iterable.md §8)."""
        resident = self._residents.get(event.user)
        if resident is not None and forget_absence(resident.believed):
            resident.dirty = True
            self._converger.changed(resident, event.position, repair=False)
            self._converger.enqueue(resident, turn.now)

    def _wait(self, user: str, now: int) -> None:
        resident = self._residents.get(user)
        if resident is not None:
            tries = resident.tries.get(EVENTS, 0)
            resident.tries[EVENTS] = tries + 1
            resident.events_due = now + self._patience.backoff(tries, self._rng)
            self._converger.delay(user, resident.events_due)
