"""A token bucket that knows two classes and adapts to 429. Pure arithmetic: time is passed in.

**Small bursts.** The bucket holds one call and what accrues in 50 ms. In any window of w seconds
it lets out at most `1 + rate * (w + 0.05)` calls, so the full published rate can be used without
an answer of 429 from a service that tolerates a burst of two; and a caller that wakes up to 50 ms
late loses nothing, so the rate is reached. A rate of a single call each period may meet a bucket
of one, which forgives no jitter on the way: there the burst is one call and the rate 95 %.

**Two classes.** Live calls go first. Repairs take tokens no live call waits for, and beside that
are sure of a small share, so that they come through under any load: once they have earned a
token from the share, live calls leave them the next one.

**429.** The whole bucket pauses and the rate is halved, once for all calls that were under way;
then it grows back steadily to the configured one.
"""

import math
from typing import TypeAlias

import msgspec

from daemon.domain.messages import MessageClass

LATENESS = 0.05
"""Seconds a caller may wake too late without losing tokens."""

REPAIR_SHARE = 0.1
RECOVERY = 0.01
"""Share of the configured rate that comes back each second after a 429."""

_ROOMY = 2
_TIGHT_SHARE = 0.95
_FLOOR = 1 / 16
_ONE_CUT_PER = 1.0
_LONGEST_PAUSE = 600.0
_LONGEST_GUESS = 60.0
_SHORTEST_WAIT = 0.001
_ALMOST = 1.0 - 1e-9

Seconds: TypeAlias = float


class Rate(msgspec.Struct, frozen=True, array_like=True):
    """`tokens` calls in each `per_seconds` seconds."""

    tokens: float
    per_seconds: Seconds = 1.0

    @property
    def per_second(self) -> float:
        return self.tokens / self.per_seconds

    def __str__(self) -> str:
        unit = {1.0: "s", 60.0: "min"}.get(self.per_seconds, f"{self.per_seconds:g} s")
        return f"{self.tokens:g}/{unit}"


class BudgetState(msgspec.Struct, frozen=True):
    """What `status` shows. Rates are calls per second; None means no limit.

    `tokens` is how many calls may be made at once.
    """

    configured: float | None
    rate: float | None
    tokens: float | None
    paused_for: Seconds
    taken: int
    throttled: int


class Budget:
    """The calls one endpoint may get. `rate` None lets all pass, but a 429 still pauses.

    `now` is any steadily growing number of seconds, the same for all methods.
    """

    def __init__(self, rate: Rate | None) -> None:
        roomy = rate is None or rate.tokens >= _ROOMY
        per_second = rate.per_second if rate else math.inf
        self._configured = per_second if roomy else per_second * _TIGHT_SHARE
        self._lateness = LATENESS if roomy else 0.0
        self._factor = 1.0
        self._tokens = 1.0
        self._earned = 0.0
        self._at = -math.inf
        self._paused_until = -math.inf
        self._cut_at = -math.inf
        self._guess = 0.0
        self._live_waits_until = -math.inf
        self._repair_waits_until = -math.inf
        self._taken = 0
        self._throttled = 0

    def take(self, now: Seconds, message_class: MessageClass = MessageClass.LIVE) -> Seconds:
        """Take a token: 0.0 if there was one for this class, else how long to wait before asking
        again.
        """
        live = message_class is MessageClass.LIVE
        self._accrue(now)
        wait = self._wait(now, live=live)
        if wait > 0.0:
            self._note_waiting(now + wait, live=live)
            return wait
        self._taken += 1
        if math.isfinite(self._configured):
            self._tokens -= 1.0
        if not live:
            self._earned = max(self._earned - 1.0, 0.0)
            self._repair_waits_until = -math.inf
        return 0.0

    def pause(self, now: Seconds, retry_after: Seconds | None) -> Seconds:
        """After a 429: nothing passes for `retry_after` seconds; returns how long that is.

        None guesses: one second (or one call's time, if longer), doubled while 429s keep coming.
        """
        self._accrue(now)
        self._throttled += 1
        if now >= max(self._paused_until, self._cut_at + _ONE_CUT_PER):
            self._guess = self._next_guess()
            self._factor = max(self._factor / 2, _FLOOR)
            self._cut_at = now
        pause = self._guess if retry_after is None else max(retry_after, 0.0)
        self._paused_until = max(self._paused_until, now + min(pause, _LONGEST_PAUSE))
        self._tokens = min(self._tokens, 1.0)
        return self._paused_until - now

    def state(self, now: Seconds) -> BudgetState:
        """How the budget stands."""
        self._accrue(now)
        limited = math.isfinite(self._configured)
        return BudgetState(
            configured=self._configured if limited else None,
            rate=self._configured * self._factor if limited else None,
            tokens=(0.0 if now < self._paused_until else self._tokens) if limited else None,
            paused_for=max(self._paused_until - now, 0.0),
            taken=self._taken,
            throttled=self._throttled,
        )

    def _next_guess(self) -> Seconds:
        keeps_coming = self._factor < 1.0 and self._guess > 0.0
        guess = self._guess * 2 if keeps_coming else max(1.0, self._interval())
        return min(guess, _LONGEST_GUESS)

    def _interval(self) -> Seconds:
        return 1.0 / (self._configured * self._factor)

    def _accrue(self, now: Seconds) -> None:
        since = max(self._at, self._paused_until)
        self._at = max(self._at, now)
        seconds = now - since
        if not 0.0 < seconds < math.inf:
            return
        if math.isfinite(self._configured):
            rate = self._configured * self._factor
            self._tokens = min(self._tokens + rate * seconds, 1.0 + rate * self._lateness)
            self._earned = min(self._earned + REPAIR_SHARE * rate * seconds, 1.0)
        self._factor = min(self._factor + RECOVERY * seconds, 1.0)

    def _wait(self, now: Seconds, *, live: bool) -> Seconds:
        if now < self._paused_until:
            return max(self._paused_until - now, _SHORTEST_WAIT)
        if math.isinf(self._configured):
            return 0.0
        if self._tokens < _ALMOST:
            return max((1.0 - self._tokens) * self._interval(), _SHORTEST_WAIT)
        repair_is_due = self._earned >= _ALMOST
        others_wait = (
            repair_is_due and now < self._repair_waits_until
            if live
            else not repair_is_due and now < self._live_waits_until
        )
        return self._interval() if others_wait and self._tokens < 1.0 + _ALMOST else 0.0

    def _note_waiting(self, until: Seconds, *, live: bool) -> None:
        until += LATENESS
        if live:
            self._live_waits_until = max(self._live_waits_until, until)
        else:
            self._repair_waits_until = max(self._repair_waits_until, until)
