"""What somebody evidently meant who wrote a trigger: the same text, read by the full language."""

from daemon.mapping.subscribe.errors import SubscribeError
from daemon.mapping.subscribe.foreign import here
from daemon.mapping.subscribe.literals import CONSTANT_WORDS, names_of
from daemon.mapping.subscribe.parser import read
from daemon.mapping.subscribe.roots import ROOTS
from daemon.mapping.subscribe.tokens import Token, tokenize
from daemon.mapping.subscribe.writing import write

_ROOTS = frozenset(root.name for root in ROOTS)


def intended(text: str) -> str | None:
    """The text in the full language, `==` and the like mended; None where that isn't clear."""
    for reading in (str, _mended):
        try:
            return write(read(reading(text), ROOTS))
        except SubscribeError:
            continue
    return None


def _mended(text: str) -> str:
    tokens = tokenize(text)
    while len(tokens) > 1 and tokens[-2].text.lower() in ("and", "or"):
        del tokens[-2]
    before = [Token("sign", "", 0), *tokens]
    return " ".join(_said_here(last, token) for last, token in zip(before, tokens, strict=False))


def _said_here(last: Token, token: Token) -> str:
    if token.kind == "word" and last.text in ("=", "!=", "==", "===", "!=="):
        known = token.text in CONSTANT_WORDS or names_of(token.text)[0] in _ROOTS
        return token.text if known else f'"{token.text}"'
    if token.text.lower() == "not":
        return "!"
    right = here(token.text) if token.kind in ("word", "sign") else None
    return right if right and "…" not in right else token.text
