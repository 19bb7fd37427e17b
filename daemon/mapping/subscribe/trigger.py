"""Segment's trigger dialect, `segment-trigger`: decides exactly as Segment does (segment.md §12.2).

It shares its looks with FQL and little else: there is no precedence, `==`, `in` and single quotes
never match, `match` knows beginnings and endings only. It is here so that a customer's triggers
can be tried as they are and turned into the full language (`converting`).

A trigger is plain data, as Segment's own parser gives it:

    {"type": "group", "operator": "and", "children": [
        {"type": "event-property", "name": "price", "operator": ">=", "value": 100}]}

or `{"error": ...}`, which matches nothing. JavaScript's own members (`constructor`, ...), which
Segment's paths reach, are nothing here.
"""

import operator
import re
from collections.abc import Callable
from math import inf, nan
from typing import Any, Final, TypeAlias

from daemon.mapping.subscribe.functions import to_string
from daemon.mapping.subscribe.trigger_reading import read_trigger

Trigger: TypeAlias = dict[str, Any]

_FIELDS = {"event-type": "type", "event": "event", "name": "name", "userId": "userId"}
_OBJECTS = {"event-property": "properties", "event-trait": "traits", "event-context": "context"}
_SPLIT = re.compile(r"""\[(?=["'\d])|\.|(?<=["'\d])\]""", re.ASCII)
_NUMERAL = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_INDEX = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)
MISSING: Final = object()

ORDERS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "number_equals": operator.eq,
    "number_not_equals": operator.ne,
}
TEXT_TESTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "contains": operator.contains,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}


def parse_trigger(text: str) -> Trigger:
    """A trigger string as data; a string Segment refuses as `{"error": ...}`. Never raises."""
    return read_trigger(text).ast


def decides(trigger: Trigger, event: Any) -> bool:
    """Whether a trigger matches Segment's JSON message; what is no object matches nothing."""
    return isinstance(event, dict) and "error" not in trigger and _holds(trigger, event)


def steps(path: str) -> list[str]:
    """The names of a path, cut as Segment cuts it (segment.md §11.2)."""
    return [piece.strip("\"'") for piece in _SPLIT.split(path) if piece]


def number_of(value: Any) -> float:
    """A number as JavaScript makes one of a value, NaN where it can't."""
    if isinstance(value, str):
        text = value.strip()
        return float(text or 0) if not text or _NUMERAL.fullmatch(text) else nan
    try:
        return float(value or 0)
    except OverflowError:
        return inf if value > 0 else -inf


def _holds(node: Trigger, event: dict[str, Any]) -> bool:
    if node.get("type") != "group":
        return _leaf(node, event)
    answers = (_holds(child, event) for child in node["children"])
    return all(answers) if node["operator"] == "and" else any(answers)


def _leaf(leaf: Trigger, event: dict[str, Any]) -> bool:
    kind = leaf.get("type")
    if kind in _OBJECTS:
        return judge(leaf, _get(event.get(_OBJECTS[kind]), steps(leaf.get("name", ""))))
    return kind in _FIELDS and judge(leaf, event.get(_FIELDS[kind], MISSING))


def judge(leaf: Trigger, found: Any) -> bool:
    """What a leaf says of the value it reads, MISSING for none."""
    sign, wanted = leaf["operator"], leaf.get("value")
    match sign:
        case "=":
            return isinstance(found, str) and found == to_string(wanted)
        case "!=":
            return not (isinstance(found, str) and found == to_string(wanted))
        case "is_true" | "is_false":
            return found is (sign == "is_true")
        case "exists" | "not_exists":
            return (found is MISSING or found is None) is (sign == "not_exists")
    if sign in ORDERS:
        real = isinstance(found, int | float) and not isinstance(found, bool)
        return real and ORDERS[sign](number_of(found), number_of(wanted))
    test = TEXT_TESTS.get(sign.removeprefix("not_"))
    if test is None or not isinstance(found, str):
        return False
    return test(found, to_string(wanted) or "") is not sign.startswith("not_")


def _get(value: Any, names: list[str]) -> Any:
    """Follow names as JavaScript would; a false value on the way is the answer."""
    for name in names:
        if value is MISSING or value is None or value is False or value in ("", 0):
            return value
        value = _member(value, name)
    return value


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name, MISSING)
    if not isinstance(value, list | str):
        return MISSING
    if name == "length":
        return len(value) if isinstance(value, list) else _units(value)
    index = int(name) if _INDEX.fullmatch(name) else len(value)
    return value[index] if index < len(value) else MISSING


def _units(text: str) -> int:
    """JavaScript's length: UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
