"""Segment's path grammar: `$.a.b[0]['x y']` (segment.md §11.2).

A path is split on dots, on `[` before a quote or digit and on any `]` after one; empty pieces are
dropped and quotes taken away. Following it stops at the first falsy value, which is the result.
Only what a message itself holds can be reached: members, list places, characters and `length`.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from daemon.mapping.directives.javascript import is_falsy, unit, units
from daemon.mapping.paths import MISSING

Run: TypeAlias = Callable[[Any], Any]

_SPLIT = re.compile(r"""\[(?=['"0-9])|\.|(?<=['"0-9])\]+""")
_QUOTES = str.maketrans("", "", "'\"")
_LONGEST_INDEX = 10


def pieces_of(path: str) -> tuple[str, ...]:
    """The names a path leads along; none for the whole event."""
    return tuple(piece.translate(_QUOTES) for piece in _SPLIT.split(path) if piece)


def without_root(path: str) -> str:
    """A path less the first `$.` in it, wherever that stands."""
    return path.replace("$.", "", 1)


def getter(pieces: Sequence[str], *, from_object: bool) -> Run:
    """A function that follows `pieces`; `from_object` promises that it starts from an object."""
    if not pieces:
        return lambda root: root
    if not from_object:
        return lambda root: walk(root, pieces)
    first, *rest = pieces
    if not rest:
        return lambda root: root.get(first, MISSING)
    if len(rest) > 1:
        return lambda root: walk(root.get(first, MISSING), rest)
    second = rest[0]

    def through_one(root: Any) -> Any:
        value = root.get(first, MISSING)
        if type(value) is dict:
            return value.get(second, MISSING)
        return walk(value, rest)

    return through_one


def walk(value: Any, pieces: Sequence[str]) -> Any:
    """What `pieces` lead to from any value; MISSING where one leads nowhere."""
    for piece in pieces:
        if isinstance(value, dict):
            value = value.get(piece, MISSING)
        elif isinstance(value, list):
            value = _element(value, piece)
        elif is_falsy(value):
            return value
        elif isinstance(value, str):
            value = _character(value, piece)
        else:
            return MISSING
    return value


def _element(values: list[Any], piece: str) -> Any:
    if piece == "length":
        return len(values)
    index = index_of(piece)
    return values[index] if index is not None and index < len(values) else MISSING


def _character(text: str, piece: str) -> Any:
    if piece == "length":
        return units(text)
    index = index_of(piece)
    return MISSING if index is None else unit(text, index)


def index_of(piece: str) -> int | None:
    """The place a piece names, if it is one as JavaScript writes it: no sign, no leading zero."""
    if not piece.isascii() or not piece.isdigit() or len(piece) > _LONGEST_INDEX:
        return None
    return None if piece[0] == "0" and piece != "0" else int(piece)
