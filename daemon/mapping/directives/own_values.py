"""Our own directives for single values: dates, numbers, truth, text, tables, hashes.

`@date @number @boolean @string @lookup @hash`
"""

import hashlib
import re
from datetime import UTC
from typing import Any, Final

from daemon.mapping.directives import dates
from daemon.mapping.directives.converting import Options, converted
from daemon.mapping.directives.javascript import BLANKS, text_of
from daemon.mapping.directives.nodes import At, Node, described
from daemon.mapping.directives.patterns import PatternWrong, Unreadable
from daemon.mapping.directives.reader import Reader
from daemon.mapping.paths import MISSING

_MOST_FORMS: Final = 20
_LONGEST_NUMBER: Final = 40
_NUMBER = re.compile(r"[+-]?(\d+)(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "yes", "on", "y", "t", "1"), True),
    **dict.fromkeys(("false", "no", "off", "n", "f", "0"), False),
}


def date(reader: Reader, argument: Any, options: Options, at: At) -> Node:
    zone = _zone(reader, options, at)
    forms = _forms(reader, options.get("from"), at.under("from"))
    write = _output(reader, options.get("to", dates.ITERABLE_FORM), at.under("to"))
    convert = dates.converter(dates.any_of(forms), zone, write)
    return converted(reader, "@date", argument, options, at, convert, "a date")


def _zone(reader: Reader, options: Options, at: At) -> Any:
    name = options.get("zone", "UTC")
    try:
        return dates.zone_of(name if isinstance(name, str) else "")
    except dates.ZoneUnknown:
        reader.wrong(at.under("zone"), "must be a time zone such as Europe/Berlin or UTC")
        return UTC


def _forms(reader: Reader, given: Any, at: At) -> list[dates.Reading]:
    forms = given if isinstance(given, list) else [given]
    if not forms or len(forms) > _MOST_FORMS:
        reader.wrong(at, f"must be 1 to {_MOST_FORMS} forms")
        return []
    found = []
    for form in forms:
        if form is not None and not isinstance(form, str):
            reader.wrong(at, f"must be a form or a list of forms, not {described(form)}")
            continue
        try:
            found.append(dates.reading(form))
        except PatternWrong as wrong:
            reader.wrong(at, f"must be a date form: {wrong}")
    return found


def _output(reader: Reader, form: Any, at: At) -> dates.Writing:
    try:
        if isinstance(form, str):
            return dates.writing(form)
        reader.wrong(at, f"must be a date form, not {described(form)}")
    except PatternWrong as wrong:
        reader.wrong(at, f"must be a date form: {wrong}")
    return str


def number(reader: Reader, argument: Any, options: Options, at: At) -> Node:
    return converted(reader, "@number", argument, options, at, _number, "a number")


def _number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = value.strip(BLANKS) if isinstance(value, str) else ""
    found = _NUMBER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if found is None:
        raise Unreadable
    whole = float(text) if found[2] or found[3] else int(text)
    if whole in (float("inf"), float("-inf")):
        raise Unreadable
    return whole


def boolean(reader: Reader, argument: Any, options: Options, at: At) -> Node:
    return converted(reader, "@boolean", argument, options, at, _boolean, "true or false")


def _boolean(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return value == 1
    text = value.strip(BLANKS).lower() if isinstance(value, str) else ""
    if text not in _BOOLEANS:
        raise Unreadable
    return _BOOLEANS[text]


def string(reader: Reader, argument: Any, options: Options, at: At) -> Node:
    return converted(reader, "@string", argument, options, at, _string, "text")


def _string(value: Any) -> str:
    if isinstance(value, dict | list):
        raise Unreadable
    return text_of(value)


def hash_(reader: Reader, argument: Any, options: Options, at: At) -> Node:
    trim, lower = (_flag(reader, options, key, at) for key in ("trim", "lower"))

    def convert(value: Any) -> str:
        text = _string(value)
        text = text.strip(BLANKS) if trim else text
        text = text.lower() if lower else text
        if not text:
            raise Unreadable
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

    return converted(reader, "@hash", argument, options, at, convert, "text to hash")


def _flag(reader: Reader, options: Options, key: str, at: At) -> bool:
    given = options.get(key, False)
    if not isinstance(given, bool):
        reader.wrong(at.under(key), f"must be true or false, not {described(given)}")
    return given is True


def lookup(reader: Reader, argument: Any, options: Options, at: At) -> Node:
    table = options.get("table")
    if not isinstance(table, dict) or not table:
        return reader.wrong(at.under("table"), "must be an object with a value for each text")
    nodes = {
        text_of(key): reader.value(value, at.under("table").under(text_of(key)))
        for key, value in table.items()
    }
    if any(not node.constant for node in nodes.values()):
        return reader.wrong(at.under("table"), "must hold fixed values only")
    values = {key: node.run({}) for key, node in nodes.items()}

    def convert(value: Any) -> Any:
        found = values.get(_string(value), MISSING)
        if found is MISSING:
            raise Unreadable
        return found

    return converted(reader, "@lookup", argument, options, at, convert, "in the table")
