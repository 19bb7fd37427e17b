"""What our own directives have in common.

Their value stands at the `@` key, their options beside it:

    {"@date": {"@path": "$.traits.createdAt"}, "zone": "Europe/Berlin", "on_error": "drop"}

A value that is missing or null stays so, or becomes `default`. One that can't be read is dropped
with its field, kept as it came, or fails the message, as `on_error` says; without `on_error` it
becomes `default`, and without that too the message fails. It never becomes null on the quiet.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from daemon.mapping.directives.errors import MappingFailed
from daemon.mapping.directives.javascript import kind
from daemon.mapping.directives.nodes import NOTHING, At, Node, reads_of
from daemon.mapping.directives.patterns import Unreadable
from daemon.mapping.directives.reader import Reader
from daemon.mapping.paths import MISSING

Convert: TypeAlias = Callable[[Any], Any]
Options: TypeAlias = dict[str, Any]

ON_ERROR: Final = ("drop", "keep", "fail")


def default_of(reader: Reader, options: Options, at: At) -> Node:
    """The `default` beside a directive; NOTHING where there is none."""
    if "default" not in options:
        return NOTHING
    return reader.value(options["default"], at.under("default"))


def converted(
    reader: Reader,
    name: str,
    argument: Any,
    options: Options,
    at: At,
    convert: Convert,
    wanted: str,
) -> Node:
    """A value changed by `convert`, which raises Unreadable; `wanted` is what it must be."""
    value = reader.value(argument, at.inner(name))
    default = default_of(reader, options, at)
    on_error = options.get("on_error", "default" if "default" in options else "fail")
    if on_error not in ON_ERROR and "on_error" in options:
        reader.wrong(at.under("on_error"), f"must be one of {', '.join(ON_ERROR)}")
    find, stand_in = value.run, default.run
    has_default = "default" in options
    place = at.under(name).place

    def run(root: Any) -> Any:
        found = find(root)
        if found is MISSING or found is None:
            return stand_in(root) if has_default else found
        try:
            return convert(found)
        except Unreadable:
            return refuse(root, found)

    def refuse(root: Any, found: Any) -> Any:
        if on_error == "fail":
            raise MappingFailed(place, f"{kind(found)} that is not {wanted}")
        if on_error == "keep":
            return found
        return stand_in(root) if on_error == "default" else MISSING

    reads = reads_of(value, default)
    return Node(run, reads, gaps=value.gaps or default.gaps, deep=value.deep or default.deep)
