"""The wall clock of the real world. Nothing else reads it; waiting is anyio's business."""

import time


class SystemClock:
    """Milliseconds since 1970 in UTC, as the machine believes them to be."""

    def now(self) -> int:
        """The present, in milliseconds UTC; it may step back when the machine's time is set."""
        return time.time_ns() // 1_000_000  # noqa: TID251 -- the one place
