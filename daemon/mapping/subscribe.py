"""Which messages a mapping is about: the `subscribe` language, in the part that exists so far.

    type = "track"
    event in ["Unsubscribed", "Email Unsubscribed"] or traits.marketing_ok = false

The language is Segment's documented FQL (segment.md §12.1), of which `=`, `in` and `or` are
understood; anything else is refused with a sentence, never read as "no match".
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from daemon.domain.messages import SEGMENT_TYPES, Message
from daemon.mapping.canonical import same
from daemon.mapping.paths import MISSING, ROOTS, Getter, getter

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<number>-?\d+(?:\.\d+)?)
  | (?P<word>[A-Za-z_$][A-Za-z0-9_.$-]*)
  | (?P<sign>==|!=|>=|<=|[=<>!(),\[\]])
    )""",
    re.VERBOSE,
)
_LITERALS = {"true": True, "false": False, "null": None}
_AVAILABLE = "so far there are `=`, `in` and `or`"


class SubscribeError(ValueError):
    """A subscribe string that can't be read. Its text says where and what would be right."""


class Subscribe(msgspec.Struct, frozen=True):
    """A read subscribe string. `types` are the message types that can match; None means any."""

    text: str
    matches: Callable[[Message], bool]
    types: frozenset[str] | None
    operands: frozenset[str]


def parse(text: str) -> Subscribe:
    """Read a subscribe string; raises SubscribeError."""
    reader = _Reader(text)
    conditions = [reader.condition()]
    while not reader.done():
        reader.expect("or")
        conditions.append(reader.condition())
    return Subscribe(
        text=text,
        matches=_any_of([test for test, _, _ in conditions]),
        types=_types([(operand, values) for _, operand, values in conditions]),
        operands=frozenset(operand for _, operand, _ in conditions),
    )


def _any_of(tests: list[Callable[[Message], bool]]) -> Callable[[Message], bool]:
    if len(tests) == 1:
        return tests[0]
    return lambda message: any(test(message) for test in tests)


def _types(conditions: list[tuple[str, list[Any]]]) -> frozenset[str] | None:
    if any(operand != "type" for operand, _ in conditions):
        return None
    return frozenset(value for _, values in conditions for value in values)


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._began = 0
        self._at = 0

    def done(self) -> bool:
        return not self._text[self._at :].strip()

    def condition(self) -> tuple[Callable[[Message], bool], str, list[Any]]:
        operand = self._operand()
        find = getter(operand)
        if find is None:
            raise self._wrong(f"`{operand}` is no part of a message; use one of {', '.join(ROOTS)}")
        name = operand.removeprefix("$.")
        values = self._values()
        if name == "type" and not SEGMENT_TYPES.issuperset(values):
            raise self._wrong(f"type is one of {', '.join(sorted(SEGMENT_TYPES))}")
        return _test(find, values), name, values

    def expect(self, word: str) -> None:
        found = self._next()
        if found not in (("word", word), ("sign", word)):
            raise self._wrong(f"expected `{word}`, found `{found[1]}`; {_AVAILABLE}")

    def _operand(self) -> str:
        kind, value = self._next()
        if value in ("(", "!", "not") or self._text.startswith("(", self._at):
            raise self._wrong(f"`{value}` is not available: no parentheses, functions or negation")
        if kind != "word":
            raise self._wrong(f"expected a path such as type or traits.plan, found `{value}`")
        return value

    def _values(self) -> list[Any]:
        kind, value = self._next()
        if (kind, value) == ("sign", "="):
            return [self._literal()]
        if (kind, value) == ("word", "in"):
            return self._list()
        raise self._wrong(f"`{value}` is not available; {_AVAILABLE}")

    def _list(self) -> list[Any]:
        self.expect("[")
        values = [self._literal()]
        while (found := self._next()) == ("sign", ","):
            values.append(self._literal())
        if found != ("sign", "]"):
            raise self._wrong(f"expected `,` or `]`, found `{found[1]}`")
        return values

    def _literal(self) -> Any:
        kind, value = self._next()
        if kind == "text":
            return re.sub(r"\\(.)", r"\1", value[1:-1])
        if kind == "number":
            return float(value) if "." in value else int(value)
        if kind == "word" and value in _LITERALS:
            return _LITERALS[value]
        raise self._wrong(
            f"expected text in quotes, a number, true, false or null, found `{value}`"
        )

    def _next(self) -> tuple[str, str]:
        rest = self._text[self._at :].lstrip()
        self._began = len(self._text) - len(rest)
        if not rest:
            raise self._wrong("it ends too early")
        found = _TOKEN.match(self._text, self._at)
        if found is None and rest[0] in "\"'":
            raise self._wrong(f"the text that begins with {rest[0]} is not closed")
        if found is None:
            raise self._wrong(f"`{rest[0]}` is not understood")
        self._at = found.end()
        kind = str(found.lastgroup)
        return kind, found[kind]

    def _wrong(self, why: str) -> SubscribeError:
        return SubscribeError(f"at character {self._began + 1}: {why}")


def _test(find: Getter, values: list[Any]) -> Callable[[Message], bool]:
    if len(values) == 1:
        only = values[0]
        return lambda message: _equal(find(message), only)

    def in_values(message: Message) -> bool:
        found = find(message)
        return any(_equal(found, value) for value in values)

    return in_values


def _equal(found: Any, wanted: Any) -> bool:
    """Strict by type; as in Segment's own triggers, what is missing is null (segment.md §12.2)."""
    if found is MISSING:
        return wanted is None
    numbers = type(found) in (int, float) and type(wanted) in (int, float)
    return bool(found == wanted) if numbers else same(found, wanted)
