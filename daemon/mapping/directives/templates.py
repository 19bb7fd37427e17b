"""`@template`: text with `{{ path }}` in it (segment.md §11.3).

Three braces are read first, as in the original, but what they insert is never read again: a value
from a message can't become part of a template.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from daemon.mapping.directives.bounds import TEXT_LENGTH
from daemon.mapping.directives.javascript import BLANKS, text_of
from daemon.mapping.directives.lookup import Run, getter, pieces_of
from daemon.mapping.paths import MISSING


class TooLong(Exception):
    """A text would be longer than any that is made."""


class Template(msgspec.Struct, frozen=True):
    """A read template: texts and the pieces of paths, in their order."""

    parts: tuple[str | tuple[str, ...], ...]

    def paths(self) -> list[tuple[str, ...]]:
        return [part for part in self.parts if not isinstance(part, str)]


def is_template(text: str) -> bool:
    """Whether a text has anything to insert."""
    return len(_split(text, 2)) > 1


def read_template(text: str, path: Callable[[str], str] = str) -> Template:
    """Read a template; `path` turns what stands between braces into a path."""
    parts: list[str | tuple[str, ...]] = []
    for outer, is_place in _labelled(_split(text, 3)):
        if is_place:
            parts.append(_pieces(outer, path))
            continue
        for inner, is_inner_place in _labelled(_split(outer, 2)):
            parts.append(_pieces(inner, path) if is_inner_place else inner)
    return Template(tuple(part for part in parts if part != ""))


def _labelled(parts: list[str]) -> Iterator[tuple[str, bool]]:
    return ((part, index % 2 == 1) for index, part in enumerate(parts))


def _pieces(place: str, path: Callable[[str], str]) -> tuple[str, ...]:
    return pieces_of(path(place.strip(BLANKS)))


def _split(text: str, braces: int) -> list[str]:
    """Texts and, between them, what stands in so many braces; nothing in braces has a `}`.

    Goes from one `}` to the next and never back: a template may come from a message.
    """
    opening, closing = "{" * braces, "}" * braces
    parts: list[str] = []
    done = begin = 0
    while (end := text.find("}", begin)) >= 0:
        opened = text.find(opening, begin, end)
        begin = end + 1
        if 0 <= opened < end - braces and text.startswith(closing, end):
            parts += [text[done:opened], text[opened + braces : end]]
            done = begin = end + braces
    return [*parts, text[done:]]


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
