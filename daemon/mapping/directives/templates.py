"""`@template`: text with `{{ path }}` in it (segment.md §11.3).

Three braces are read first, as in the original, but what they insert is never read again: a value
from a message can't become part of a template.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from daemon.mapping.directives.bounds import TEXT_LENGTH
from daemon.mapping.directives.javascript import BLANKS, text_of
from daemon.mapping.directives.lookup import Run, getter, pieces_of
from daemon.mapping.paths import MISSING

_THREE = re.compile(r"\{\{\{([^}]+)\}\}\}")
_TWO = re.compile(r"\{\{([^}]+)\}\}")


class TooLong(Exception):
    """A text would be longer than any that is made."""


class Template(msgspec.Struct, frozen=True):
    """A read template: texts and the pieces of paths, in their order."""

    parts: tuple[str | tuple[str, ...], ...]

    def paths(self) -> list[tuple[str, ...]]:
        return [part for part in self.parts if not isinstance(part, str)]


def is_template(text: str) -> bool:
    """Whether a text has anything to insert."""
    return _TWO.search(text) is not None


def read_template(text: str, path: Callable[[str], str] = str) -> Template:
    """Read a template; `path` turns what stands between braces into a path."""
    parts: list[str | tuple[str, ...]] = []
    for outer in _split(_THREE, text, path):
        parts += [outer] if not isinstance(outer, str) else _split(_TWO, outer, path)
    return Template(tuple(parts))


def _split(
    pattern: re.Pattern[str], text: str, path: Callable[[str], str]
) -> list[str | tuple[str, ...]]:
    found: list[str | tuple[str, ...]] = []
    for index, part in enumerate(pattern.split(text)):
        if index % 2:
            found.append(pieces_of(path(part.strip(BLANKS))))
        elif part:
            found.append(part)
    return found


def renderer(template: Template, *, from_object: bool) -> Callable[[Any], str]:
    """A function that fills a template in. Raises TooLong and TooDeep."""
    parts: list[str | Run] = [
        part if isinstance(part, str) else getter(part, from_object=from_object)
        for part in template.parts
    ]

    def render(root: Any) -> str:
        pieces: list[str] = []
        length = 0
        if root is MISSING:
            root = {}
        for part in parts:
            piece = part if isinstance(part, str) else text_of(part(root))
            length += len(piece)
            if length > TEXT_LENGTH:
                raise TooLong
            pieces.append(piece)
        return "".join(pieces)

    return render
