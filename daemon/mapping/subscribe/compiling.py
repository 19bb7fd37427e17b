"""A tree becomes closures, once: nothing of it is looked at again when messages are decided.

Constants are bound, and every comparison with one is chosen for its kind. The same tree is
compiled for a Message and for a decoded JSON object; they differ in the roots only.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from daemon.mapping.subscribe.functions import FUNCTIONS, contains, match
from daemon.mapping.subscribe.globs import fits
from daemon.mapping.subscribe.roots import Find, finder
from daemon.mapping.subscribe.syntax import (
    Call,
    Comparison,
    Conjunction,
    Constant,
    Disjunction,
    Membership,
    Negation,
    Node,
    Path,
    Pattern,
    Scalar,
)

Test: TypeAlias = Callable[[Any], bool]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_PAIR = 2


class Compiler:
    """Compiles for what `roots` find their values in."""

    def __init__(self, roots: Mapping[str, Find]) -> None:
        self._roots = roots

    def condition(self, node: Node) -> Test:
        """A function that says whether `node` holds; it never raises on JSON."""
        match node:
            case Constant():
                decided = node.value is True
                return lambda _: decided
            case Comparison():
                return self._comparison(node)
            case Membership():
                return _among(self._value(node.value), node.among)
            case Negation():
                inner = self.condition(node.condition)
                return lambda message: not inner(message)
            case Conjunction():
                return _all_of([self.condition(each) for each in node.conditions])
            case Disjunction():
                return _any_of([self.condition(each) for each in node.conditions])
            case _:
                found = self._value(node)
                return lambda message: found(message) is True

    def _value(self, node: Node) -> Find:
        match node:
            case Path():
                return finder(self._roots[node.root], node.names)
            case Constant():
                value = node.value
                return lambda _: value
            case Pattern():
                fit = fits(node.glob)
                return lambda _: fit
            case Call():
                return self._call(node)
            case _:
                return self.condition(node)

    def _call(self, node: Call) -> Find:
        first, *others = [self._value(argument) for argument in node.arguments]
        apply = FUNCTIONS[node.function].apply
        if not others:
            return lambda message: apply(first(message))
        second = node.arguments[1]
        if isinstance(second, Constant) and apply is contains:
            return _with_constant(first, second.value)
        if isinstance(second, Pattern) and apply is match:
            return _with_pattern(first, second.glob)
        return lambda message: apply(first(message), others[0](message))

    def _comparison(self, node: Comparison) -> Test:
        left, right = node.left, node.right
        if node.sign in _ORDER:
            return _ordered(self._value(left), self._value(right), _ORDER[node.sign])
        if isinstance(left, Constant):
            left, right = right, left
        if isinstance(right, Constant):
            equal = _equals(self._value(left), right.value)
        else:
            equal = _same(self._value(left), self._value(right))
        return equal if node.sign == "=" else lambda message: not equal(message)


def _all_of(tests: list[Test]) -> Test:
    if len(tests) == _PAIR:
        first, second = tests
        return lambda message: first(message) and second(message)

    def all_hold(message: Any) -> bool:
        for test in tests:  # noqa: SIM110  # a generator costs more than the tests
            if not test(message):
                return False
        return True

    return all_hold


def _any_of(tests: list[Test]) -> Test:
    if len(tests) == _PAIR:
        first, second = tests
        return lambda message: first(message) or second(message)

    def one_holds(message: Any) -> bool:
        for test in tests:  # noqa: SIM110  # a generator costs more than the tests
            if test(message):
                return True
        return False

    return one_holds


def _equals(find: Find, value: Scalar) -> Test:
    """Strict by type: true is not 1, but 1 is 1.0, as in JSON there is one kind of number."""
    if value is None or isinstance(value, bool):
        return lambda message: find(message) is value
    if isinstance(value, str):
        return lambda message: find(message) == value

    def equal(message: Any) -> bool:
        found = find(message)
        return type(found) is not bool and bool(found == value)

    return equal


def _among(find: Find, values: tuple[Scalar, ...]) -> Test:
    sets: dict[type, set[Scalar]] = {}
    for value in values:
        sets.setdefault(type(value), set()).add(value)
    numbers = sets.get(int, set()) | sets.get(float, set())
    sets |= {int: numbers, float: numbers}

    def among(message: Any) -> bool:
        found = find(message)
        of_its_type = sets.get(type(found))
        return of_its_type is not None and found in of_its_type

    return among


def _ordered(left: Find, right: Find, holds: Callable[[Any, Any], bool]) -> Test:
    def ordered(message: Any) -> bool:
        one, other = left(message), right(message)
        return type(one) in (int, float) and type(other) in (int, float) and holds(one, other)

    return ordered


def _with_constant(find: Find, part: Scalar) -> Find:
    if not isinstance(part, str):
        return lambda _: False

    def contained(message: Any) -> bool:
        found = find(message)
        return type(found) is str and part in found

    return contained


def _with_pattern(find: Find, glob: str) -> Find:
    fit = fits(glob)

    def matched(message: Any) -> bool:
        found = find(message)
        return type(found) is str and fit(found)

    return matched


def _same(left: Find, right: Find) -> Test:
    return lambda message: same(left(message), right(message))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal, strict by type, however deeply they are nested."""
    pairs = [(one, other)]
    while pairs:
        left, right = pairs.pop()
        numbers = type(left) in (int, float) and type(right) in (int, float)
        if not numbers and type(left) is not type(right):
            return False
        if isinstance(left, dict):
            if left.keys() != right.keys():
                return False
            pairs += [(value, right[name]) for name, value in left.items()]
        elif isinstance(left, list):
            if len(left) != len(right):
                return False
            pairs += zip(left, right, strict=True)
        elif left != right:
            return False
    return True
