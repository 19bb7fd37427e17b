"""Calls in flight, and how a call that failed as a whole is taken apart."""

from collections.abc import Sequence

import msgspec

from daemon.domain.commands import Call, CallKey, CallOutcome, Command
from daemon.domain.messages import MessageClass
from daemon.errors import ServiceError
from daemon.outbound.converging import Sent
from daemon.outbound.emitting import Event


class Flight(msgspec.Struct, gc=False):
    """One call: what it carries, and for whom.

    `sent` holds one entry for each command of a state call. `events` holds the events of an event
    call; `rows` says how many commands each of them has, in order. `id` is its row in the store,
    `opened_at` is in ms.
    """

    key: CallKey
    sent: list[Sent] = []
    events: list[Event] = []
    rows: list[int] = []
    commands: list[Command] = []
    message_class: MessageClass = MessageClass.LIVE
    id: int = 0
    opened_at: int = 0

    @property
    def call(self) -> Call:
        return Call(self.key, self.commands)


class Landed(msgspec.Struct):
    """A flight that is over: with an outcome, or with what it failed with."""

    flight: Flight
    outcome: CallOutcome | None
    error: ServiceError | None


def halves(flight: Flight) -> list[Flight]:
    """Two flights with half of the entries each, to find the row that spoils the call."""
    if flight.sent:
        middle = len(flight.sent) // 2
        return [_of_state(flight, flight.sent[:middle]), _of_state(flight, flight.sent[middle:])]
    middle = len(flight.events) // 2
    commands = sum(flight.rows[:middle])
    return [
        msgspec.structs.replace(
            flight,
            id=0,
            events=flight.events[:middle],
            rows=flight.rows[:middle],
            commands=flight.commands[:commands],
        ),
        msgspec.structs.replace(
            flight,
            id=0,
            events=flight.events[middle:],
            rows=flight.rows[middle:],
            commands=flight.commands[commands:],
        ),
    ]


def entries(flight: Flight) -> int:
    """How many users' rows, or events, stand or fall alone."""
    return len(flight.sent) or len(flight.events)


def of_events(key: CallKey, taken: Sequence[tuple[Event, list[Command]]]) -> Flight:
    return Flight(
        key=key,
        events=[event for event, _ in taken],
        rows=[len(commands) for _, commands in taken],
        commands=[command for _, commands in taken for command in commands],
    )


def of_state(key: CallKey, sent: list[Sent], message_class: MessageClass) -> Flight:
    return Flight(
        key=key,
        sent=sent,
        commands=[row.command for row in sent],
        message_class=message_class,
    )


def _of_state(flight: Flight, sent: list[Sent]) -> Flight:
    return of_state(flight.key, sent, flight.message_class)
