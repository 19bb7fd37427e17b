"""All of Liquid's filters there are: those for text, and for numbers, lists and dates.

No filter knows the time, chance or the machine, and none makes more than is bounded.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache, wraps
from typing import Any, Final

from daemon.mapping.directives.dates import iso, seconds, zone_of
from daemon.mapping.directives.javascript import is_falsy, text_of
from daemon.mapping.directives.liquid_text import TEXT_FILTERS
from daemon.mapping.directives.liquid_values import (
    NoClock,
    checked,
    counted,
    joined,
    member,
    number,
    printed,
    settled,
    whole,
)
from daemon.mapping.directives.patterns import Unreadable
from daemon.mapping.directives.strftime import strftime
from daemon.mapping.paths import MISSING

DISABLED: Final = frozenset(
    {
        "array_to_sentence_string",
        "concat",
        "find",
        "find_exp",
        "find_index",
        "find_index_exp",
        "group_by",
        "group_by_exp",
        "has",
        "has_exp",
        "map",
        "newline_to_br",
        "reject",
        "reject_exp",
        "reverse",
        "sort",
        "sort_natural",
        "uniq",
        "where_exp",
        "type",
    }
)
"""Filters that Segment turns off (segment.md §11.3)."""
_DEFAULT_FORM: Final = "%A, %B %-e, %Y at %-l:%M %P %z"
_MOST_PLACES: Final = 20
_NOW: Final = ("now", "today")


def plus(value: Any, other: Any) -> Any:
    return counted(number(value) + number(other))


def minus(value: Any, other: Any) -> Any:
    return counted(number(value) - number(other))


def times(value: Any, other: Any) -> Any:
    return counted(number(value) * number(other))


def divided_by(value: Any, other: Any, whole_numbers: Any = None) -> Any:
    left, right = number(value), number(other)
    if right == 0:
        return math.copysign(math.inf, left) if left and left == left else math.nan  # noqa: PLR0124
    return math.floor(left / right) if whole_numbers is True else left / right


def modulo(value: Any, other: Any) -> Any:
    right = number(other)
    return number(value) % right if right else math.nan


def round_(value: Any, places: Any = None) -> Any:
    """Half away from zero, as the number reads in decimal."""
    found = number(value)
    if not math.isfinite(found):
        return found
    count = max(-_MOST_PLACES, min(_MOST_PLACES, whole(places)))
    try:
        unit = Decimal(1).scaleb(-count)
        return counted(float(Decimal(repr(found)).quantize(unit, rounding=ROUND_HALF_UP)))
    except InvalidOperation:
        return found


def _rounded(round_it: Callable[[float], int]) -> Callable[..., Any]:
    def apply(value: Any) -> Any:
        found = number(value)
        return counted(round_it(found)) if math.isfinite(found) else found

    return apply


def default(value: Any, other: Any = "", *, allow_false: Any = False) -> Any:
    if value is False and allow_false is True:
        return value
    return other if value in (None, False, "", []) and not _is_number(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def items_of(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def join(value: Any, separator: Any = " ") -> str:
    by = " " if separator is None else printed(separator)
    return joined([text_of(item) for item in items_of(value)], by)


def first(value: Any) -> Any:
    return value[0] if isinstance(value, list | str) and value else None


def last(value: Any) -> Any:
    return value[-1] if isinstance(value, list | str) and value else None


def compact(value: Any) -> list[Any]:
    return [item for item in items_of(value) if item is not None]


def sum_(value: Any, key: Any = None) -> Any:
    items = [item if key is None else member(item, key) for item in items_of(value)]
    return counted(sum(number(None if item is MISSING else item) for item in items))


def where(value: Any, key: Any, wanted: Any = None) -> list[Any]:
    def chosen(item: Any) -> bool:
        found = member(item, key)
        if wanted is None:
            return found is not MISSING and found is not None and found is not False
        return type(found) is type(wanted) and bool(found == wanted)

    return [item for item in items_of(value) if chosen(item)]


def date(value: Any, form: Any = None, zone: Any = None) -> Any:
    """A date in a form; what is no date stays as it is. Raises NoClock for the present."""
    if value in _NOW:
        raise NoClock
    if value is None:
        return ""
    try:
        moment = _moment(value).astimezone(_zone(zone))
    except (Unreadable, OverflowError):
        return value
    return strftime(moment, _DEFAULT_FORM if is_falsy(form) else printed(form))


def _moment(value: Any) -> datetime:
    if isinstance(value, str) and not value.isdecimal():
        return iso(value, UTC)
    return seconds(value, UTC)


@lru_cache(maxsize=64)
def _zone(name: Any) -> tzinfo:
    """A zone by name, or by minutes west of UTC as JavaScript counts them."""
    if name is None:
        return UTC
    return zone_of(name) if isinstance(name, str) else timezone(-timedelta(minutes=whole(name)))


_OTHER_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "abs": lambda value: abs(number(value)),
    "at_least": lambda value, other: max(number(value), number(other)),
    "at_most": lambda value, other: min(number(value), number(other)),
    "ceil": _rounded(math.ceil),
    "compact": compact,
    "date": date,
    "default": default,
    "divided_by": divided_by,
    "first": first,
    "floor": _rounded(math.floor),
    "join": join,
    "last": last,
    "minus": minus,
    "modulo": modulo,
    "plus": plus,
    "pop": lambda value: items_of(value)[:-1],
    "push": lambda value, item: [*items_of(value), item],
    "round": round_,
    "shift": lambda value: items_of(value)[1:],
    "sum": sum_,
    "times": times,
    "unshift": lambda value, item: [item, *items_of(value)],
    "where": where,
}


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def apply(*values: Any, **named: Any) -> Any:
        options = {name: settled(value) for name, value in named.items()}
        return checked(function(*map(settled, values), **options))

    return apply


FILTERS: Final = {
    name: _guarded(function) for name, function in {**TEXT_FILTERS, **_OTHER_FILTERS}.items()
}
