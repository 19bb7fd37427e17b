"""Keeps actors running: restarts one that fails, gives up on one that keeps failing.

Every actor is supervised by itself, in its own task, so a failure restarts only the actor that
failed. Past the restart budget the error leaves the supervisor, the process ends, and systemd
decides. A mistake in the configuration is not retried, wherever in a group it is raised: task
groups always raise groups, even for one error.
"""

import logging
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import anyio
from anyio.abc import TaskStatus

from daemon.actors.vitals import Pulse, State, Vitals
from daemon.domain.ports import Clock
from daemon.errors import ActorKilled, ConfigurationError, RestartsExhausted

log = logging.getLogger(__name__)


class Actor(Protocol):
    """Something that runs until it is cancelled or has no more to do."""

    @property
    def name(self) -> str:
        """Unique within the process."""

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Work. Call `ready` once the actor can serve; raise to be restarted; return when done."""


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """At most `budget` restarts in any `window` seconds; waits double from `first` to `longest`."""

    budget: int = 5
    window: float = 60.0
    first: float = 0.2
    longest: float = 15.0

    def delay(self, failures: int, rng: random.Random) -> float:
        """Full jitter: anything between zero and the doubled wait, in seconds."""
        return rng.uniform(0, min(self.longest, self.first * 2 ** min(failures - 1, 30)))


def _unheard(_name: str, _error: Exception) -> None:
    """Nobody listens to failures."""


class Supervisor:
    """Runs actors, each with the same policy, and knows how all of them are doing.

    `failed` is told of every failure (name, error), for counting.
    """

    def __init__(
        self,
        policy: RestartPolicy,
        rng: random.Random,
        clock: Clock,
        failed: Callable[[str, Exception], None] = _unheard,
    ) -> None:
        self._policy, self._rng, self._clock, self._failed = policy, rng, clock, failed
        self._pulses: dict[str, Pulse] = {}
        self._runs: dict[str, anyio.CancelScope] = {}

    async def supervise(
        self,
        actor: Actor,
        depth: Callable[[], int] | None = None,
        *,
        task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Run `actor` until it is done. It has started once it first says `ready`, not sooner.

        `depth` tells how much waits in its mailbox. Use as `await group.start(supervise, actor)`.

        Raises:
            ConfigurationError: the actor raised it, alone or within a group.
            RestartsExhausted: it failed before it was ever ready, or too often.
        """
        pulse = self._pulse(actor.name)
        pulse.depth = depth
        failures: deque[float] = deque()
        started = False

        def ready() -> None:
            nonlocal started
            pulse.started()
            if not started:
                started = True
                task_status.started()

        while True:
            try:
                await self._run_once(actor, ready)
            except Exception as error:  # noqa: BLE001 -- to restart whatever failed is the point
                pulse.last_error = type(error).__name__
                pulse.state = State.FAILED
                self._judge(actor.name, error, failures, started=started)
                pulse.state = State.WAITING
                await anyio.sleep(self._policy.delay(len(failures), self._rng))
                pulse.restarts += 1
                pulse.state = State.STARTING
            else:
                pulse.state = State.FINISHED
                return

    def progress(self, name: str) -> Callable[[], None]:
        """What the actor of this name calls each time it got something done; get it beforehand."""
        return self._pulse(name).beat

    def kill(self, name: str) -> bool:
        """Cancel the present run of one actor as if it had failed; `False` if it isn't running."""
        scope = self._runs.get(name)
        if scope is None:
            return False
        scope.cancel()
        return True

    def vitals(self) -> list[Vitals]:
        """How every actor is doing, in the order they became known."""
        return [pulse.read() for pulse in self._pulses.values()]

    def _pulse(self, name: str) -> Pulse:
        return self._pulses.setdefault(name, Pulse(name, self._clock.now))

    async def _run_once(self, actor: Actor, ready: Callable[[], None]) -> None:
        with anyio.CancelScope() as scope:
            self._runs[actor.name] = scope
            try:
                await actor.run(ready=ready)
            finally:
                del self._runs[actor.name]
        if scope.cancelled_caught:
            raise ActorKilled(f"actor {actor.name} was ended by name")

    def _judge(self, name: str, error: Exception, failures: deque[float], *, started: bool) -> None:
        """Return if the actor may be restarted; raise if it may not."""
        if _holds(error, ConfigurationError):
            raise error
        self._failed(name, error)
        now = anyio.current_time()
        failures.append(now)
        while failures[0] <= now - self._policy.window:
            failures.popleft()
        if not started or len(failures) > self._policy.budget:
            raise RestartsExhausted(
                f"actor {name} failed {len(failures)} times in {self._policy.window:g} s: {error}"
                if started
                else f"actor {name} could not start: {error}"
            ) from error
        log.error("actor %s failed (%d in window), restarting", name, len(failures), exc_info=error)


def _holds(error: Exception, kind: type[Exception]) -> bool:
    """Whether `error` is of `kind` or is a group that holds one that is."""
    if isinstance(error, ExceptionGroup):
        return error.subgroup(kind) is not None
    return isinstance(error, kind)
