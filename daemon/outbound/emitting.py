"""Events on their way to one endpoint, in their users' order (DESIGN §3, emit).

The window holds every event after the cursor that isn't finished, in the log's order; the cursor
is the position before the first of them. Between two events lie messages no mapping is about:
each event counts those before it, so that the ledger stays whole as the cursor moves.
"""

from collections import deque
from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from daemon.domain.commands import Command, Endpoint
from daemon.domain.identity import IterableIdentity
from daemon.domain.messages import Message
from daemon.mapping.events import has_expired, made_event, matching_events
from daemon.mapping.mappings import Mappings, TrackEvent
from daemon.mapping.rows import event_row
from daemon.outbound.residents import NEVER, Resident


class Fate(StrEnum):
    """How an event left the window."""

    DELIVERED = "delivered"
    FILTERED = "filtered"
    EXPIRED = "expired"
    DEAD = "dead"
    PARKED = "parked"
    HANDED = "handed"


_GRAVEST = (Fate.DEAD, Fate.DELIVERED, Fate.FILTERED, Fate.EXPIRED)

Order: TypeAlias = tuple[int, int, int]
"""(receivedAt ms, index in its batch, position): an event's place among those of its user, which a
copy made by a hand-over keeps, as receivedAt is stamped at first receipt."""


def order_of(message: Message, position: int) -> Order:
    return (message.received_at, message.index, position)


class EventRow(msgspec.Struct, gc=False):
    """What one mapping makes of an event. It has an end of its own; `expires_at` is in ms."""

    row: dict[str, Any]
    expires_at: int = NEVER
    fate: Fate | None = None
    reason: str = ""


class Event(msgspec.Struct, gc=False):
    """A message with its rows for the endpoint. `before`: messages without a mapping before it.

    `after` is the position up to which its user's state has to be accepted
    first: its own, or a later one where that state could not be sent before. `waiting_id` is its
    row in the waiting table, where it has one. `left_out` names fields its rows had to do without.
    """

    position: int
    user: str
    body: bytes
    order: Order
    after: int
    hops: int
    rows: list[EventRow]
    before: int = 0
    fate: Fate | None = None
    reason: str = ""
    waiting_id: int = 0
    left_out: list[str] = []

    @property
    def open_rows(self) -> list[EventRow]:
        """Those that still have to be sent."""
        return [row for row in self.rows if row.fate is None]

    def judge(self) -> None:
        """Once every row has ended, so has the event: dead where one is, else delivered if any."""
        if self.rows and not self.open_rows:
            last = min(self.rows, key=lambda row: _GRAVEST.index(row.fate or Fate.DEAD))
            self.fate, self.reason = last.fate, last.reason

    def expire(self, now: int) -> None:
        for row in self.open_rows:
            if row.expires_at < now:
                row.fate = Fate.EXPIRED
        self.judge()

    def already(self, ids: Collection[str]) -> None:
        """A former run has delivered the rows with these ids."""
        for row in self.open_rows:
            if row.row["id"] in ids:
                row.fate = Fate.DELIVERED
        self.judge()


Carried: TypeAlias = tuple[Event, EventRow, Command]
"""A row of an event call, and whose it is."""


class Passed(msgspec.Struct):
    """What the cursor moved over: counts, and positions by fate."""

    to: int
    no_mapping: int = 0
    fates: dict[Fate, list[int]] = {}

    @property
    def messages(self) -> int:
        return self.no_mapping + sum(len(positions) for positions in self.fates.values())


