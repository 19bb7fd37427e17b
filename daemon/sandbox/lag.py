"""How long a write stays invisible: drawn from what was recorded, fixed, or nothing.

The table is 59 measured lags of single-user writes (iterable.md §14). Nobody measured bulk calls or
exports; they draw from the same table until a setting says otherwise.
"""

from random import Random

from daemon.sandbox.settings import LagSettings

RECORDED_SECONDS = (0,) * 22 + (1,) * 18 + (2,) * 6 + (3,) * 6 + (4,) * 4 + (5, 6, 12)


def table(settings: LagSettings) -> tuple[int, ...]:
    """The lags one draw chooses from, in milliseconds."""
    match settings.mode:
        case "off":
            return (0,)
        case "fixed":
            return (settings.fixed_ms,)
        case "recorded":
            return tuple(round(s * 1000 * settings.scale) for s in RECORDED_SECONDS)


class Lag:
    """Draws the moment at which what is written now becomes visible."""

    def __init__(self, settings: LagSettings, rng: Random) -> None:
        self._table = table(settings)
        self._chance = rng.random
        self.longest = max(self._table)

    def draw(self) -> int:
        """One lag in milliseconds."""
        return self._table[int(self._chance() * len(self._table))]

    def moments(self, now: int) -> tuple[int, ...]:
        """The moments a bulk call's rows draw from: shared integers, for there may be millions."""
        return tuple(now + lag for lag in self._table)
