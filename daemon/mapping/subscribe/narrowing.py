"""Which message types and event names can match at all, told from the condition alone.

For every condition two sets are kept: the names with which it can be true, and those with which
it can be false. `!` swaps them, `and` and `or` intersect and unite them, so any structure gives
sets that leave nothing out. A set is a list of names, or all but a list.
"""

from collections.abc import Callable
from functools import reduce
from typing import TypeAlias

import msgspec

from daemon.domain.messages import SEGMENT_TYPES
from daemon.mapping.subscribe.compiling import Compiler
from daemon.mapping.subscribe.roots import Root
from daemon.mapping.subscribe.syntax import (
    Comparison,
    Conjunction,
    Constant,
    Disjunction,
    Membership,
    Negation,
    Node,
    Path,
    paths,
)


class Names(msgspec.Struct, frozen=True):
    """The names listed, or all others. None stands for a message without one."""

    listed: frozenset[str | None]
    others: bool = False

    def __or__(self, more: "Names") -> "Names":
        return ~(~self & ~more)

    def __and__(self, more: "Names") -> "Names":
        if self.others and more.others:
            return Names(self.listed | more.listed, others=True)
        if self.others or more.others:
            few, excluded = (more, self) if self.others else (self, more)
            return Names(few.listed - excluded.listed)
        return Names(self.listed & more.listed)

    def __invert__(self) -> "Names":
        return Names(self.listed, others=not self.others)


Possible: TypeAlias = tuple[Names, Names]
"""(names with which a condition can be true, names with which it can be false)"""

_NONE = Names(frozenset())
_ALL = ~_NONE


def possible_types(node: Node, roots: tuple[Root, ...]) -> frozenset[str] | None:
    """The types of Segment's messages that can match; None where each of them can."""
    compiler = Compiler({root.name: root.in_payload for root in roots})

    def leaf(condition: Node) -> Possible:
        if {path.root for path in paths(condition)} != {"type"}:
            return _ALL, _ALL
        holds = compiler.condition(condition)
        true = frozenset(each for each in SEGMENT_TYPES if holds({"type": each}))
        return Names(true), Names(frozenset(SEGMENT_TYPES - true))

    found = _possible(node, leaf)[0]
    return None if found.others else frozenset(str(each) for each in found.listed)


def possible_events(node: Node) -> frozenset[str | None] | None:
    """The event names that can match, None among them for a message without; None for any."""
    found = _possible(node, _event_leaf)[0]
    return None if found.others else found.listed


def _event_leaf(condition: Node) -> Possible:
    match condition:
        case Comparison(sign="=" | "!=" as sign):
            sides = (condition.left, condition.right)
            values = [side.value for side in sides if isinstance(side, Constant)]
            named = any(isinstance(side, Path) and side.root == "event" for side in sides)
        case Membership():
            sign, values = "=", list(condition.among)
            named = isinstance(condition.value, Path) and condition.value.root == "event"
        case _:
            return _ALL, _ALL
    if not named or not values:
        return _ALL, _ALL
    equal = Names(frozenset(value for value in values if value is None or isinstance(value, str)))
    return (equal, ~equal) if sign == "=" else (~equal, equal)


def _possible(node: Node, leaf: Callable[[Node], Possible]) -> Possible:
    match node:
        case Constant():
            return (_ALL, _NONE) if node.value is True else (_NONE, _ALL)
        case Negation():
            true, false = _possible(node.condition, leaf)
            return false, true
        case Conjunction():
            below = [_possible(each, leaf) for each in node.conditions]
            return _intersection([true for true, _ in below]), _union([false for _, false in below])
        case Disjunction():
            below = [_possible(each, leaf) for each in node.conditions]
            return _union([true for true, _ in below]), _intersection([false for _, false in below])
        case _:
            return leaf(node)


def _intersection(sets: list[Names]) -> Names:
    return reduce(lambda one, more: one & more, sets)


def _union(sets: list[Names]) -> Names:
    return reduce(lambda one, more: one | more, sets)
