"""`@replace`: literal text for literal text, in JavaScript's manner (segment.md §11.3).

There is no regular expression here at all. Ignoring case compares letter by letter, so a match is
as long as its pattern; the replacement may say `$&`, `` $` ``, `$'` and `$$`.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from daemon.mapping.directives.bounds import TEXT_LENGTH
from daemon.mapping.directives.templates import TooLong

Replace: TypeAlias = Callable[[str], str]
_Insert: TypeAlias = Callable[[str, int, int], str]

_CODES: dict[str, _Insert] = {
    "$": lambda _text, _begin, _end: "$",
    "&": lambda text, begin, end: text[begin:end],
    "`": lambda text, begin, _end: text[:begin],
    "'": lambda text, _begin, end: text[end:],
}


def replacer(pattern: str, replacement: str, *, everywhere: bool, ignore_case: bool) -> Replace:
    """A function that replaces `pattern` in a text, once or everywhere. Raises TooLong."""
    inserts = list(_inserts(replacement))
    wanted = _folded(pattern) if ignore_case else pattern
    count = -1 if everywhere else 1

    def replace(text: str) -> str:
        searched = _folded(text) if ignore_case else text
        if wanted not in searched:
            return text
        if not ignore_case and all(isinstance(insert, str) for insert in inserts):
            return _checked(text.replace(pattern, replacement.replace("$$", "$"), count))
        return _spliced(text, list(_places(searched, wanted, count)), len(wanted), inserts)

    return replace


def _inserts(replacement: str) -> Iterator[str | _Insert]:
    rest = replacement
    while rest:
        if rest[0] == "$" and rest[1:2] in _CODES and rest[1:2]:
            yield "$" if rest[1] == "$" else _CODES[rest[1]]
            rest = rest[2:]
        else:
            yield rest[0]
            rest = rest[1:]


def _places(searched: str, wanted: str, count: int) -> Iterator[int]:
    at = searched.find(wanted)
    while at >= 0 and count:
        yield at
        count -= 1
        at = searched.find(wanted, at + len(wanted))


def _spliced(text: str, places: list[int], length: int, inserts: list[str | _Insert]) -> str:
    pieces: list[str] = []
    size = 0
    done = 0
    for begin in places:
        end = begin + length
        new = [
            insert if isinstance(insert, str) else insert(text, begin, end) for insert in inserts
        ]
        pieces += [text[done:begin], *new]
        size += begin - done + sum(map(len, new))
        if size > TEXT_LENGTH:
            raise TooLong
        done = end
    return _checked("".join([*pieces, text[done:]]))


def _checked(text: str) -> str:
    if len(text) > TEXT_LENGTH:
        raise TooLong
    return text


def _folded(text: str) -> str:
    return text.upper() if text.isascii() else "".join(map(_fold, text))


def _fold(letter: str) -> str:
    """A letter as JavaScript compares it, ignoring case: its capital, where that is one unit."""
    upper = letter.upper()
    if len(upper) != 1 or letter > "\uffff" or (upper.isascii() and not letter.isascii()):
        return letter
    return upper
