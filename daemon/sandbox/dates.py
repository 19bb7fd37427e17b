"""Which strings Iterable takes for dates, and the form it gives them back in (iterable.md §6.2)."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:(?: (\d\d):(\d\d):(\d\d)(?: ([+-]\d\d):(\d\d))?)"
    r"|(?:T(\d\d):(\d\d):(\d\d)\.(\d{3})(?:Z|([+-]\d\d):(\d\d))))?",
    re.ASCII,
)
COLONLESS = re.compile(r"([+-]\d\d)(\d\d)$", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = 253_402_300_799_000
DATE_ONLY = 10
SECOND = 1000
OFFSET = " +00:00"
SHOWN, ISO = "-- ::", "--T::"
WHOLE_SECONDS, ISO_LENGTH = 19, 24
MIDNIGHT_AFTER = "24"


def parse(text: str) -> int | None:
    """Milliseconds UTC of a string Iterable takes for a date, else None."""
    found = DATE.fullmatch(text)
    if found is None:
        return None
    g = found.groups()
    hour, minute, second = (int(g[i] or g[i + 5] or 0) for i in (3, 4, 5))
    sign = g[6] or g[12] or "+00"
    minutes = int(g[7] or g[13] or 0)
    offset = timedelta(hours=int(sign), minutes=-minutes if sign[0] == "-" else minutes)
    try:
        when = datetime(
            int(g[0]), int(g[1]), int(g[2]), hour, minute, second, tzinfo=timezone(offset)
        )
        return (when - EPOCH) // timedelta(milliseconds=1) + int(g[11] or 0)
    except (ValueError, OverflowError):
        return None


def parse_parameter(text: str) -> int | None:
    """As `parse`, for times outside dataFields, whose offset needs no colon (vcr-054)."""
    return parse(COLONLESS.sub(r"\1:\2", text))


def is_date(text: str) -> bool:
    """Whether Iterable would take this string for a date."""
    return read_back(text) is not None


def read_back(text: str) -> str | None:
    """The form a date is read back in, a date without time as it is; None if it is no date.

    The two forms nearly every client sends are told by their separators, without the pattern.
    """
    separators = text[4:17:3]
    if separators == SHOWN and text[WHOLE_SECONDS:] == OFFSET:
        return text if _valid(text) else None
    if separators == ISO and len(text) == ISO_LENGTH and text[WHOLE_SECONDS] == ".":
        if text[-1] == "Z" and text[20:23].isdecimal() and text.isascii():
            return f"{text[:10]} {text[11:19]}{OFFSET}" if _valid(text) else None
        return None
    at = parse(text)
    if at is None:
        return None
    return text if len(text) == DATE_ONLY else shown_any(at)


def _valid(text: str) -> bool:
    try:
        datetime.fromisoformat(text[:WHOLE_SECONDS])
    except ValueError:
        return False
    return text[11:13] != MIDNIGHT_AFTER  # which later Pythons take for the next day's 00


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    return (EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%d %H:%M:%S +00:00").zfill(26)


def shown(at: int) -> str:
    """A time as Iterable reads it back: UTC, whole seconds, `yyyy-MM-dd HH:mm:ss +00:00`."""
    return _second(max(0, min(at, LATEST)) // SECOND)


def canonical(text: str) -> str:
    """The read-back form of a string that is a date; any other string as it is."""
    form = read_back(text)
    return text if form is None else form


def shown_any(at: int) -> str:
    """As `shown`, for times before 1970 too."""
    return _second(at // SECOND)
