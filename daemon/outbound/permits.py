"""Whether a call may be opened now: budgets, what flies already, and pauses after failures.

A pause is about an endpoint, or about one kind of call of it. It is kept as a time of the wall
clock, and never lasts longer than the longest there is, should that clock be set back.
"""

import logging
import random
from typing import TypeAlias

import anyio

from daemon.clients.iterable.budgets import Budgets
from daemon.clients.status import Trouble
from daemon.domain.commands import CallKey, Endpoint
from daemon.domain.messages import MessageClass
from daemon.errors import ServiceError
from daemon.outbound.landing import Patience
from daemon.outbound.residents import NEVER

log = logging.getLogger(__name__)

Paused: TypeAlias = Endpoint | CallKey

_PAUSE_FIRST = 500
_PAUSE_UNAUTHORIZED = 60_000


class Permits:
    """Those of one lane. `flying` counts its calls by endpoint, at most `most` of each; `troubles`
    are the endpoints whose last call failed as a whole.
    """

    def __init__(
        self, budgets: Budgets, patience: Patience, rng: random.Random, *, most: int
    ) -> None:
        self._budgets = budgets
        self._patience = patience
        self._rng = rng
        self._most = most
        self.flying: dict[Endpoint, int] = {}
        self._paused: dict[Paused, int] = {}
        self._failures: dict[Paused, int] = {}
        self._asked_again: int = NEVER
        self.troubles: dict[Endpoint, Trouble] = {}

    def renew(self) -> None:
        """A new turn asks anew."""
        self._asked_again = NEVER

    def take(self, key: CallKey, message_class: MessageClass, now: int) -> bool:
        """Take a token if a call may be opened now; else note when to ask again."""
        endpoint = key.endpoint
        if any([self._waits(endpoint, now), self._waits(key, now)]):
            return False
        if self.flying.get(endpoint, 0) >= self._most:
            return False
        wait = self._budgets[endpoint].take(anyio.current_time(), message_class)
        if wait > 0.0:
            self._asked_again = min(self._asked_again, now + int(wait * 1000) + 1)
            return False
        return True

    def opened(self, endpoint: Endpoint) -> None:
        self.flying[endpoint] = self.flying.get(endpoint, 0) + 1

    def closed(self, endpoint: Endpoint) -> None:
        self.flying[endpoint] -= 1

    def next_chance(self, now: int) -> int:
        """When a call may be opened that was held back by a budget or a pause, ms."""
        paused = [until for until in self._paused.values() if until > now]
        return min([self._asked_again, *paused])

    def pause(self, what: Paused, now: int) -> int:
        """It failed: pause it, longer each time. How often in a row; calls that flew together
        count once.
        """
        failures = self._failures.get(what, 0)
        if self._paused.get(what, 0) > now:
            return failures
        self._failures[what] = failures + 1
        longest = min(self._patience.longest_pause, _PAUSE_FIRST * 2 ** min(failures, 20))
        self._paused[what] = now + int(self._rng.uniform(longest / 2, longest))
        return failures + 1

    def pause_unauthorized(self, endpoint: Endpoint, now: int) -> None:
        self._paused[endpoint] = now + _PAUSE_UNAUTHORIZED

    def trouble(self, endpoint: Endpoint, error: ServiceError | None, now: int) -> None:
        """Note what its calls fail with, and say so once."""
        reason = str(error) if error else "no answer"
        if endpoint not in self.troubles:
            log.warning("%s fails, and is tried again: %s", endpoint, reason)
            self.troubles[endpoint] = Trouble(str(endpoint), now, reason)

    def well(self, what: Paused) -> None:
        """It was answered: the next failure is the first one again."""
        self._failures.pop(what, None)
        if isinstance(what, Endpoint) and what in self.troubles:
            del self.troubles[what]
            log.warning("%s works again", what)

    def _waits(self, what: Paused, now: int) -> bool:
        until = self._paused.get(what)
        if until is None:
            return False
        longest = max(self._patience.longest_pause, _PAUSE_UNAUTHORIZED)
        until = self._paused[what] = min(until, now + longest)
        if until <= now:
            del self._paused[what]
        return until > now
