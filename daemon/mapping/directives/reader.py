"""Reads a mapping once, into functions that evaluate it.

Each value of a mapping becomes a Node: a function of the event, and what it reads of it. Constant
parts are evaluated here. All mistakes are collected; a directive that is wrong becomes NOTHING, so
that reading can go on. Which directives there are is the caller's (`language`).
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from daemon.mapping.directives.bounds import MAPPING_DEPTH, MAPPING_PARTS, TEMPLATE_LENGTH
from daemon.mapping.directives.errors import MappingFailed
from daemon.mapping.directives.lookup import getter, pieces_of, without_root
from daemon.mapping.directives.nodes import (
    NOTHING,
    At,
    Gaps,
    Node,
    bounded,
    closed,
    constant,
    described,
    is_directive,
    list_with_gaps,
    list_without_gaps,
    made_of,
    object_with_gaps,
    object_without_gaps,
)
from daemon.mapping.directives.templates import is_template, read_template, renderer

METADATA: Final = "_metadata"

SegmentDirective: TypeAlias = Callable[["Reader", Any, At], Node]
OwnDirective: TypeAlias = Callable[["Reader", Any, dict[str, Any], At], Node]


class Reader:
    """Reads values of one mapping; `problems` are the mistakes found so far."""

    def __init__(
        self,
        segments: Mapping[str, SegmentDirective],
        own: Mapping[str, tuple[OwnDirective, frozenset[str]]],
    ) -> None:
        self.problems: list[str] = []
        self.parts = 0
        self._segments = segments
        self._own = own

    def wrong(self, at: At, why: str) -> Node:
        self.problems.append(f"{at.place or '/'}: {why}")
        return NOTHING

    def value(self, raw: Any, at: At) -> Node:
        """Any value: a directive, an object or list of values, or itself."""
        self.parts += 1
        if at.depth > MAPPING_DEPTH or self.parts > MAPPING_PARTS:
            return self._too_much(at)
        before = len(self.problems)
        node = self._read(raw, at)
        if len(self.problems) > before:
            return NOTHING
        if is_directive(raw):
            node = closed(node, at)
        return self._folded(node, at) if node.constant else node

    def text(self, raw: Any, at: At) -> Node:
        """A value that must be text or a directive."""
        if isinstance(raw, str) or is_directive(raw):
            return self.value(raw, at)
        return self.wrong(at, f"must be text or a directive, not {described(raw)}")

    def object(self, raw: Any, at: At) -> Node:
        """A value that must be an object or a directive."""
        if isinstance(raw, dict) or (at.short and isinstance(raw, str) and raw.startswith("$.")):
            return self.value(raw, at)
        return self.wrong(at, f"must be an object or a directive, not {described(raw)}")

    def path(self, path: str, at: At) -> Node:
        pieces = pieces_of(without_root(path))
        return Node(
            getter(pieces, from_object=at.from_object),
            frozenset([".".join(pieces)]),
            gaps=at.root_gaps,
            deep=at.root_gaps,
        )

    def template(self, text: str, at: At, path: Callable[[str], str] = str) -> Node:
        if len(text) > TEMPLATE_LENGTH:
            return self.wrong(at, f"must have at most {TEMPLATE_LENGTH} characters")
        template = read_template(text, path)
        render = renderer(template, from_object=at.from_object)
        reads = frozenset(".".join(pieces) for pieces in template.paths())
        return Node(bounded(render, at.place), reads)

    def _read(self, raw: Any, at: At) -> Node:
        if is_directive(raw):
            return self._directive(raw, at)
        if isinstance(raw, dict):
            return self._object(raw, at)
        if isinstance(raw, list):
            return self._list(raw, at)
        if isinstance(raw, str):
            return self._short(raw, at) if at.short else constant(raw)
        if isinstance(raw, float) and not math.isfinite(raw):
            return self.wrong(at, "must be a number JSON has")
        if raw is None or isinstance(raw, bool | int | float):
            return constant(raw)
        return self.wrong(at, f"must be a JSON value, not a {type(raw).__name__}; put it in quotes")

    def _short(self, text: str, at: At) -> Node:
        if is_template(text):
            return self.template(text, at, without_root)
        return self.path(text, at) if text.startswith("$.") else constant(text)

    def _object(self, raw: dict[Any, Any], at: At) -> Node:
        members = []
        for key, item in raw.items():
            if not isinstance(key, str):
                self.wrong(at, f"must have text for keys; put `{key}` in quotes")
            else:
                members.append((key, self.value(item, at.under(key))))
        pairs = tuple((key, node.run) for key, node in members)
        nodes = [node for _, node in members]
        with_gaps = at.gaps is Gaps.ALL
        run = object_with_gaps(pairs) if with_gaps else object_without_gaps(pairs)
        return made_of(run, nodes, with_gaps=with_gaps)

    def _list(self, raw: list[Any], at: At) -> Node:
        nodes = [self.value(item, at.under(index)) for index, item in enumerate(raw)]
        runs = tuple(node.run for node in nodes)
        with_gaps = at.gaps is not Gaps.NONE
        run = list_with_gaps(runs) if with_gaps else list_without_gaps(runs)
        return made_of(run, nodes, with_gaps=with_gaps)

    def _directive(self, raw: dict[Any, Any], at: At) -> Node:
        names = [key for key in raw if isinstance(key, str) and key.startswith("@")]
        siblings = {key: raw[key] for key in raw if key not in (METADATA, *names)}
        if len(names) > 1:
            return self.wrong(at, f"must hold one directive, not {', '.join(sorted(names))}")
        name = names[0]
        if name in self._own:
            return self._with_options(name, raw[name], siblings, at)
        if siblings:
            return self.wrong(at, f"must hold nothing beside {name}")
        if name not in self._segments:
            known = ", ".join(sorted([*self._segments, *self._own]))
            return self.wrong(at, f"{name} is no directive; there are {known}")
        return self._segments[name](self, raw[name], at.under(name))

    def _with_options(self, name: str, argument: Any, options: dict[Any, Any], at: At) -> Node:
        read, allowed = self._own[name]
        unknown = [str(key) for key in options if key not in allowed]
        if unknown:
            known = ", ".join(sorted(allowed))
            return self.wrong(at, f"{name} has no option {', '.join(unknown)}; it has {known}")
        return read(self, argument, options, at)

    def _folded(self, node: Node, at: At) -> Node:
        try:
            value = node.run({})
        except MappingFailed as failed:
            place = msgspec.structs.replace(at, place=failed.place)
            return self.wrong(place, f"{failed.reason}; it would fail for every message")
        return Node(lambda _: value, gaps=node.gaps, deep=node.deep)

    def _too_much(self, at: At) -> Node:
        problem = (
            f"must not be nested deeper than {MAPPING_DEPTH} levels"
            if at.depth > MAPPING_DEPTH
            else f"is too much: a mapping has at most {MAPPING_PARTS} values"
        )
        if any(known.endswith(problem) for known in self.problems):
            return NOTHING
        return self.wrong(at, problem)


def is_options(reader: Reader, argument: Any, at: At) -> bool:
    """Whether a directive's argument is an object of options; otherwise that is a mistake."""
    if isinstance(argument, dict) and not is_directive(argument):
        return True
    reader.wrong(at, f"must be an object, not {described(argument)}")
    return False
