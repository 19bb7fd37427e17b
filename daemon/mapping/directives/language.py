"""All directives there are, and the two ways to compile a mapping.

`compile_mapping` reads Segment's language as Segment does; `compile_field` also takes the short
forms people write: text that begins with `$.` is a path, text with `{{ }}` a template.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from daemon.mapping.directives import own_objects, own_values, segment_shapes, segment_text
from daemon.mapping.directives.errors import MappingFailed, MappingInvalid
from daemon.mapping.directives.javascript import kind
from daemon.mapping.directives.lookup import Run
from daemon.mapping.directives.nodes import At, Node, described, is_directive
from daemon.mapping.directives.reader import OwnDirective, Reader, SegmentDirective
from daemon.mapping.paths import MISSING


def _liquid(reader: Reader, argument: Any, at: At) -> Node:
    """Liquid is loaded where a mapping uses it: it takes as long as all the rest together."""
    node: Node = import_module("daemon.mapping.directives.liquid").liquid(reader, argument, at)
    return node


ROOT_DIRECTIVE: Final = "__segment_internal_directive"
"""A root key of Segment's framework: a directive whose `mapping` the other keys are."""
SEGMENTS: Final[Mapping[str, SegmentDirective]] = {
    "@path": segment_text.path,
    "@template": segment_text.template,
    "@literal": segment_text.literal,
    "@if": segment_text.if_,
    "@case": segment_text.case,
    "@replace": segment_text.replace,
    "@json": segment_text.json,
    "@arrayPath": segment_shapes.array_path,
    "@flatten": segment_shapes.flatten,
    "@merge": segment_shapes.merge,
    "@transform": segment_shapes.transform,
    "@excludeWhenNull": segment_shapes.exclude_when_null,
    "@liquid": _liquid,
}
_COMMON = frozenset({"default", "on_error"})
OWN: Final[Mapping[str, tuple[OwnDirective, frozenset[str]]]] = {
    "@date": (own_values.date, _COMMON | {"zone", "from", "to"}),
    "@number": (own_values.number, _COMMON),
    "@boolean": (own_values.boolean, _COMMON),
    "@string": (own_values.string, _COMMON),
    "@lookup": (own_values.lookup, _COMMON | {"table"}),
    "@hash": (own_values.hash_, _COMMON | {"trim", "lower"}),
    "@pick": (own_objects.pick, _COMMON | {"keys"}),
    "@omit": (own_objects.omit, _COMMON | {"keys"}),
    "@rename": (own_objects.rename, _COMMON | {"keys"}),
    "@first": (own_objects.first, frozenset({"default"})),
}
"""Our own directives, with the options each may have beside it."""


class Compiled:
    """A mapping, ready to be evaluated on any number of messages.

    `reads` are the paths it looks at, without `$.` and joined with dots ("traits.plan",
    "properties.products.0.sku"); "" stands for the whole event. `constant` is its value where it
    reads nothing, MISSING otherwise.
    """

    __slots__ = ("_run", "constant", "reads")

    def __init__(self, node: Node) -> None:
        self._run: Run = node.run
        self.reads = node.reads
        self.constant: Any = node.run(None) if node.constant else MISSING

    def evaluate(self, payload: Mapping[str, Any]) -> Any:
        """The mapping's value for one message: a JSON value, or MISSING (JavaScript's undefined).

        `payload` holds JSON values and is not changed. The result is not a copy: it may share
        objects and lists with `payload`, with the mapping and with other results, so whoever wants
        to change it copies it first. Raises MappingFailed and nothing else.
        """
        if type(payload) is dict:
            return self._run(payload)
        if isinstance(payload, Mapping):
            return self._run(dict(payload))
        raise MappingFailed("", f"a message must be an object, not {kind(payload)}")


def compile_mapping(raw: object, place: str = "") -> Compiled:
    """Compile a mapping as Segment's own are written; raises MappingInvalid with all mistakes."""
    return _compile(raw, At(place))


def compile_field(raw: object, place: str = "") -> Compiled:
    """Compile a mapping that may use the short forms; raises MappingInvalid with all mistakes."""
    return _compile(raw, At(place, short=True))


def _compile(raw: Any, at: At) -> Compiled:
    reader = Reader(SEGMENTS, OWN)
    if isinstance(raw, dict) and ROOT_DIRECTIVE in raw:
        raw = _with_root_directive(reader, raw, at)
    node = reader.value(raw, at)
    if reader.problems:
        raise MappingInvalid(reader.problems)
    return Compiled(node)


def _with_root_directive(reader: Reader, raw: dict[Any, Any], at: At) -> Any:
    root = raw[ROOT_DIRECTIVE]
    arguments = list(root.values()) if isinstance(root, dict) else []
    if len(arguments) != 1 or not is_directive(root) or not isinstance(arguments[0], dict):
        why = f"must be one directive with an object of options, not {described(root)}"
        reader.wrong(at.under(ROOT_DIRECTIVE), why)
        return None
    mapping = {key: raw[key] for key in raw if key != ROOT_DIRECTIVE}
    return {name: {**argument, "mapping": mapping} for name, argument in root.items()}
