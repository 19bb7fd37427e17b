"""Dates for Liquid's `date` filter, by the letters its original knows.

Letters: a A b B c C d e h H I j k l L m M N p P q s S u U w W x X y Y z Z t n %, each with one of
the flags `-` (no padding), `_` (blanks), `0` (zeros), `^` (capitals), `#` (other case), `:` (in
%z); N also with how many digits. What is no letter stays as it is.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from daemon.mapping.directives.patterns import DAYS, MONTHS, offset_text

_DIRECTIVE = re.compile(r"%([-_0^#:]*)(\d?)([a-zA-Z%])", re.ASCII)
_HALF_DAY: Final = 12
_TEENS: Final = range(11, 14)

_WRITERS: Final[dict[str, Callable[[datetime], str]]] = {
    "a": lambda moment: DAYS[moment.weekday()][:3],
    "A": lambda moment: DAYS[moment.weekday()],
    "b": lambda moment: MONTHS[moment.month - 1][:3],
    "h": lambda moment: MONTHS[moment.month - 1][:3],
    "B": lambda moment: MONTHS[moment.month - 1],
    "C": lambda moment: str(moment.year // 100),
    "d": lambda moment: str(moment.day),
    "e": lambda moment: str(moment.day),
    "H": lambda moment: str(moment.hour),
    "I": lambda moment: str(moment.hour % _HALF_DAY or _HALF_DAY),
    "j": lambda moment: str(moment.timetuple().tm_yday),
    "k": lambda moment: str(moment.hour),
    "l": lambda moment: str(moment.hour % _HALF_DAY or _HALF_DAY),
    "L": lambda moment: f"{moment.microsecond // 1000:03d}",
    "m": lambda moment: str(moment.month),
    "M": lambda moment: str(moment.minute),
    "N": lambda moment: f"{moment.microsecond:06d}000",
    "p": lambda moment: "PM" if moment.hour >= _HALF_DAY else "AM",
    "P": lambda moment: "pm" if moment.hour >= _HALF_DAY else "am",
    "q": lambda moment: _ordinal(moment.day),
    "s": lambda moment: str(int(moment.timestamp())),
    "S": lambda moment: str(moment.second),
    "u": lambda moment: str(moment.isoweekday()),
    "U": lambda moment: moment.strftime("%U"),
    "w": lambda moment: str(moment.isoweekday() % 7),
    "W": lambda moment: moment.strftime("%W"),
    "y": lambda moment: f"{moment.year % 100:02d}",
    "Y": lambda moment: str(moment.year),
    "Z": lambda moment: moment.tzname() or "",
    "t": lambda _: "\t",
    "n": lambda _: "\n",
    "%": lambda _: "%",
}
_WIDTHS: Final = {**dict.fromkeys("dHImMSUWekl", 2), "j": 3}
_BLANK_PADDED: Final = "ekl"
_COMPOUND: Final = {
    "c": "%-m/%-d/%Y, %-l:%M:%S %p",
    "x": "%-m/%-d/%Y",
    "X": "%-l:%M:%S %p",
}
"""What depends on the locale in the original, in the locale it has by default."""


def strftime(moment: datetime, form: str) -> str:
    """A date with its zone, written in a form."""

    def write(found: re.Match[str]) -> str:
        flags, digits, letter = found.groups()
        if letter in _COMPOUND:
            return _DIRECTIVE.sub(write, _COMPOUND[letter])
        if letter == "z":
            return offset_text(moment, ":" if ":" in flags else "")
        if letter == "N" and digits:
            return f"{moment.microsecond:06d}000"[: int(digits)]
        writer = _WRITERS.get(letter)
        return found[0] if writer is None else _flagged(writer(moment), letter, flags)

    return _DIRECTIVE.sub(write, form)


def _flagged(text: str, letter: str, flags: str) -> str:
    if "^" in flags:
        text = text.upper()
    elif "#" in flags:
        text = text.lower() if text.isupper() else text.upper()
    blanks = "_" in flags or (letter in _BLANK_PADDED and "0" not in flags)
    width = 0 if "-" in flags else _WIDTHS.get(letter, 0)
    return text.rjust(width, " " if blanks else "0")


def _ordinal(day: int) -> str:
    if day in _TEENS:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
