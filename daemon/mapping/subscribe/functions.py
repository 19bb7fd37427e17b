"""The functions of FQL: what they take and give, and what they do (segment.md §12.1).

Segment documents their names, `length` in bytes or elements, and the answers for null. Beyond
that: a value of a kind a function doesn't take gives null, or false for `contains` and `match`;
the README says what `titlecase`, `bool`, `string` and `number` do, which Segment leaves open.
"""

import re
from collections.abc import Callable
from math import isfinite
from typing import Any, Final

import msgspec

from daemon.mapping.subscribe.syntax import ANY, BOOL, NULL, NUMBER, TEXT, Kinds

PATTERN: Final[Kinds] = frozenset({"pattern"})

TYPE_NAMES: Final[dict[type, str]] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "bool",
    type(None): "null",
    list: "list",
    dict: "object",
}
_NUMERAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[A-Z]+(?![^\W\d_A-Z])|[A-Z]?[^\W\d_A-Z]+|\d+")
_UNSPACED = re.compile(r"\S+")
_EXACT_DIGITS = 18
_LARGEST_PLAIN = 1e21


class Function(msgspec.Struct, frozen=True):
    """`takes` has the kinds of each argument, PATTERN for a glob; `apply` takes the values.

    In place of a pattern `apply` takes the function that says whether a text fits. A function
    that `settles` gives its own result again, so what it never gives is known beforehand.
    """

    signature: str
    takes: tuple[Kinds, ...]
    gives: Kinds
    apply: Callable[..., Any]
    settles: bool = False


def contains(text: Any, part: Any) -> bool:
    return type(text) is str and type(part) is str and part in text


def match(text: Any, fits: Callable[[str], bool]) -> bool:
    return type(text) is str and fits(text)


def length(value: Any) -> int | None:
    """Bytes of text, elements of a list, 0 for null."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, list):
        return len(value)
    return 0 if value is None else None


def typeof(value: Any) -> str | None:
    return TYPE_NAMES.get(type(value))


def lowercase(value: Any) -> str | None:
    return value.lower() if isinstance(value, str) else None


def uppercase(value: Any) -> str | None:
    return value.upper() if isinstance(value, str) else None


def snakecase(value: Any) -> str | None:
    return "_".join(_words(value)) if isinstance(value, str) else None


def kebabcase(value: Any) -> str | None:
    return "-".join(_words(value)) if isinstance(value, str) else None


def titlecase(value: Any) -> str | None:
    """Each word between blanks with a capital first letter, the rest small."""
    if not isinstance(value, str):
        return None
    return _UNSPACED.sub(lambda word: word[0][0].upper() + word[0][1:].lower(), value)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def to_bool(value: Any) -> bool | None:
    """A number is true unless 0, text if it says `true`; other text and null give null."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value)
    return bool(value) if isinstance(value, bool | int | float) else None


def to_number(value: Any) -> int | float | None:
    """The number that text spells in JSON; true is 1, false 0."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    found = _NUMERAL.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    if found[1] is None and found[2] is None and len(value) <= _EXACT_DIGITS:
        return int(value)
    number = float(value)
    return number if isfinite(number) else None


def to_string(value: Any) -> str | None:
    """Text itself; a number or boolean as JSON has it, whole numbers without a point."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | float):
        return None
    if abs(value) < _LARGEST_PLAIN and value == int(value):
        return str(int(value))
    try:
        return repr(float(value))
    except OverflowError:
        return None


def _one(apply: Callable[[Any], Any], takes: Kinds, gives: Kinds, name: str = "") -> Function:
    named = name or apply.__name__
    return Function(f"{named}(value)", (takes,), gives, apply)


def _case(apply: Callable[[Any], str | None]) -> Function:
    return Function(f"{apply.__name__}(text)", (TEXT,), TEXT | NULL, apply, settles=True)


_PLAIN: Final[Kinds] = frozenset({"string", "number", "bool"})

FUNCTIONS: Final[dict[str, Function]] = {
    "contains": Function("contains(text, part)", (TEXT, TEXT), BOOL, contains),
    "match": Function("match(text, pattern)", (TEXT, PATTERN), BOOL, match),
    "length": _one(length, frozenset({"string", "list"}), NUMBER | NULL),
    "lowercase": _case(lowercase),
    "uppercase": _case(uppercase),
    "snakecase": _case(snakecase),
    "kebabcase": _case(kebabcase),
    "titlecase": _case(titlecase),
    "typeof": _one(typeof, ANY, TEXT),
    "bool": _one(to_bool, _PLAIN, BOOL | NULL, "bool"),
    "string": _one(to_string, _PLAIN, TEXT | NULL, "string"),
    "number": _one(to_number, _PLAIN, NUMBER | NULL, "number"),
}
