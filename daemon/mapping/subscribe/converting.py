"""Turns a trigger of Segment's into the full language, and warns where the two part.

The text that comes out decides as Segment does, also where Segment reads something else than is
written: nothing is to start matching because it was imported. What is evidently meant is offered
besides. Warnings are of three kinds (`trigger_notes`): what is written says something else, how
Segment reads it is not on record, or unusual data would be decided otherwise.
"""

from math import isfinite
from typing import Any, Final

import msgspec

from daemon.domain.messages import SEGMENT_TYPES
from daemon.mapping.subscribe.errors import shown
from daemon.mapping.subscribe.functions import FUNCTIONS, to_string
from daemon.mapping.subscribe.globs import literal
from daemon.mapping.subscribe.intention import intended
from daemon.mapping.subscribe.language import parse
from daemon.mapping.subscribe.roots import ROOTS
from daemon.mapping.subscribe.syntax import (
    BOOL,
    NUMBER,
    Call,
    Comparison,
    Conjunction,
    Constant,
    Disjunction,
    Negation,
    Node,
    Path,
    Pattern,
    kinds_of,
)
from daemon.mapping.subscribe.trigger import MISSING, ORDERS, Trigger, judge, number_of, steps
from daemon.mapping.subscribe.trigger_notes import Note, Notes
from daemon.mapping.subscribe.trigger_reading import FIELDS, Reading, read_trigger
from daemon.mapping.subscribe.writing import write, write_path

ALWAYS: Final = Constant(True)  # noqa: FBT003
NEVER: Final = Constant(False)  # noqa: FBT003

_ROOTS = {FIELDS[root.name]: root for root in ROOTS if root.name in FIELDS}
_EXACT = 2**53
_SIGNS = {"number_equals": "=", "number_not_equals": "!="}
_JAVASCRIPTS_OWN = frozenset(
    {
        "__defineGetter__",
        "__defineSetter__",
        "__lookupGetter__",
        "__lookupSetter__",
        "__proto__",
        "constructor",
        "hasOwnProperty",
        "isPrototypeOf",
        "propertyIsEnumerable",
        "toLocaleString",
        "toString",
        "valueOf",
    }
)


class Converted(msgspec.Struct, frozen=True):
    """`text` in the full language; `intended` what the trigger evidently means, if that differs."""

    text: str
    intended: str | None
    warnings: tuple[Note, ...]


def convert(text: str) -> Converted:
    """A trigger in the full language.

    Raises SubscribeError where the full language's bounds are too narrow for it.
    """
    condition, notes = condition_of(read_trigger(text))
    converted = write(condition)
    parse(converted)
    meant = None
    if any(note.kind == "written" for note in notes):
        meant = intended(text)
    return Converted(converted, None if meant == converted else meant, notes)


def condition_of(reading: Reading) -> tuple[Node, tuple[Note, ...]]:
    """The condition a trigger comes to, and all notes on it."""
    notes = Notes(reading.notes)
    if "error" in reading.ast:
        error = reading.ast["error"]
        notes.written(error["character"] - 1, f"Segment refuses it: {error['message']}")
        return NEVER, notes.all()
    conversion = _Conversion(list(reading.places), notes)
    return conversion.node(reading.ast), notes.all()


