"""Segment's directives that make objects and lists (segment.md §11.3).

`@arrayPath @flatten @merge @transform @excludeWhenNull`
"""

from typing import Any

from daemon.mapping.directives.bounds import ITEM_PARTS, SEPARATOR_LENGTH
from daemon.mapping.directives.errors import MappingFailed
from daemon.mapping.directives.javascript import is_falsy, kind
from daemon.mapping.directives.lookup import Run
from daemon.mapping.directives.nodes import (
    NOTHING,
    WHOLE,
    At,
    Gaps,
    Node,
    bounded,
    described,
    reads_of,
)
from daemon.mapping.directives.reader import Reader, is_options
from daemon.mapping.directives.reshaping import flattened, spread, without_nulls
from daemon.mapping.paths import MISSING


def array_path(reader: Reader, argument: Any, at: At) -> Node:
    if not isinstance(argument, list):
        return reader.wrong(at, f"must be a list, not {described(argument)}")
    if not argument:
        return reader.wrong(at.under(0), "must be text or a directive, not missing")
    first = argument[0]
    items = (
        reader.path(first, at.inner(0))
        if isinstance(first, str)
        else reader.text(first, at.inner(0))
    )
    shape = argument[1] if len(argument) > 1 else None
    if not isinstance(shape, dict) or not shape:
        return items
    before = reader.parts
    each = reader.value(shape, at.relative(1, root_gaps=items.gaps or items.deep))
    run = _shaped(items.run, each.run, reader.parts - before, at)
    return Node(run, items.reads, gaps=at.gaps is not Gaps.NONE, deep=each.gaps or each.deep)


def _shaped(find: Run, each: Run, parts: int, at: At) -> Run:
    most = ITEM_PARTS // parts
    keep = at.gaps is not Gaps.NONE

    def run(root: Any) -> Any:
        items = find(root)
        if isinstance(items, dict):
            items = [items]
        if not isinstance(items, list):
            return items
        if len(items) > most:
            raise MappingFailed(at.place, f"the list has more than {most} items")
        made = [each(item) for item in items]
        return made if keep else [None if one is MISSING else one for one in made]

    return run


def flatten(reader: Reader, argument: Any, at: At) -> Node:
    if not is_options(reader, argument, at):
        return NOTHING
    separator = argument.get("separator")
    if not isinstance(separator, str) or not 1 <= len(separator) <= SEPARATOR_LENGTH:
        reader.wrong(at.under("separator"), f"must be text of 1 to {SEPARATOR_LENGTH} characters")
        separator = "."
    if "value" not in argument:
        return reader.wrong(at, "must have `value`")
    value = reader.value(argument["value"], at.inner("value"))
    omit_arrays = not is_falsy(argument.get("omitArrays"))
    find = value.run
    return Node(
        bounded(lambda root: flattened(find(root), separator, omit_arrays=omit_arrays), at.place),
        value.reads,
        deep=omit_arrays and (value.gaps or value.deep),
    )


def merge(reader: Reader, argument: Any, at: At) -> Node:
    if not is_options(reader, argument, at):
        return NOTHING
    direction = argument.get("direction")
    if not isinstance(direction, str) or direction.lower() not in ("left", "right"):
        reader.wrong(at.under("direction"), "must be left or right")
    objects = argument.get("objects")
    if not isinstance(objects, list):
        found = described(argument.get("objects", MISSING))
        return reader.wrong(at.under("objects"), f"must be a list, not {found}")
    nodes = [
        reader.object(one, at.inner("objects").under(index)) for index, one in enumerate(objects)
    ]
    runs = [node.run for node in nodes]
    gaps = any(node.gaps for node in nodes)
    closing = gaps and at.gaps is not Gaps.ALL
    run = _merged(tuple(reversed(runs) if direction == "left" else runs), closing=closing)
    deep = any(node.deep for node in nodes)
    return Node(run, reads_of(*nodes), gaps=gaps and not closing, deep=deep)


def _merged(runs: tuple[Run, ...], *, closing: bool) -> Run:
    def run(root: Any) -> Any:
        made: dict[str, Any] = {}
        for part in runs:
            spread(made, part(root))
        if not closing:
            return made
        return {key: value for key, value in made.items() if value is not MISSING}

    return run


def transform(reader: Reader, argument: Any, at: At) -> Node:
    if not is_options(reader, argument, at):
        return NOTHING
    missing = [key for key in ("apply", "mapping") if key not in argument]
    for key in missing:
        reader.wrong(at, f"must have `{key}`")
    if missing:
        return NOTHING
    applied = reader.object(argument["apply"], at.applied("apply"))
    seen = at.relative("mapping", root_gaps=applied.gaps or applied.deep)
    mapping = reader.object(argument["mapping"], seen)
    first, then = applied.run, mapping.run

    def run(root: Any) -> Any:
        if not isinstance(root, dict):
            root = _as_object(root, at.place)
        return then(first(root))

    reads = applied.reads if at.from_object else applied.reads | WHOLE
    return Node(run, reads, gaps=mapping.gaps, deep=mapping.deep)


def _as_object(root: Any, place: str) -> dict[str, Any]:
    if root is MISSING:
        return {}
    raise MappingFailed(place, f"expected an object to work on, found {kind(root)}")


def exclude_when_null(reader: Reader, argument: Any, at: At) -> Node:
    value = reader.value(argument, at.as_argument())
    find = value.run
    return Node(
        bounded(lambda root: without_nulls(find(root)), at.place),
        value.reads,
        gaps=value.gaps,
        deep=value.deep,
    )
