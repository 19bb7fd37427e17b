"""Which strings Iterable takes for dates, and the form it gives them back in (iterable.md §6.2)."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:(?: (\d\d):(\d\d):(\d\d)(?: ([+-]\d\d):?(\d\d))?)"
    r"|(?:T(\d\d):(\d\d):(\d\d)\.(\d{3})(?:Z|([+-]\d\d):?(\d\d))))?"
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = 253_402_300_799_000
DATE_ONLY = 10
SECOND = 1000


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


def is_date(text: str) -> bool:
    """Whether Iterable would take this string for a date."""
    return text[:1].isdigit() and parse(text) is not None


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    return (EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%d %H:%M:%S +00:00").zfill(26)


def shown(at: int) -> str:
    """A time as Iterable reads it back: UTC, whole seconds, `yyyy-MM-dd HH:mm:ss +00:00`."""
    return _second(max(0, min(at, LATEST)) // SECOND)


def canonical(text: str) -> str:
    """The read-back form of a string that is a date; a date without time comes back as it is."""
    if len(text) == DATE_ONLY:
        return text
    at = parse(text)
    return text if at is None else shown_any(at)


def shown_any(at: int) -> str:
    """As `shown`, for times before 1970 too."""
    return _second(at // SECOND)
