"""Goes through the tokens of a subscribe string from left to right, and says what doesn't fit."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from daemon.mapping.subscribe.errors import SubscribeError, shown
from daemon.mapping.subscribe.foreign import meant
from daemon.mapping.subscribe.tokens import Token, tokenize

MAX_NESTING: Final = 32


class Cursor:
    """Stands before a token; how deeply parentheses, `!` and functions are nested is bounded."""

    def __init__(self, text: str) -> None:
        self._tokens = tokenize(text)
        self._position = 0
        self._depth = 0

    @property
    def _token(self) -> Token:
        token = self._tokens[self._position]
        if token.kind == "wrong":
            raise SubscribeError(token.at + 1, token.text)
        return token

    @property
    def _after(self) -> str:
        """The text behind the next token."""
        return self._tokens[min(self._position + 1, len(self._tokens) - 1)].text

    def _advance(self) -> Token:
        token = self._token
        self._position += 1
        return token

    def _close(self, opening: Token) -> None:
        if self._token.kind == "end":
            raise self._wrong(f"the `(` at character {opening.at + 1} is not closed")
        if self._token.text != ")":
            raise self._unexpected("`)`, `and` or `or`")
        self._advance()

    @contextmanager
    def _deeper(self, opening: Token) -> Iterator[None]:
        if self._depth == MAX_NESTING:
            raise SubscribeError(opening.at + 1, f"it is nested more than {MAX_NESTING} deep")
        self._depth += 1
        yield
        self._depth -= 1

    def _unexpected(self, expected: str) -> SubscribeError:
        if self._token.kind == "end":
            return self._wrong(f"it ends too early; expected {expected}")
        found = self._token.text
        return self._wrong(f"expected {expected}, found {shown(found)}{meant(found)}")

    def _wrong(self, why: str) -> SubscribeError:
        return SubscribeError(self._token.at + 1, why)
