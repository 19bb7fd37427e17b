"""Calls in flight, and how a call that failed as a whole is taken apart."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from daemon.domain.commands import Call, CallKey, CallOutcome, Command
from daemon.domain.messages import MessageClass
from daemon.errors import ServiceError
from daemon.outbound.converging import Sent
from daemon.outbound.emitting import Carried, Event, EventRow


class Flight(msgspec.Struct, gc=False):
    """One call: what it carries, and for whom.

    `sent` holds one entry for each command of a state call; `events` and `rows` hold one for each
    of an event call, where those of one user stand together. `then` are flights with later events
    of its only user, held back until it is over. `tries` counts answers that did not say what
    became of its only row, which flies again when `due`. `id` is its row in the store. Times are
    ms.
    """

    key: CallKey
    sent: list[Sent] = []
    events: list[Event] = []
    rows: list[EventRow] = []
    commands: list[Command] = []
    message_class: MessageClass = MessageClass.LIVE
    then: list["Flight"] = []
    tries: int = 0
    due: int = 0
    id: int = 0
    opened_at: int = 0

    @property
    def call(self) -> Call:
        return Call(self.key, self.commands)

    @property
    def unsettled(self) -> list[Event]:
        """Its events that have not ended, each once, and those of the flights it holds back."""
        flown = [event for flight in [self, *self.then] for event in flight.events]
        return list({id(event): event for event in flown if event.fate is None}.values())


class Landed(msgspec.Struct):
    """A flight that is over: with an outcome, or with what it failed with."""

    flight: Flight
    outcome: CallOutcome | None
    error: ServiceError | None


def halves(flight: Flight) -> list[Flight]:
    """Two flights with about half of the rows each, to find the row that spoils the call.

    Where all events are of one user, the second half is held back by the first one.
    """
    middle = _middle(flight)
    first, second = part(flight, range(middle)), part(flight, range(middle, len(flight.commands)))
    if flight.events and flight.events[0].user == flight.events[-1].user:
        first.then = [second, *flight.then]
        return [first]
    return [first, second]


def part(flight: Flight, indexes: Sequence[int]) -> Flight:
    """A flight with some of the rows."""
    return Flight(
        key=flight.key,
        sent=[flight.sent[index] for index in indexes] if flight.sent else [],
        events=[flight.events[index] for index in indexes] if flight.events else [],
        rows=[flight.rows[index] for index in indexes] if flight.rows else [],
        commands=[flight.commands[index] for index in indexes],
        message_class=flight.message_class,
    )


def of_events(key: CallKey, taken: Sequence[Carried]) -> Flight:
    return Flight(
        key=key,
        events=[event for event, _, _ in taken],
        rows=[row for _, row, _ in taken],
        commands=[command for _, _, command in taken],
    )


def of_state(key: CallKey, sent: list[Sent], message_class: MessageClass) -> Flight:
    return Flight(
        key=key,
        sent=sent,
        commands=[row.command for row in sent],
        message_class=message_class,
    )


def _middle(flight: Flight) -> int:
    """Half way; for events where one user's end and another's begin, if there are several."""
    half = len(flight.commands) // 2
    users = [event.user for event in flight.events]
    between = [at for at, (one, other) in enumerate(pairwise(users), 1) if one != other]
    return min(between, key=lambda at: abs(at - half), default=half)
