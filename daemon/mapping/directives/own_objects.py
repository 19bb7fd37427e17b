"""Our own directives for objects and lists: `@pick @omit @rename @first`."""

from typing import Any, Final

from daemon.mapping.directives import keys
from daemon.mapping.directives.converting import Convert, Options, converted, default_of
from daemon.mapping.directives.nodes import NOTHING, At, Node, reads_of
from daemon.mapping.directives.patterns import Unreadable
from daemon.mapping.directives.reader import Reader
from daemon.mapping.paths import MISSING

_MOST_KEYS: Final = 500
_LONGEST_KEY: Final = 200


def pick(reader: Reader, argument: Any, options: Options, at: At) -> Node:
    matches = keys.matcher(_patterns(reader, options.get("keys"), at.under("keys")))
    return _of_object(
        reader,
        "@pick",
        argument,
        options,
        at,
        lambda value: {key: item for key, item in value.items() if matches(key)},
    )


def omit(reader: Reader, argument: Any, options: Options, at: At) -> Node:
    matches = keys.matcher(_patterns(reader, options.get("keys"), at.under("keys")))
    return _of_object(
        reader,
        "@omit",
        argument,
        options,
        at,
        lambda value: {key: item for key, item in value.items() if not matches(key)},
    )


def rename(reader: Reader, argument: Any, options: Options, at: At) -> Node:
    table = options.get("keys")
    place = at.under("keys")
    if not isinstance(table, dict) or not 1 <= len(table) <= _MOST_KEYS:
        return reader.wrong(place, "must be an object of new names by old ones")
    for old, new in table.items():
        if not _is_key(old) or not _is_key(new):
            reader.wrong(place, f"must be text of at most {_LONGEST_KEY} characters for each key")
        elif not old.count(keys.STAR) == new.count(keys.STAR) <= 1:
            reader.wrong(place.under(old), "must have one `*` where the old name has one")
    if reader.problems:
        return NOTHING
    renames = [keys.renamer(old, new) for old, new in table.items()]
    return _of_object(
        reader, "@rename", argument, options, at, lambda value: keys.renamed(value, renames)
    )


def _patterns(reader: Reader, given: Any, at: At) -> list[str]:
    patterns = [given] if isinstance(given, str) else given
    if not isinstance(patterns, list) or not 1 <= len(patterns) <= _MOST_KEYS:
        reader.wrong(at, f"must be a key or a list of up to {_MOST_KEYS} keys; `*` is any text")
        return []
    if not all(_is_key(pattern) for pattern in patterns):
        reader.wrong(at, f"must be text of at most {_LONGEST_KEY} characters for each key")
        return []
    return patterns


def _is_key(given: Any) -> bool:
    return isinstance(given, str) and len(given) <= _LONGEST_KEY


def _of_object(
    reader: Reader, name: str, argument: Any, options: Options, at: At, change: Convert
) -> Node:
    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Unreadable
        return change(value)

    return converted(reader, name, argument, options, at, convert, "an object")


def first(reader: Reader, argument: Any, options: Options, at: At) -> Node:
    place = at.under("@first")
    if not isinstance(argument, list) or not argument:
        return reader.wrong(place, "must be a list of values, the first that isn't empty counts")
    nodes = [reader.value(one, place.under(index)) for index, one in enumerate(argument)]
    default = default_of(reader, options, at)
    runs = [node.run for node in nodes]

    def run(root: Any) -> Any:
        for part in runs:
            value = part(root)
            if value is not MISSING and value is not None and value not in ("", [], {}):
                return value
        return default.run(root)

    every = [*nodes, default]
    return Node(
        run,
        reads_of(*every),
        gaps=any(node.gaps for node in every),
        deep=any(node.deep for node in every),
    )
