"""Texts, numbers and paths as they are written, and the values they stand for."""

import re
from typing import Final

from daemon.mapping.subscribe.errors import SubscribeError, shown
from daemon.mapping.subscribe.globs import GlobError, fits
from daemon.mapping.subscribe.syntax import Pattern
from daemon.mapping.subscribe.tokens import Token

CONSTANT_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}

_LONGEST_NUMBER = 40
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_NAME = re.compile(r"(?:[^.\\]|\\.)*", re.DOTALL)
_UNESCAPED_QUOTE = re.compile(r'(\\.)|"', re.DOTALL)


def text_of(token: Token) -> str:
    r"""What stands between quotes; `\` stands before a quote or another `\` only."""
    for found in _ESCAPE.finditer(token.text):
        if found[1] not in "\"'\\":
            right = shown("\\\\" + found[1])
            why = f"{shown(found[0])} means nothing in text; for the two characters write {right}"
            raise SubscribeError(token.at + found.start() + 1, why)
    return unescaped(token.text[1:-1])


def number_of(token: Token) -> int | float:
    if len(token.text) > _LONGEST_NUMBER:
        raise SubscribeError(
            token.at + 1, f"a number has at most {_LONGEST_NUMBER} characters, as in 1000 or -1.5"
        )
    if not set(token.text) & set(".eE"):
        return int(token.text)
    number = float(token.text)
    if abs(number) == float("inf"):
        raise SubscribeError(token.at + 1, f"{shown(token.text)} is larger than any number")
    return number


def pattern_of(token: Token) -> Pattern:
    r"""A glob; in it `\` makes any character stand for itself."""
    glob = token.text[1:-1]
    try:
        fits(glob)
    except GlobError as error:
        raise SubscribeError(token.at + 2 + error.at, str(error)) from error
    return Pattern(_UNESCAPED_QUOTE.sub(lambda found: found[1] or '\\"', glob))


def names_of(word: str) -> list[str]:
    r"""`traits.first\ name` as its names; an empty one where a dot has nothing beside it."""
    names, at = [], 0
    while True:
        found = _NAME.match(word, at)
        end = found.end() if found else at
        names.append(unescaped(word[at:end]))
        if end == len(word):
            return names
        at = end + 1


def unescaped(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)
