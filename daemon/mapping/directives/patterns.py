"""Dates by pattern, in the letters Iterable's own documentation uses: `yyyy-MM-dd HH:mm:ss ZZ`.

Letters are those of Joda-Time and Java: yyyy yy, MMMM MMM MM M, dd d, EEEE EEE, HH H, hh h, a,
mm m, ss s, S (tenths, hundredths, ...), Z (+0100), ZZ or XXX (+01:00), X (+01). Text in single
quotes stands for itself, two quotes for one. Names are English. Reading goes once from left to
right: no regular expression, nothing to backtrack.
"""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Final, TypeAlias

import msgspec

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PATTERN_LENGTH: Final = 100
_CENTURY_TURN: Final = 70
_HALF_DAY: Final = 12
_MOST_DIGITS: Final = 9

_Read: TypeAlias = Callable[[str, int, dict[str, Any]], int]
_Write: TypeAlias = Callable[[datetime], str]


class PatternWrong(ValueError):
    """A pattern can't be read. Its text says why."""


class Unreadable(Exception):
    """A text is not as the pattern says."""


class Pattern(msgspec.Struct, frozen=True):
    """A read pattern: its parts read and write one piece of a date each."""

    readers: tuple[_Read, ...]
    writers: tuple[_Write, ...]

    def read(self, text: str, zone: Any) -> datetime:
        """The moment a text names, in `zone` where it has no offset. Raises Unreadable."""
        found: dict[str, Any] = {}
        at = 0
        for reader in self.readers:
            at = reader(text, at, found)
        if at != len(text):
            raise Unreadable
        return _moment(found, zone)

    def write(self, moment: datetime) -> str:
        return "".join([writer(moment) for writer in self.writers])


def read_pattern(pattern: str) -> Pattern:
    """Compile a pattern; raises PatternWrong."""
    if not 1 <= len(pattern) <= _PATTERN_LENGTH:
        raise PatternWrong(f"a pattern has 1 to {_PATTERN_LENGTH} characters")
    readers: list[_Read] = []
    writers: list[_Write] = []
    for letters, quoted in _tokens(pattern):
        reader, writer = _literal(letters) if quoted else _part(letters)
        readers.append(reader)
        writers.append(writer)
    return Pattern(tuple(readers), tuple(writers))


def _tokens(pattern: str) -> list[tuple[str, bool]]:
    tokens: list[tuple[str, bool]] = []
    at = 0
    while at < len(pattern):
        if pattern[at] == "'":
            text, at = _quoted(pattern, at + 1)
            tokens.append((text, True))
            continue
        end = at + 1
        is_letter = pattern[at].isascii() and pattern[at].isalpha()
        while is_letter and pattern[end : end + 1] == pattern[at]:
            end += 1
        tokens.append((pattern[at:end], not is_letter))
        at = end
    return tokens


def _quoted(pattern: str, at: int) -> tuple[str, int]:
    """Text in quotes from `at`, and the place after it; `''` is a quote, inside and outside."""
    if pattern[at : at + 1] == "'":
        return "'", at + 1
    text = ""
    while at < len(pattern):
        if pattern[at] != "'":
            text += pattern[at]
            at += 1
        elif pattern[at + 1 : at + 2] == "'":
            text += "'"
            at += 2
        else:
            return text, at + 1
    raise PatternWrong("the quoted text in the pattern is not closed")


def _part(letters: str) -> tuple[_Read, _Write]:
    if letters.strip("S") == "" and len(letters) <= _MOST_DIGITS:
        return _fraction(len(letters))
    part = _PARTS.get(letters)
    if part is None:
        raise PatternWrong(f"`{letters}` is no date letter; text goes in single quotes")
    return part


def _literal(literal: str) -> tuple[_Read, _Write]:
    def read(text: str, at: int, _: dict[str, Any]) -> int:
        if not text.startswith(literal, at):
            raise Unreadable
        return at + len(literal)

    return read, lambda _: literal


def _number(
    name: str, fewest: int, most: int, write: Callable[[datetime], int]
) -> tuple[_Read, _Write]:
    def read(text: str, at: int, found: dict[str, Any]) -> int:
        found[name], at = _digits(text, at, fewest, most)
        return at

    return read, lambda moment: str(write(moment)).rjust(fewest, "0")


def _digits(text: str, at: int, fewest: int, most: int) -> tuple[int, int]:
    end = at
    while end < len(text) and end - at < most and "0" <= text[end] <= "9":
        end += 1
    if end - at < fewest:
        raise Unreadable
    return int(text[at:end]), end


