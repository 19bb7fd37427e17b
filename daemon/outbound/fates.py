"""What can become of one event, and which of it goes together (DESIGN §5, promise 2).

Everything independent sources say of a position is brought together as one `Account`; the rules
look at nothing else. Most positions share one of a few accounts, so an audit judges each account
once. Pure.
"""

from collections.abc import Iterator
from enum import IntEnum, IntFlag
from typing import NamedTuple


class Ended(IntEnum):
    """What turns say became of an event."""

    NOT_SAID = 0
    DELIVERED = 1
    FILTERED = 2
    EXPIRED = 3
    DEAD = 4
    PARKED = 5
    HANDED = 6


class Rests(IntEnum):
    """What the waiting table holds of it."""

    NOT = 0
    WAITS = 1
    DEAD = 2


class Seen(IntFlag):
    """What else is known of a position."""

    COPY = 1  # its row has hops
    REPAIR = 2
    VERDICT = 4  # a turn says what a repair came to
    HANDED_TO = 8  # a turn says that it is a copy
    HANDED_FROM = 16  # a turn says that a copy goes on
    SENT = 32  # a closed call carried it, and did not fail
    FOLDED = 64  # not above its shard's folded cursor
    EMITTED = 128  # not above its shard's cursor for events


class Account(NamedTuple):
    """One position: the fate its cursor passed it with, the later end of a parked one, the rest."""

    fate: int
    late: int
    rests: int
    seen: int


def mistakes(account: Account) -> Iterator[tuple[str, str]]:
    """(table, what is wrong) for everything that does not go together."""
    yield from _copies(account)
    fate, late, rests, seen = account
    delivered = Ended.DELIVERED in (fate, late)
    if delivered and not seen & Seen.SENT:
        yield "call", "the event is said to be delivered, but no closed call carries it"
    if Ended.DEAD in (fate, late) and rests != Rests.DEAD:
        yield "waiting", "the event is dead, but its dead letter is missing"
    if late and seen & Seen.HANDED_FROM:
        yield "turn", "the event ended, and was handed over too"
    match fate:
        case Ended.NOT_SAID:
            yield from _not_said(account)
        case Ended.PARKED:
            yield from _parked(account)
        case Ended.HANDED if not seen & Seen.HANDED_FROM:
            yield "turn", "the event is said to be handed over, but no turn says where to"
        case Ended.DELIVERED | Ended.FILTERED | Ended.EXPIRED | Ended.HANDED if rests or late:
            yield "waiting", "the event has ended, and waits or ends again"
        case _:
            pass


def _not_said(account: Account) -> Iterator[tuple[str, str]]:
    _, late, rests, seen = account
    if not seen & Seen.EMITTED:
        return
    if late or rests == Rests.WAITS:
        yield "turn", "the event was parked, but no turn says so"
    if rests == Rests.DEAD:
        yield "turn", "there is a dead letter, but no turn says the event is dead"
    if seen & Seen.SENT:
        yield "turn", "a closed call carried the event, but no turn says it is delivered"
    if seen & Seen.HANDED_FROM:
        yield "turn", "the message was handed over, but no turn of its endpoint says so"


def _parked(account: Account) -> Iterator[tuple[str, str]]:
    _, late, rests, seen = account
    ended = bool(late) or bool(seen & Seen.HANDED_FROM)
    if not ended and rests != Rests.WAITS:
        yield "waiting", "the event was parked, but it neither waits nor did it end"
    if ended and rests == Rests.WAITS:
        yield "waiting", "the parked event has ended, but it still waits"


def _copies(account: Account) -> Iterator[tuple[str, str]]:
    seen = account.seen
    if seen & Seen.COPY and not seen & Seen.HANDED_TO:
        yield "turn", "it is a copy, but no turn says what of"
    if seen & Seen.HANDED_TO and not seen & Seen.COPY:
        yield "message", "a turn handed a message over to here, but no copy is here"
    settled = seen & (Seen.VERDICT | Seen.HANDED_FROM) or account.rests == Rests.DEAD
    if seen & Seen.REPAIR and seen & Seen.FOLDED and not settled:
        yield "turn", "the repair was folded, but no turn says what it came to"


def final(account: Account) -> str:
    """The word under which a report counts an event."""
    fate, late, rests, seen = account
    if rests:
        return "dead" if rests == Rests.DEAD else "waiting"
    if late:
        return Ended(late).name.lower()
    if seen & Seen.HANDED_FROM:
        return "handed over"
    if fate:
        return Ended(fate).name.lower()
    return "no mapping" if seen & Seen.EMITTED else "not yet emitted"
