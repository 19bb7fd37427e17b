"""What a subscribe string says, as a tree, and of which kinds its values can be.

Segment's FQL knows strings, numbers, lists, booleans and null (segment.md §12.1, `typeof`); JSON
has objects besides. Kinds are what a value can be before any message is seen: a path into traits
can be anything, `event` is text or null, `length(...)` a number or null.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

Kinds: TypeAlias = frozenset[str]

ANY: Final[Kinds] = frozenset({"string", "number", "bool", "null", "list", "object"})
BOOL: Final[Kinds] = frozenset({"bool"})
NULL: Final[Kinds] = frozenset({"null"})
NUMBER: Final[Kinds] = frozenset({"number"})
OBJECT: Final[Kinds] = frozenset({"object"})
TEXT: Final[Kinds] = frozenset({"string"})

_IN_WORDS = {
    "string": "text",
    "number": "a number",
    "bool": "true or false",
    "list": "a list",
    "object": "an object",
}
Scalar: TypeAlias = str | int | float | bool | None


class Path(msgspec.Struct, frozen=True):
    """Where a value stands in a message: a root and the names that lead on from it."""

    root: str
    names: tuple[str, ...]
    kinds: Kinds


class Constant(msgspec.Struct, frozen=True):
    """A value that stands in the string itself."""

    value: Scalar


class Pattern(msgspec.Struct, frozen=True):
    """The glob of a `match`, with its escapes."""

    glob: str


class Call(msgspec.Struct, frozen=True):
    """A function of values."""

    function: str
    arguments: tuple["Node", ...]
    kinds: Kinds


class Comparison(msgspec.Struct, frozen=True):
    """Two values and one of `= != < <= > >=`."""

    sign: str
    left: "Node"
    right: "Node"


class Membership(msgspec.Struct, frozen=True):
    """A value and the list it may be in."""

    value: "Node"
    among: tuple[Scalar, ...]


class Negation(msgspec.Struct, frozen=True):
    """`!`."""

    condition: "Node"


class Conjunction(msgspec.Struct, frozen=True):
    """Conditions that all hold."""

    conditions: tuple["Node", ...]


class Disjunction(msgspec.Struct, frozen=True):
    """Conditions of which one holds."""

    conditions: tuple["Node", ...]


Condition: TypeAlias = Comparison | Membership | Negation | Conjunction | Disjunction
Node: TypeAlias = Path | Constant | Pattern | Call | Condition


def kinds_of(node: Node) -> Kinds:
    """What the value of `node` can be."""
    if isinstance(node, Path | Call):
        return node.kinds
    if isinstance(node, Constant | Pattern):
        return kind_of_constant(node.value if isinstance(node, Constant) else node.glob)
    return BOOL


def kind_of_constant(value: Scalar) -> Kinds:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return BOOL
    return TEXT if isinstance(value, str) else NUMBER


def is_condition(node: Node) -> bool:
    """Whether it is true or false by itself, so that `and`, `or` and `!` can take it."""
    return not isinstance(node, Path) and kinds_of(node) - NULL == BOOL


def in_words(kinds: Kinds) -> str:
    """`text or a number`; null only where there is nothing else."""
    return " or ".join(words for kind, words in _IN_WORDS.items() if kind in kinds) or "null"


def parts(node: Node) -> tuple[Node, ...]:
    """The nodes right below."""
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Comparison):
        return (node.left, node.right)
    if isinstance(node, Membership):
        return (node.value,)
    if isinstance(node, Negation):
        return (node.condition,)
    return node.conditions if isinstance(node, Conjunction | Disjunction) else ()


def paths(node: Node) -> Iterator[Path]:
    """All paths `node` reads."""
    if isinstance(node, Path):
        yield node
    for part in parts(node):
        yield from paths(part)
