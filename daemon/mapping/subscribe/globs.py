r"""Patterns of `match`: `*` any run, `?` one character, `[abc]`, `[a-z]`, `\x` (segment.md §12.1).

The whole text has to fit, case counts. Deciding takes at most (length of the text) x (length of
the pattern) steps: between stars only the leftmost place where a piece fits is tried, which an
atomic group says to `re`.
"""

import re
from collections.abc import Callable
from typing import Final

LONGEST: Final = 1_000
"""Characters of a pattern."""

_STAR = "*"
_ONE = "?"


class GlobError(ValueError):
    """A pattern that can't be read. `at` counts characters of the pattern from 0."""

    def __init__(self, at: int, why: str) -> None:
        self.at = at
        super().__init__(why)


def fits(glob: str) -> Callable[[str], bool]:
    """A function that says whether a text fits. Raises GlobError."""
    if len(glob) > LONGEST:
        raise GlobError(LONGEST, f"a pattern is at most {LONGEST:,} characters long")
    pieces = _read(glob)
    plain = "".join(piece[1:] if piece[0] == "\\" else "\0" for piece in pieces)
    stars = [number for number, piece in enumerate(pieces) if piece == _STAR]
    if all(piece[0] == "\\" or piece == _STAR for piece in pieces):
        if not stars:
            return plain.__eq__
        if stars == [len(pieces) - 1]:
            return lambda text: text.startswith(plain[:-1])
        if stars == [0]:
            return lambda text: text.endswith(plain[1:])
        if stars == [0, len(pieces) - 1]:
            return lambda text: plain[1:-1] in text
    match = re.compile(_regex(pieces), re.DOTALL).fullmatch
    return lambda text: match(text) is not None


def literal(text: str) -> str:
    """A glob that fits this text only."""
    return re.sub(r"([\\*?\[])", r"\\\1", text)


def _read(glob: str) -> list[str]:
    r"""`*`, `?`, `\x` for a character that stands for itself, `[...]` as a regular expression."""
    pieces: list[str] = []
    at = 0
    while at < len(glob):
        if glob[at] == "[":
            piece, at = _set(glob, at)
        elif glob[at] == "\\":
            piece, at = "\\" + _escaped(glob, at), at + 2
        else:
            piece = glob[at] if glob[at] in (_STAR, _ONE) else "\\" + glob[at]
            at += 1
        if piece != _STAR or pieces[-1:] != [_STAR]:
            pieces.append(piece)
    return pieces


def _escaped(glob: str, at: int) -> str:
    if at + 1 == len(glob):
        raise GlobError(at, "`\\` stands at the end and escapes nothing")
    return glob[at + 1]


def _set(glob: str, began: int) -> tuple[str, int]:
    """The set that begins at `[`, and where it ends."""
    members: list[tuple[str, str]] = []
    at = began + 1
    if glob[at : at + 1] in ("^", "!"):
        raise GlobError(at, f"`{glob[at]}` doesn't exclude here; for itself write `\\{glob[at]}`")
    while at < len(glob) and glob[at] != "]":
        low, at = _member(glob, at)
        high = low
        if glob[at : at + 1] == "-" and at + 1 < len(glob) and glob[at + 1] != "]":
            high, at = _member(glob, at + 1)
        if high < low:
            raise GlobError(at - 1, f"the range {low}-{high} runs backwards")
        members.append((low, high))
    if at == len(glob):
        raise GlobError(began, "the set that begins with `[` is not closed")
    if not members:
        raise GlobError(began, "the set `[]` holds nothing; for the characters write `\\[]`")
    return f"[{''.join(_range(low, high) for low, high in members)}]", at + 1


def _member(glob: str, at: int) -> tuple[str, int]:
    if glob[at] == "\\":
        return _escaped(glob, at), at + 2
    return glob[at], at + 1


def _range(low: str, high: str) -> str:
    return re.escape(low) if low == high else f"{re.escape(low)}-{re.escape(high)}"


def _regex(pieces: list[str]) -> str:
    runs: list[str] = [""]
    for piece in pieces:
        if piece == _STAR:
            runs.append("")
        elif piece == _ONE:
            runs[-1] += "."
        else:
            runs[-1] += piece if piece[0] == "[" else re.escape(piece[1:])
    first, *middle = runs
    if not middle:
        return first
    last = middle.pop()
    return first + "".join(f"(?>.*?{run})" for run in middle) + f".*{last}"
