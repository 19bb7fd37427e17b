"""The words and signs of Segment's trigger dialect, as its lexer cuts them (segment.md §12.2).

Text has no escapes and keeps single quotes as part of it; a number has no exponent; whatever else
is no token spoils the whole string.
"""

import re
from typing import Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["word", "text", "number", "operator", "joint", "mark", "end"]

_TOKEN = re.compile(
    r"""
    (?P<text>"[^"]*"|'[^']*')
  | (?P<number>-?[0-9]+(?:\.[0-9]+)?)
  | (?P<word>(?:[A-Za-z_]|\\.)(?:[A-Za-z0-9_-]|\\.)*)
  | (?P<operator>!=|<=|>=|[=<>!])
  | (?P<mark>[.,()\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS: dict[str, Kind] = {
    "text": "text",
    "number": "number",
    "word": "word",
    "operator": "operator",
    "mark": "mark",
}
_BLANKS = re.compile(r"\s*")


class Token(msgspec.Struct, frozen=True, gc=False):
    """`text` as written; at the end `eos`, which the parser takes for a value like any other."""

    kind: Kind
    text: str
    at: int


def tokenize(text: str) -> list[Token] | int:
    """The tokens, an `end` last, or the place of what is none."""
    tokens: list[Token] = []
    at = _after_blanks(text, 0)
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            return at
        kind: Kind = "joint" if found[0] in ("and", "or") else _KINDS[str(found.lastgroup)]
        tokens.append(Token(kind, found[0], at))
        at = _after_blanks(text, found.end())
    return [*tokens, Token("end", "eos", len(text))]


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at
