"""Values as JavaScript sees them, where Segment's language lets that be seen.

Text of numbers, lists and objects, what is falsy or loosely equal to empty text, and lengths in
UTF-16 units (segment.md §11.2, §11.3). A whole number stays exact, however large.
"""

import math
from collections.abc import Sequence
from json.encoder import encode_basestring as _quoted
from typing import Any

from daemon.mapping.directives.bounds import VALUE_DEPTH
from daemon.mapping.paths import MISSING

BLANKS = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""What JavaScript trims; Python's own `strip` takes a few more and leaves U+FEFF."""
HALF = "\ufffd"
"""Stands for one half of a character beyond U+FFFF, which is no text by itself."""
_PLAIN_FLOATS = (1e-4, 1e15)
_LAST_PLAIN_EXPONENT = 21
_FIRST_PLAIN_EXPONENT = -6
_MOST_BITS = 4_096
"""A whole number with more is infinite in JavaScript, and slow to write here."""
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    ((int, float), "a number"),
    (list, "a list"),
    (dict, "an object"),
)


class TooDeep(Exception):
    """A value is nested deeper than anything that walks into it goes."""


def kind(value: Any) -> str:
    """What a JSON value is, for messages: "a number", "missing"."""
    if value is None:
        return "null"
    if value is MISSING:
        return "missing"
    return next((name for types, name in _KINDS if isinstance(value, types)), "no JSON value")


def is_falsy(value: Any) -> bool:
    if isinstance(value, dict | list):
        return False
    return value is MISSING or not value or value != value  # noqa: PLR0124 - NaN


def is_blank(value: Any) -> bool:
    """Whether a value is null, missing or loosely equal to empty text, as 0, false and [] are."""
    if not isinstance(value, list):
        return value is None or value is MISSING or (not isinstance(value, dict) and not value)
    while isinstance(value, list):
        if len(value) != 1:
            return not value
        value = value[0]
    return value is None or value is MISSING or value == ""


def text_of(value: Any) -> str:
    """A value as it reads in a template; null and what is missing are empty. Raises TooDeep."""
    if type(value) is str:
        return value
    return _text_of(value, 0)


def _text_of(value: Any, depth: int) -> str:
    if value is None or value is MISSING:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list):
        _enter(depth)
        return ",".join([_text_of(item, depth + 1) for item in value])
    return "[object Object]"


def number_text(number: float) -> str:
    """A number as JavaScript prints it: 1.0 is "1", 1e21 is "1e+21"."""
    if isinstance(number, int):
        return str(number) if number.bit_length() <= _MOST_BITS else _infinity(number)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return _infinity(number)
    if number == 0:
        return "0"
    low, high = _PLAIN_FLOATS
    if low <= abs(number) < high:
        return str(int(number)) if number.is_integer() else repr(number)
    sign = "-" if number < 0 else ""
    return sign + _positional(*_digits(abs(number)))


def _infinity(number: float) -> str:
    return "Infinity" if number > 0 else "-Infinity"


def _digits(number: float) -> tuple[str, int]:
    """The shortest digits that give this number back, and where the point stands after them."""
    mantissa, _, exponent = repr(number).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).rstrip("0") if fraction != "0" else whole
    point = len(whole) + int(exponent or 0)
    leading = len(digits) - len(digits.lstrip("0"))
    return digits.strip("0"), point - leading


def _positional(digits: str, point: int) -> str:
    if len(digits) <= point <= _LAST_PLAIN_EXPONENT:
        return digits.ljust(point, "0")
    if 0 < point <= _LAST_PLAIN_EXPONENT:
        return f"{digits[:point]}.{digits[point:]}"
    if _FIRST_PLAIN_EXPONENT < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"


def json_text(value: Any) -> str:
    """A value as JSON without blanks, keys in the order they came. Raises TooDeep."""
    parts: list[str] = []
    _write_json(value, parts, 0)
    return "".join(parts)


def _write_json(value: Any, parts: list[str], depth: int) -> None:
    if isinstance(value, str):
        parts.append(_json_string(value))
    elif isinstance(value, dict):
        _enter(depth)
        _write_object(value, parts, depth)
    elif isinstance(value, list):
        _enter(depth)
        parts.append("[")
        for index, item in enumerate(value):
            if index:
                parts.append(",")
            _write_json(item, parts, depth + 1)
        parts.append("]")
    elif value is True or value is False:
        parts.append("true" if value else "false")
    else:
        parts.append(_json_number(value))


def _json_number(value: Any) -> str:
    """A number in JSON; null for what is none, as for a number JSON doesn't have."""
    text = number_text(value) if isinstance(value, int | float) else "null"
    return text if text[-1:].isdigit() else "null"


def _write_object(value: dict[str, Any], parts: list[str], depth: int) -> None:
    opening = "{"
    for key, item in value.items():
        if item is MISSING:
            continue
        parts.append(f"{opening}{_json_string(key)}:")
        _write_json(item, parts, depth + 1)
        opening = ","
    parts.append("}" if opening == "," else "{}")


def _json_string(text: str) -> str:
    quoted = _quoted(text)
    if quoted.isascii() or quoted.isprintable():
        return quoted
    return quoted.encode("utf-8", "backslashreplace").decode()


def units(text: str) -> int:
    """The length of a text in UTF-16 units."""
    if text.isascii():
        return len(text)
    return len(text) + sum(character > "\uffff" for character in text)


def unit(text: str, index: int) -> Any:
    """The UTF-16 unit at `index`; HALF for half a character, MISSING beyond the end."""
    if text.isascii():
        return text[index] if index < len(text) else MISSING
    coded = text[: index + 1].encode("utf-16-le", "surrogatepass")[2 * index : 2 * index + 2]
    return coded.decode("utf-16-le", "replace") if coded else MISSING


def each_unit(text: str) -> Sequence[str]:
    """A text spread into its UTF-16 units, HALF for each half of a character."""
    if text.isascii():
        return text
    return [one for character in text for one in (HALF * 2 if character > "\uffff" else character)]


def _enter(depth: int) -> None:
    if depth >= VALUE_DEPTH:
        raise TooDeep


def check_depth(value: Any, depth: int = 0) -> None:
    """Raises TooDeep where a value is nested deeper than anything goes."""
    if isinstance(value, dict | list):
        _enter(depth)
        for item in value.values() if isinstance(value, dict) else value:
            check_depth(item, depth + 1)