class Emitter:
    """The window of one endpoint. `head` is the last position admitted."""

    endpoint = Endpoint.TRACK_BULK

    def __init__(self, mappings: Mappings, cursor: int, *, window: int) -> None:
        self.mappings = mappings
        self.cursor = cursor
        self.head = cursor
        self.ready: dict[str, Resident] = {}
        self._window: deque[Event] = deque()
        self._bound = window
        self._plain = 0
        self._expired: list[Event] = []

    def __len__(self) -> int:
        return len(self._window)

    @property
    def full(self) -> bool:
        return len(self._window) >= self._bound

    def pass_over(self, position: int) -> None:
        """A message that is no event."""
        self.head = position
        self._plain += 1

    def admit(self, event: Event) -> None:
        """An event, finished already or still to be sent."""
        self.head = event.position
        event.before, self._plain = self._plain, 0
        self._window.append(event)

    def event(
        self, message: Message, *, position: int, user: str, body: bytes, hops: int, now: int
    ) -> Event | None:
        """The message as an event, None where no mapping is about it."""
        matching = matching_events(message, self.mappings)
        if not matching:
            return None
        event = Event(
            position=position,
            user=user,
            body=body,
            order=order_of(message, position),
            after=position,
            hops=hops,
            rows=[],
        )
        for number, mapping in enumerate(matching):
            if has_expired(message, mapping, now):
                event.fate = Fate.EXPIRED
                continue
            made = made_event(message, mapping, first=number == 0)
            event.left_out += [f"{mapping.name}: {field}" for field in made.left_out]
            row = EventRow(made.row or {}, _expires_at(message, mapping))
            if made.row is None:
                row.fate, row.reason = Fate.DEAD, f"{mapping.name}: {made.reason}"
            event.rows.append(row)
        if event.rows:
            event.fate = None
            event.judge()
        return event

    def queue(self, resident: Resident, event: Event) -> None:
        """Put an event behind those of its user; a copy goes to where its first receipt says."""
        later: list[Event] = []
        while event.hops and resident.events and resident.events[-1].order > event.order:
            later.append(resident.events.pop())
        resident.events.append(event)
        resident.events.extend(reversed(later))
        self.offer(resident)

    def offer(self, resident: Resident) -> None:
        """Note that this user has events that can be sent now, if so."""
        waits = resident.events_flying or resident.events_due
        if resident.events and not waits and _clear(resident, resident.events[0]):
            self.ready.setdefault(resident.id, resident)

    def wake(self, resident: Resident, now: int) -> bool:
        """Whether what Iterable could not take may be tried again, if there is any."""
        if resident.events_due > now:
            return False
        resident.events_due = 0
        self.offer(resident)
        return True

    def take(
        self, rows: int, size: int, now: int, address: Callable[[Resident], IterableIdentity]
    ) -> list[Carried]:
        """Events for one call, of as many users as fit, each user's together and in order. They
        are in flight.

        `size` bounds the bytes of all rows. What expired while it waited has ended.
        """
        taken: list[Carried] = []
        while self.ready and rows > 0 and size > 0:
            user, resident = next(iter(self.ready.items()))
            del self.ready[user]
            identity = address(resident)
            while resident.events and _clear(resident, resident.events[0]):
                event = resident.events[0]
                event.expire(now)
                if event.fate is not None:
                    self._expired.append(resident.events.popleft())
                    continue
                carried = self._carried(event, identity)
                weight = sum(command.size + 1 for _, _, command in carried)
                if taken and (len(carried) > rows or weight > size):
                    self.offer(resident)
                    return taken
                resident.events.popleft()
                resident.events_flying += 1
                taken += carried
                rows, size = rows - len(carried), size - weight
                if rows <= 0 or size <= 0:
                    break
        return taken

    def expired(self) -> list[Event]:
        """Events that ended as they expired while they waited, each told once."""
        expired, self._expired = self._expired, []
        return expired

    def put_back(self, resident: Resident, events: list[Event]) -> None:
        """Events that have to be sent again, before all later ones of their user."""
        resident.events.extendleft(reversed(events))

    def blocked(self, residents: Callable[[str], Resident | None], most: int) -> list[Resident]:
        """Users whose state holds events at the window's front; their events may be parked."""
        found: dict[str, Resident] = {}
        for number, event in enumerate(self._window):
            if number >= self._bound or len(found) >= most:
                break
            resident = residents(event.user) if event.fate is None else None
            if resident is None or not resident.events or resident.events_flying:
                continue
            if resident.events_due or not _clear(resident, resident.events[0]):
                found[resident.id] = resident
        return list(found.values())

    def advance(self) -> Passed:
        """Move the cursor over what is finished."""
        passed = Passed(to=self.cursor)
        while self._window and self._window[0].fate is not None:
            event = self._window.popleft()
            passed.no_mapping += event.before
            passed.fates.setdefault(event.fate or Fate.DEAD, []).append(event.position)
            passed.to = event.position
        if self._window:
            first = self._window[0]
            passed.no_mapping += first.before
            first.before = 0
            passed.to = first.position - 1
        else:
            passed.no_mapping += self._plain
            self._plain = 0
            passed.to = self.head
        self.cursor = passed.to
        return passed

    def _carried(self, event: Event, identity: IterableIdentity) -> list[Carried]:
        project, user, at = self.mappings.project, event.user, event.position
        return [
            (event, row, event_row(user, identity, project, at, row.row)[1])
            for row in event.open_rows
        ]


def _expires_at(message: Message, mapping: TrackEvent) -> int:
    after = mapping.expires_after
    return NEVER if after is None else message.effective_at + after


def _clear(resident: Resident, event: Event) -> bool:
    """Whether Iterable has accepted every field and identity change up to the event (promise 4)."""
    return event.after < resident.barrier and not resident.merging
