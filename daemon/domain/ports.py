"""What the stages ask of the world outside; each is given to them by `app`."""

from typing import Protocol


class Clock(Protocol):
    """The wall clock, for what is stored or shown. Waiting is anyio's."""

    def now(self) -> int:
        """Milliseconds since 1970, UTC."""
        ...
