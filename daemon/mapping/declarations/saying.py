"""How a mistake about a word is told: what is allowed, and what was probably meant."""

from difflib import get_close_matches

_LONGEST = 60


def one_of(found: object, allowed: list[str]) -> str:
    """`'trak' is not available; use one of track, page; did you mean track?`."""
    shown = repr(found)
    shown = shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
    close = get_close_matches(str(found)[:_LONGEST], allowed, 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{shown} is not available; use one of {', '.join(allowed)}{hint}"
