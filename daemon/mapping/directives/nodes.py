"""What a mapping is compiled to: nodes, each a function of the event and what it reads of it."""

from enum import Enum
from typing import Any, Final

import msgspec

from daemon.mapping.directives.errors import MappingFailed
from daemon.mapping.directives.javascript import TooDeep, kind
from daemon.mapping.directives.lookup import Run
from daemon.mapping.directives.reshaping import without_gaps
from daemon.mapping.directives.templates import TooLong
from daemon.mapping.paths import MISSING


class Node(msgspec.Struct, frozen=True):
    """One compiled value. `reads` are paths from the root it is evaluated on; none: a constant.

    `gaps` says that a member or item of its value may be MISSING, `deep` that one further inside
    may.
    """

    run: Run
    reads: frozenset[str] = frozenset()
    gaps: bool = False
    deep: bool = False

    @property
    def constant(self) -> bool:
        return not self.reads


NOTHING: Final = Node(lambda _: MISSING)
WHOLE: Final = frozenset([""])
"""What a node reads that may look at anything."""


class Gaps(Enum):
    """Which gaps a value keeps: none if it goes out, all if a directive works on it.

    What `@transform` applies is cleaned of missing members, but not of gaps in lists.
    """

    NONE = "none"
    ITEMS = "items"
    ALL = "all"


class At(msgspec.Struct, frozen=True):
    """Where a value stands in a mapping, and what that means for it.

    `from_object`: the root it is evaluated on is an object. `root_gaps`: that root may have gaps.
    `short`: text may be a path or a template.
    """

    place: str
    depth: int = 0
    gaps: Gaps = Gaps.NONE
    from_object: bool = True
    root_gaps: bool = False
    short: bool = False

    def under(self, key: str | int) -> "At":
        return msgspec.structs.replace(self, place=f"{self.place}/{key}", depth=self.depth + 1)

    def inner(self, key: str | int) -> "At":
        """The place of a value that is worked on before it goes out."""
        return self.under(key).as_argument()

    def applied(self, key: str | int) -> "At":
        """The place of a value that another mapping will see."""
        return msgspec.structs.replace(self.under(key), gaps=Gaps.ITEMS)

    def as_argument(self) -> "At":
        """The same place, for what a directive works on."""
        return msgspec.structs.replace(self, gaps=Gaps.ALL)

    def as_written(self) -> "At":
        """The same place, where text is only text."""
        return msgspec.structs.replace(self, short=False)

    def relative(self, key: str | int, *, root_gaps: bool) -> "At":
        """The place of a mapping that sees only what another one made."""
        return msgspec.structs.replace(self.under(key), from_object=False, root_gaps=root_gaps)


def is_directive(raw: Any) -> bool:
    return isinstance(raw, dict) and any(isinstance(key, str) and key[:1] == "@" for key in raw)


def described(raw: Any) -> str:
    """What a raw value is, for a message about it."""
    return "a directive" if is_directive(raw) else kind(raw)


def constant(value: Any) -> Node:
    return Node(lambda _: value)


def reads_of(*nodes: Node | None) -> frozenset[str]:
    return frozenset().union(*(node.reads for node in nodes if node))


def bounded(run: Run, place: str) -> Run:
    """The same, failing with a reason where a bound is reached."""

    def within(root: Any) -> Any:
        try:
            return run(root)
        except TooDeep:
            raise MappingFailed(place, "the value is nested too deeply") from None
        except TooLong:
            raise MappingFailed(place, "what it makes is too long") from None

    return within


def made_of(run: Run, nodes: list[Node], *, with_gaps: bool) -> Node:
    """The node of an object or a list with these members."""
    return Node(
        run,
        reads_of(*nodes),
        gaps=with_gaps and any(_may_be_missing(node) for node in nodes),
        deep=any(node.gaps or node.deep for node in nodes),
    )


def _may_be_missing(node: Node) -> bool:
    return not node.constant or node.run(None) is MISSING


def closed(node: Node, at: At) -> Node:
    """The same with no more gaps than its place allows."""
    if at.gaps is Gaps.ALL or not (node.gaps or node.deep):
        return node
    run, keep_items = node.run, at.gaps is Gaps.ITEMS
    close = bounded(lambda root: without_gaps(run(root), keep_items=keep_items), at.place)
    return Node(close, node.reads, gaps=keep_items and node.gaps, deep=keep_items)


def object_without_gaps(pairs: tuple[tuple[str, Run], ...]) -> Run:
    def run(root: Any) -> Any:
        made = {}
        for key, part in pairs:
            value = part(root)
            if value is not MISSING:
                made[key] = value
        return made

    return run


def object_with_gaps(pairs: tuple[tuple[str, Run], ...]) -> Run:
    return lambda root: {key: part(root) for key, part in pairs}


def list_without_gaps(runs: tuple[Run, ...]) -> Run:
    def run(root: Any) -> Any:
        values = [part(root) for part in runs]
        return [None if value is MISSING else value for value in values]

    return run


def list_with_gaps(runs: tuple[Run, ...]) -> Run:
    return lambda root: [part(root) for part in runs]