class _Conversion:
    """Converts the leaves from left to right, their places with them."""

    def __init__(self, places: list[int], notes: Notes) -> None:
        self._places = places
        self._leaves = 0
        self._notes = notes

    def node(self, trigger: Trigger) -> Node:
        if trigger["type"] != "group":
            at = self._places[self._leaves]
            self._leaves += 1
            return self._leaf(trigger, at)
        below = [self.node(child) for child in trigger["children"]]
        if trigger["operator"] == "and":
            return _simplified(below, idle=ALWAYS, final=NEVER)
        return _simplified(below, idle=NEVER, final=ALWAYS)

    def _leaf(self, leaf: Trigger, at: int) -> Node:
        root = _ROOTS[leaf["type"]]
        path = root.path(tuple(steps(leaf["name"])) if "name" in leaf else ())
        if "name" in leaf and not path.names:
            self._notes.data(at, f"Segment reads all of {root.name} here")
            return NEVER
        self._check_javascript(leaf, path, at)
        operator = leaf["operator"]
        if operator in ("=", "!="):
            return self._equality(path, operator, str(to_string(leaf["value"])), at)
        if operator in ORDERS:
            return self._order(path, operator, number_of(leaf["value"]), at)
        if operator in ("exists", "not_exists"):
            return Comparison("!=" if operator == "exists" else "=", path, Constant(None))
        if operator in ("is_true", "is_false"):
            right = BOOL & kinds_of(path)
            return Comparison("=", path, Constant(operator == "is_true")) if right else NEVER
        return _text_test(path, operator, str(leaf.get("value")))

    def _equality(self, path: Path, sign: str, value: str, at: int) -> Node:
        if path.root != "type" or value in SEGMENT_TYPES:
            return Comparison(sign, path, Constant(value))
        self._notes.written(at, f"no message of Segment's has the type {shown(value)}")
        return NEVER if sign == "=" else ALWAYS

    def _order(self, path: Path, operator: str, value: float, at: int) -> Node:
        if not NUMBER & kinds_of(path):
            return NEVER
        if not isfinite(value):
            self._notes.written(at, "Segment compares with what is no number")
            return NEVER
        if abs(value) >= _EXACT:
            self._notes.data(at, "Segment rounds numbers as large as this one")
        constant = Constant(int(value) if value.is_integer() else value)
        comparison = Comparison(_SIGNS.get(operator, operator), path, constant)
        if operator != "number_not_equals":
            return comparison
        return Conjunction((_is_a("number", path), comparison))

    def _check_javascript(self, leaf: Trigger, path: Path, at: int) -> None:
        """Note where Segment's paths find what no path finds here (segment.md §11.2)."""
        *_, last = path.names or ("",)
        if any(name == "length" or name.isdecimal() for name in path.names[1:]):
            says = "of text Segment reads the length or single characters"
            self._notes.data(at, f"{says} where {shown(write_path(path))} says so")
        if last in _JAVASCRIPTS_OWN and "exists" in leaf["operator"]:
            self._notes.data(at, f"for Segment {shown(last)} exists in every object")
        if len(path.names) > 1 and any(
            judge(leaf, value) is not judge(leaf, MISSING) for value in ("", 0, False)
        ):
            above = shown(write_path(msgspec.structs.replace(path, names=path.names[:-1])))
            self._notes.data(at, f"Segment reads {above} itself where it is 0, false or empty text")


def _text_test(path: Path, operator: str, value: str) -> Node:
    """`contains` and its kin: they need text, also when negated."""
    kind = operator.removeprefix("not_")
    if kind == "contains":
        test = _call("contains", path, Constant(value))
    elif kind == "starts_with":
        test = _call("match", path, Pattern(_glob(value) + "*"))
    elif kind == "ends_with":
        test = _call("match", path, Pattern("*" + _glob(value)))
    else:
        return NEVER
    if kind == operator:
        return test
    return Conjunction((_is_a("string", path), Negation(test)))


def _glob(text: str) -> str:
    return literal(text).replace('"', '\\"')


def _is_a(kind: str, path: Path) -> Node:
    return Comparison("=", _call("typeof", path), Constant(kind))


def _call(function: str, *arguments: Any) -> Call:
    return Call(function, arguments, FUNCTIONS[function].gives)


def _simplified(conditions: list[Node], *, idle: Constant, final: Constant) -> Node:
    """A group without what changes nothing in it; `final` decides it alone."""
    joined = Conjunction if final == NEVER else Disjunction
    left: list[Node] = []
    for condition in conditions:
        if condition == final:
            return final
        if isinstance(condition, joined):
            left += condition.conditions
        elif condition != idle:
            left.append(condition)
    if len(left) > 1:
        return joined(tuple(left))
    return left[0] if left else idle