def _name(
    field: str, names: tuple[str, ...], write: Callable[[datetime], int]
) -> tuple[_Read, _Write]:
    lowered = [name.lower() for name in names]

    def read(text: str, at: int, found: dict[str, Any]) -> int:
        for index, name in enumerate(lowered):
            if text[at : at + len(name)].lower() == name:
                found[field] = index
                return at + len(name)
        raise Unreadable

    return read, lambda moment: names[write(moment)]


def _fraction(length: int) -> tuple[_Read, _Write]:
    def read(text: str, at: int, found: dict[str, Any]) -> int:
        digits, at = _digits(text, at, length, length)
        found["microsecond"] = int(f"{digits:0{length}d}".ljust(6, "0")[:6])
        return at

    return read, lambda moment: f"{moment.microsecond:06d}".ljust(length, "0")[:length]


def _offset(colon: str, *, minutes: bool = True) -> tuple[_Read, _Write]:
    def read(text: str, at: int, found: dict[str, Any]) -> int:
        if text[at : at + 1] == "Z":
            found["offset"] = timedelta(0)
            return at + 1
        sign = {"+": 1, "-": -1}.get(text[at : at + 1])
        if sign is None:
            raise Unreadable
        hours, at = _digits(text, at + 1, 2, 2)
        at += text[at : at + 1] == ":"
        rest = 0
        if minutes or text[at : at + 1].isdigit():
            rest, at = _digits(text, at, 2, 2)
        found["offset"] = sign * timedelta(hours=hours, minutes=rest)
        return at

    return read, lambda moment: offset_text(moment, colon, minutes=minutes)


def offset_text(moment: datetime, colon: str, *, minutes: bool = True) -> str:
    """`+01:00`, with `colon` between hours and minutes."""
    total = round((moment.utcoffset() or timedelta(0)).total_seconds() / 60)
    hours, rest = divmod(abs(total), 60)
    sign = "-" if total < 0 else "+"
    return f"{sign}{hours:02d}{colon}{rest:02d}" if minutes or rest else f"{sign}{hours:02d}"


def _moment(found: dict[str, Any], zone: Any) -> datetime:
    if "century_year" in found:
        short = found["century_year"]
        found["year"] = short + (1900 if short >= _CENTURY_TURN else 2000)
    if "month_index" in found:
        found["month"] = found["month_index"] + 1
    hour = found.get("hour", 0)
    if "half_hour" in found:
        if not 1 <= found["half_hour"] <= _HALF_DAY:
            raise Unreadable
        hour = found["half_hour"] % _HALF_DAY + _HALF_DAY * found.get("half", 0)
    try:
        return datetime(
            found["year"],
            found.get("month", 1),
            found.get("day", 1),
            hour,
            found.get("minute", 0),
            found.get("second", 0),
            found.get("microsecond", 0),
            tzinfo=timezone(found["offset"]) if "offset" in found else zone,
        )
    except (ValueError, KeyError):
        raise Unreadable from None


_PARTS: Final[dict[str, tuple[_Read, _Write]]] = {
    "yyyy": _number("year", 4, 4, lambda moment: moment.year),
    "yy": _number("century_year", 2, 2, lambda moment: moment.year % 100),
    "MMMM": _name("month_index", MONTHS, lambda moment: moment.month - 1),
    "MMM": _name(
        "month_index", tuple(name[:3] for name in MONTHS), lambda moment: moment.month - 1
    ),
    "MM": _number("month", 2, 2, lambda moment: moment.month),
    "M": _number("month", 1, 2, lambda moment: moment.month),
    "dd": _number("day", 2, 2, lambda moment: moment.day),
    "d": _number("day", 1, 2, lambda moment: moment.day),
    "EEEE": _name("weekday", DAYS, datetime.weekday),
    "EEE": _name("weekday", tuple(name[:3] for name in DAYS), datetime.weekday),
    "HH": _number("hour", 2, 2, lambda moment: moment.hour),
    "H": _number("hour", 1, 2, lambda moment: moment.hour),
    "hh": _number("half_hour", 2, 2, lambda moment: moment.hour % _HALF_DAY or _HALF_DAY),
    "h": _number("half_hour", 1, 2, lambda moment: moment.hour % _HALF_DAY or _HALF_DAY),
    "a": _name("half", ("AM", "PM"), lambda moment: moment.hour // _HALF_DAY),
    "mm": _number("minute", 2, 2, lambda moment: moment.minute),
    "m": _number("minute", 1, 2, lambda moment: moment.minute),
    "ss": _number("second", 2, 2, lambda moment: moment.second),
    "s": _number("second", 1, 2, lambda moment: moment.second),
    "Z": _offset(""),
    "ZZ": _offset(":"),
    "XXX": _offset(":"),
    "X": _offset("", minutes=False),
}
