"""The one error of the `subscribe` language, and how a piece of somebody's text is shown in it."""

_LONGEST = 60


class SubscribeError(ValueError):
    """A subscribe string that can't be read. `character` is where, from 1; the text says why."""

    def __init__(self, character: int, why: str) -> None:
        self.character = character
        super().__init__(f"at character {character}: {why}")


def shown(text: str) -> str:
    """Text on one line, not too long, fit for any terminal, in backquotes."""
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return f"`{''.join(c if c.isprintable() else _escaped(c) for c in short)}`"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
