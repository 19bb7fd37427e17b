"""The words and signs of a subscribe string, with their places.

What can't be read becomes a token too, so that mistakes are told in the order they stand.
"""

import re
from typing import Final, Literal, TypeAlias
from unicodedata import category

import msgspec

from daemon.mapping.subscribe.errors import SubscribeError, shown

MAX_BYTES: Final = 65_536

Kind: TypeAlias = Literal["text", "number", "word", "sign", "end", "wrong"]

_TOKEN = re.compile(
    r"""
    (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
  | (?P<word>(?:[A-Za-z_]|\$(?=\.)|\\.)(?:[A-Za-z0-9_.-]|\\.)*)
  | (?P<sign>===|!==|==|!=|>=|<=|<>|=>|=<|=~|!~|&&|\|\||[=<>!(),\[\]&|~])
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS: dict[str, Kind] = {"text": "text", "number": "number", "word": "word", "sign": "sign"}
_BLANKS = re.compile(r"\s*")
_ENDS_WORD = frozenset("=!<>(),[]&|~")


class Token(msgspec.Struct, frozen=True, gc=False):
    """`text` as written, for a wrong one what is wrong. `at` counts from 0."""

    kind: Kind
    text: str
    at: int


def tokenize(text: str) -> list[Token]:
    """All tokens, an `end` or a `wrong` one last. Raises SubscribeError for too long a text."""
    encoded = text.encode("utf-8", "surrogatepass")
    if len(encoded) > MAX_BYTES:
        reached = len(encoded[:MAX_BYTES].decode("utf-8", "ignore"))
        raise SubscribeError(reached + 1, f"it is longer than {MAX_BYTES:,} bytes")
    tokens: list[Token] = []
    at = _after_blanks(text, 0)
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            return [*tokens, Token("wrong", _unreadable(text[at:]), at)]
        kind = _KINDS[str(found.lastgroup)]
        tokens.append(Token(kind, found[0], at))
        if kind in ("word", "number") and (wrong := _glued(text, found.end(), kind)):
            return [*tokens, wrong]
        at = _after_blanks(text, found.end())
    return [*tokens, Token("end", "", len(text))]


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _glued(text: str, at: int, kind: Kind) -> Token | None:
    """What is wrong where a word or number runs on into a character that is no part of it."""
    if at == len(text) or text[at].isspace() or text[at] in _ENDS_WORD:
        return None
    if kind == "number":
        return Token("wrong", f"{shown(text[at])} can't follow a number", at)
    if text[at] == "\\":
        return Token("wrong", "`\\` stands at the end and escapes nothing", at)
    why = f"in a path {shown(text[at])} is written {shown(chr(92) + text[at])}"
    return Token("wrong", why, at)


def _unreadable(rest: str) -> str:
    if rest[0] in "\"'":
        return f"the text that begins with {rest[0]} is not closed"
    if category(rest[0]) in ("Pi", "Pf") or rest[0] in "`\N{DOUBLE LOW-9 QUOTATION MARK}":
        return f'{shown(rest[0])} is not understood; text stands in straight quotes, as in "a"'
    return f"{shown(rest[0])} is not understood"
