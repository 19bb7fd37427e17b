"""Values made from other values: flattened, merged, without nulls, without gaps (segment.md §11.3).

A gap is MISSING inside an object or a list. While a mapping is evaluated a gap is kept, because
`@merge` and `@flatten` can tell it from null; in what comes out an object has no such member and
a list has null in its place (segment.md §11.1).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from daemon.mapping.directives.bounds import KEYS_LENGTH, VALUE_DEPTH
from daemon.mapping.directives.javascript import TooDeep, each_unit
from daemon.mapping.directives.templates import TooLong
from daemon.mapping.paths import MISSING


def flattened(value: Any, separator: str, *, omit_arrays: bool) -> dict[str, Any]:
    """Leaves by the joined names that lead to them. Raises TooDeep and TooLong."""
    leaves: dict[str, Any] = {}
    room = KEYS_LENGTH
    for key, leaf in _leaves("", value, separator, 0, omit_arrays=omit_arrays):
        room -= len(key)
        if room < 0:
            raise TooLong
        leaves[key] = leaf
    return leaves


def _leaves(
    key: str, value: Any, separator: str, depth: int, *, omit_arrays: bool
) -> Iterator[tuple[str, Any]]:
    members = _members(value, omit_arrays=omit_arrays)
    if members is None:
        if value is not MISSING:
            yield key, value
        return
    if depth >= VALUE_DEPTH:
        raise TooDeep
    for name, member in members:
        inner = f"{key}{separator}{name}" if key else name
        yield from _leaves(inner, member, separator, depth + 1, omit_arrays=omit_arrays)


def _members(value: Any, *, omit_arrays: bool) -> Iterable[tuple[str, Any]] | None:
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, list) and not omit_arrays:
        return ((str(index), item) for index, item in enumerate(value))
    return None


def without_nulls(value: Any, depth: int = 0) -> Any:
    """MISSING for null, objects without members that are null; lists as they are."""
    if value is None:
        return MISSING
    if not isinstance(value, dict):
        return value
    if depth >= VALUE_DEPTH:
        raise TooDeep
    members = ((name, without_nulls(item, depth + 1)) for name, item in value.items())
    return {name: item for name, item in members if item is not MISSING}


def without_gaps(value: Any, depth: int = 0, *, keep_items: bool) -> Any:
    """A value without members that are MISSING, and with null for gaps in lists."""
    if not isinstance(value, dict | list):
        return value
    if depth >= VALUE_DEPTH:
        raise TooDeep
    if isinstance(value, dict):
        members = value.items()
        return {
            name: without_gaps(item, depth + 1, keep_items=keep_items)
            for name, item in members
            if item is not MISSING
        }
    gap = MISSING if keep_items else None
    return [
        gap if item is MISSING else without_gaps(item, depth + 1, keep_items=keep_items)
        for item in value
    ]


def spread(into: dict[str, Any], value: Any) -> None:
    """Add a value's members to an object as JavaScript's `...` does: lists and text by place."""
    if isinstance(value, dict):
        into.update(value)
    elif isinstance(value, list):
        into.update((str(index), item) for index, item in enumerate(value))
    elif isinstance(value, str):
        into.update((str(index), one) for index, one in enumerate(each_unit(value)))
