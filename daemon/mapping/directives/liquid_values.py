"""Values as Liquid's filters and output see them, in JavaScript's manner (segment.md §11.3)."""

import math
import re
from typing import Any, Final

from liquid.builtin.expressions.primitive import Blank, Empty

from daemon.mapping.directives.bounds import EXACT, TEXT_LENGTH
from daemon.mapping.directives.javascript import BLANKS, check_depth, text_of, unit, units
from daemon.mapping.directives.lookup import index_of
from daemon.mapping.directives.templates import TooLong
from daemon.mapping.paths import MISSING

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER: Final = 40


class NoClock(Exception):
    """A template asks for the present time, which a mapping doesn't know."""


def settled(value: Any) -> Any:
    """A value without Liquid's own kinds: undefined is null, `empty` is '', a range a list."""
    if isinstance(value, str | int | float | dict | list) or value is None:
        return value
    if isinstance(value, Empty | Blank):
        return ""
    if isinstance(value, range):
        if value and value[-1] - value[0] >= TEXT_LENGTH:
            raise TooLong
        return list(value)
    return None


def checked(value: Any) -> Any:
    """A value a filter made; raises TooLong where it is over the bound."""
    if isinstance(value, str | list) and len(value) > TEXT_LENGTH:
        raise TooLong
    return value


def printed(value: Any) -> str:
    """A value as it is put out: null is empty, the items of a list follow one another."""
    value = settled(value)
    if not isinstance(value, list):
        return text_of(value)
    check_depth(value)
    return joined([printed(item) for item in value], "")


def joined(texts: list[str], separator: str) -> str:
    """Texts with a separator between; raises TooLong before it makes what is over the bound."""
    if sum(map(len, texts)) + len(separator) * max(0, len(texts) - 1) > TEXT_LENGTH:
        raise TooLong
    return separator.join(texts)


def number(value: Any) -> Any:
    """A value as a number; 0 where it is none. Whole numbers beyond 2^53 become floats."""
    if isinstance(value, str):
        text = value.strip(BLANKS)
        if len(text) > _LONGEST_NUMBER or _NUMBER.fullmatch(text) is None:
            return 0
        return counted(int(text) if text.lstrip("+-").isdigit() else float(text))
    return counted(value) if isinstance(value, int | float) else 0


def counted(value: Any) -> Any:
    """A number as JavaScript would hold it."""
    if isinstance(value, float) or -EXACT <= value <= EXACT:
        return int(value) if isinstance(value, bool) else value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def whole(value: Any, otherwise: int = 0) -> int:
    """A filter's argument that counts something."""
    if value is None:
        return otherwise
    found = number(value)
    return int(found) if math.isfinite(found) else otherwise


def member(value: Any, key: Any) -> Any:
    """What `value.key` or `value[key]` is; MISSING where there is nothing."""
    name = text_of(settled(key))
    if isinstance(value, dict):
        return value.get(name, len(value) if name == "size" else MISSING)
    if isinstance(value, list):
        return _item(value, name)
    if isinstance(value, str):
        place = index_of(name)
        size = units(value) if name in ("size", "length") else MISSING
        return size if place is None else unit(value, place)
    return MISSING


def _item(values: list[Any], name: str) -> Any:
    if name in ("size", "length"):
        return len(values)
    named = {"first": 0, "last": -1}.get(name)
    place = index_of(name.removeprefix("-")) if named is None else named
    if place is None:
        return MISSING
    place = -place if name.startswith("-") else place
    return values[place] if -len(values) <= place < len(values) else MISSING
