"""Keys of an object by pattern: `utm_*`. A star stands for any number of characters, also none.

Matching finds the texts between stars one after the other, so it takes as long as the key and the
pattern are, and never goes back.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

Matches: TypeAlias = Callable[[str], bool]
Rename: TypeAlias = Callable[[str], str | None]

STAR = "*"


def matcher(patterns: list[str]) -> Matches:
    """Whether a key is one of several, some of which may have stars."""
    exact = frozenset(pattern for pattern in patterns if STAR not in pattern)
    globs = [pattern.split(STAR) for pattern in patterns if STAR in pattern]
    return lambda key: key in exact or any(_matches(key, texts) for texts in globs)


def _matches(key: str, texts: list[str]) -> bool:
    first, *between, last = texts
    if len(key) < len(first) + len(last) or not key.startswith(first) or not key.endswith(last):
        return False
    at, end = len(first), len(key) - len(last)
    for text in between:
        found = key.find(text, at, end)
        if found < 0:
            return False
        at = found + len(text)
    return True


def renamer(old: str, new: str) -> Rename:
    """A key's new name; None where `old` is not about it. A star in `new` is what `old`'s was."""
    if STAR not in old:
        return lambda key: new if key == old else None
    before, after = old.split(STAR)
    new_before, new_after = new.split(STAR)

    def rename(key: str) -> str | None:
        if not _matches(key, [before, after]):
            return None
        return f"{new_before}{key[len(before) : len(key) - len(after)]}{new_after}"

    return rename


def renamed(value: dict[str, Any], renames: list[Rename]) -> dict[str, Any]:
    """An object with new names for its keys; a new name wins over a key that had it already."""
    kept: dict[str, Any] = {}
    moved: dict[str, Any] = {}
    for key, item in value.items():
        new = next((name for rename in renames if (name := rename(key)) is not None), None)
        if new is None:
            kept[key] = item
        else:
            moved[new] = item
    return {**kept, **moved}
