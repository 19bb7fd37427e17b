"""What `segue check` finds, one line each, and what nobody can find out."""

import sys
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """How a finding is to be taken. Only WRONG makes the check fail."""

    RIGHT = "right"
    WRONG = "wrong"
    TO_DO = "to do"  # needed before `segue serve`
    UNKNOWN = "not checkable"


_MARKS = {Kind.RIGHT: "✔", Kind.WRONG: "✘", Kind.TO_DO: "!", Kind.UNKNOWN: "?"}
_PLAIN = {Kind.RIGHT: "+", Kind.WRONG: "x", Kind.TO_DO: "!", Kind.UNKNOWN: "?"}


def marks() -> dict[Kind, str]:
    """The marks of findings that stdout can show."""
    try:
        "".join(_MARKS.values()).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return _PLAIN
    return _MARKS


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    kind: Kind
    text: str


class Limit(msgspec.Struct, frozen=True):
    """A limit in force: calls in seconds, where the figure comes from, with whom it is shared."""

    endpoint: str
    calls: float
    seconds: float
    origin: str
    scope: str
    source: str


NOT_CHECKABLE = (
    "whether Segment sends with the secret given here: its first request shows it",
    "who else uses this project's limits (and, for exports, the organization's)",
    "whether the API key's rights reach every user and field",
    "whether a synchronous standby holds what a PostgreSQL store commits",
)

UNCONFIRMED = (
    "the limits marked as a guess: Iterable publishes none (iterable.md §20.1)",
    "how long bulk writes stay invisible to reads: iterable.lag_seconds is believed (§20.4)",
    "that an event sent again under its id updates the same event, not another (§20.8)",
    "that a call without an answer may have been applied: it is repeated or verified (§20.10)",
)


class CheckReport(msgspec.Struct, frozen=True):
    """All of it, as `segue check --json` prints it."""

    file: str
    findings: list[Finding]
    limits: list[Limit]
    not_checkable: tuple[str, ...] = NOT_CHECKABLE
    unconfirmed: tuple[str, ...] = UNCONFIRMED
