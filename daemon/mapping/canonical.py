"""The one place that says when two values are the same to Iterable.

Desired, Believed and Observed are compared in this form only, so a date written as ISO and read
back as `yyyy-MM-dd HH:mm:ss +00:00` (iterable.md §6.2), an int read back as a float, or an empty
string read back as nothing never count as a difference.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

ABSENT = 0
"""The hash of a value that isn't there: null, empty text, empty list or empty object."""

_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9}){0,2})?"
    r" ?(Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_SHORTEST_DATE_TIME = len("2026-01-01T00:00")
_REMEMBERED = 65_536
_LONGEST_REMEMBERED = 200  # characters
_encode = msgspec.json.Encoder(order="deterministic").encode


def outgoing(value: Any) -> Any:
    """A value as it is sent: date-times anywhere in it in Iterable's own form, UTC.

    As Segment's destination does (segment.md §13.4), less its faults: what isn't a real date stays
    the text it was, and a date-time without an offset is read as UTC. A fraction may stand twice,
    as in Iterable's exports (iterable.md §6.2).
    """
    if isinstance(value, str):
        return _date_time(value)
    if isinstance(value, dict):
        return {name: outgoing(item) for name, item in value.items()}
    if isinstance(value, list):
        return [outgoing(item) for item in value]
    return value


def canonical(value: Any) -> Any:
    """A value in the form in which it is compared; None where there is nothing."""
    if isinstance(value, str):
        return _date_time(value) if value else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        parts = {name: canonical(item) for name, item in value.items()}
        return {name: item for name, item in parts.items() if item is not None} or None
    if isinstance(value, list):
        return [canonical(item) for item in value] or None
    return value


def value_hash(value: Any) -> int:
    """Eight bytes, signed, for a value; equal for values that are the same to Iterable.

    Profiles say the same short texts again and again, so these are remembered.
    """
    if isinstance(value, str) and len(value) <= _LONGEST_REMEMBERED:
        return _text_hash(value)
    return _hash(value)


def _hash(value: Any) -> int:
    form = canonical(value)
    if form is None:
        return ABSENT
    return int.from_bytes(blake2b(_encode(form), digest_size=8).digest(), "big", signed=True)


_text_hash = lru_cache(_REMEMBERED)(_hash)


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal as JSON: true is not 1, and 1 is not 1.0."""
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    if isinstance(left, dict | list):
        return left == right and _encode(left) == _encode(right)
    return bool(left == right)


def _date_time(text: str) -> str:
    if len(text) < _SHORTEST_DATE_TIME or text[4] != "-" or not text[0].isdigit():
        return text
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        return text
    year, month, day, hour, minute, second, offset = found.groups()
    try:
        zone = _zone(offset)
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute),
            int(second or 0),
            tzinfo=zone,
        )
        if zone is not UTC:
            moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    return f"{str(moment)[:19]} +00:00" if moment.year >= 1000 else text  # noqa: PLR2004


def _zone(offset: str | None) -> timezone:
    if offset is None or offset == "Z":
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-shift if offset[0] == "-" else shift)
