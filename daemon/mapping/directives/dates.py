"""`@date`: a date in whatever form it came, in the form Iterable takes (iterable.md §6.2).

Without `from` the forms are those of ISO 8601 that Segment and Iterable write, and Unix times; with
it one or several patterns, tried in order. What has no offset is read in `zone`, and all of it is
written in `zone`. At the hour that clocks skip the offset before the change counts, at the hour
they repeat the first.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from daemon.mapping.directives.patterns import Unreadable, offset_text, read_pattern

Reading: TypeAlias = Callable[[Any, tzinfo], datetime]
Writing: TypeAlias = Callable[[datetime], Any]

ITERABLE_FORM: Final = "yyyy-MM-dd HH:mm:ss ZZ"
_LONGEST: Final = 64
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST_MILLISECONDS: Final = 10**11
"""A Unix time from here on is in milliseconds: in seconds it would be after the year 5100."""
_FIRST_YEAR: Final = 1000
_LOCAL: Final = ("localtime", "posixrules")
"""Names that mean whatever the machine is set to."""
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)? ?([Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)


class ZoneUnknown(ValueError):
    """There is no time zone of this name."""


def zone_of(name: str) -> tzinfo:
    """A time zone by its IANA name. Raises ZoneUnknown."""
    try:
        if name in _LOCAL:
            raise ZoneUnknown(name)
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ZoneUnknown(name) from None


def reading(form: str | None) -> Reading:
    """How to read one form: a pattern, `iso`, `unix` or `unix_ms`; None for all but patterns.

    Raises PatternWrong.
    """
    if form is None:
        return _any
    if form in _FORMS_IN:
        return _FORMS_IN[form]
    pattern = read_pattern(form)
    return lambda value, zone: pattern.read(_text(value), zone)


def any_of(readings: list[Reading]) -> Reading:
    """The first of several forms a value is in."""

    def read(value: Any, zone: tzinfo) -> datetime:
        for one in readings:
            try:
                return one(value, zone)
            except Unreadable:
                continue
        raise Unreadable

    return read


def writing(form: str) -> Writing:
    """How to write one form: a pattern, `iso`, `unix` or `unix_ms`. Raises PatternWrong."""
    return _FORMS_OUT[form] if form in _FORMS_OUT else read_pattern(form).write


def converter(read: Reading, zone: tzinfo, write: Writing) -> Callable[[Any], Any]:
    """A function from a date in one form to the same in another. Raises Unreadable."""

    def convert(value: Any) -> Any:
        try:
            moment = read(value, zone).astimezone(zone)
        except (OverflowError, ValueError):
            raise Unreadable from None
        if moment.year < _FIRST_YEAR:
            raise Unreadable
        return write(moment)

    return convert


def iso(value: Any, zone: tzinfo) -> datetime:
    """Read a day or a date-time as ISO 8601 has it. Raises Unreadable."""
    found = _ISO.fullmatch(_text(value))
    if found is None:
        raise Unreadable
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        return datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "0").ljust(6, "0")[:6]),
            tzinfo=_offset(offset) if offset else zone,
        )
    except ValueError:
        raise Unreadable from None


def _offset(text: str) -> tzinfo:
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-shift if text[0] == "-" else shift)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise Unreadable
    return value.strip()


def _number(value: Any) -> float:
    if isinstance(value, str):
        text = _text(value)
        if not text.isascii() or not text.removeprefix("-").replace(".", "", 1).isdigit():
            raise Unreadable
        return float(text) if "." in text else int(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unreadable
    return value


def seconds(value: Any, _zone: tzinfo) -> datetime:
    """Read a Unix time in seconds. Raises Unreadable."""
    return _since_epoch(_number(value))


def _milliseconds(value: Any, _zone: tzinfo) -> datetime:
    return _since_epoch(_number(value) / 1000)


def _since_epoch(number: float) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=number)
    except OverflowError:
        raise Unreadable from None


def _any(value: Any, zone: tzinfo) -> datetime:
    if isinstance(value, str):
        return iso(value, zone)
    in_milliseconds = abs(_number(value)) >= _SHORTEST_MILLISECONDS
    return _milliseconds(value, zone) if in_milliseconds else seconds(value, zone)


def _iso_text(moment: datetime) -> str:
    fraction = f".{moment.microsecond // 1000:03d}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}{offset_text(moment, ':')}"


_FORMS_IN: Final[dict[str, Reading]] = {"iso": iso, "unix": seconds, "unix_ms": _milliseconds}
_FORMS_OUT: Final[dict[str, Writing]] = {
    "iso": _iso_text,
    "unix": lambda moment: (moment - _EPOCH) // timedelta(seconds=1),
    "unix_ms": lambda moment: (moment - _EPOCH) // timedelta(milliseconds=1),
}
