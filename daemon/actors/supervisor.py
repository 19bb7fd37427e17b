"""Keeps actors running: restarts one that fails, gives up on one that keeps failing.

Every actor is supervised by itself, in its own task, so a failure restarts only the actor that
failed. Past the restart budget the error leaves the supervisor, the process ends, and systemd
decides; but an actor whose policy says so is only tried less and less often, so that what others do
never stops because of it. The same goes for every actor while the store is away: that is no fault
of its own, and ends once the store is back. A mistake in the configuration is not retried, wherever
in a group it is raised: task groups always raise groups, even for one error.
"""

import logging
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import anyio
from anyio.abc import TaskStatus

from daemon.actors.vitals import Pulse, State, Vitals
from daemon.domain.ports import Clock
from daemon.errors import ActorKilled, ConfigurationError, RestartsExhausted, StoreUnavailable

log = logging.getLogger(__name__)

_MOST_FAILURES = 1000


class Actor(Protocol):
    """Something that runs until it is cancelled or has no more to do."""

    @property
    def name(self) -> str:
        """Unique within the process."""

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Work. Call `ready` once the actor can serve; raise to be restarted; return when done."""


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """At most `budget` restarts in any `window` seconds; waits double from `first` to `longest`.

    Where it doesn't end the process, an actor past its budget *keeps failing*: that is said once,
    and it is restarted after waits up to `longest`. A run of `window` seconds makes good for all
    failures before it.
    """

    budget: int = 5
    window: float = 60.0
    first: float = 0.2
    longest: float = 15.0
    ends_process: bool = True

    def delay(self, failures: int, rng: random.Random) -> float:
        """Full jitter: anything between zero and the doubled wait, in seconds."""
        return rng.uniform(0, min(self.longest, self.first * 2 ** min(failures - 1, 30)))


PATIENT = RestartPolicy(longest=600.0, ends_process=False)
"""For what delivery can do without."""


def _unheard(_name: str, _error: Exception) -> None:
    """Nobody listens to failures."""


class Supervisor:
    """Runs actors, and knows how all of them are doing.

    `policy` is that of every actor without one of its own. `failed` is told of every failure
    (name, error), for counting.
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
        policy: RestartPolicy | None = None,
        task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Run `actor` until it is done. It has started once it first says `ready`, not sooner.

        `depth` tells how much waits in its mailbox. Use as `await group.start(supervise, actor)`.

        Raises:
            ConfigurationError: the actor raised it, alone or within a group.
            RestartsExhausted: it failed before it was ever ready, or too often, and its policy
                ends the process for that.
        """
        pulse, policy = self._pulse(actor.name), policy or self._policy
        pulse.depth = depth
        failures: deque[float] = deque(maxlen=_MOST_FAILURES)
        outages: deque[float] = deque(maxlen=_MOST_FAILURES)
        started = False

        def go_on() -> None:
            nonlocal started
            if not started:
                started = True
                task_status.started()

        def ready() -> None:
            pulse.started()
            go_on()

        while True:
            began = anyio.current_time()
            try:
                await self._run_once(actor, ready)
            except Exception as error:  # noqa: BLE001 -- to restart whatever failed is the point
                pulse.last_error = type(error).__name__
                pulse.state = State.FAILED
                record = _Record(policy, failures, began, started)
                if started and _holds_only(error, StoreUnavailable):
                    record = _Record(replace(policy, ends_process=False), outages, began, started)
                self._judge(actor.name, error, record)
                if not policy.ends_process:
                    go_on()
                keeps_failing = len(record.failures) > policy.budget
                pulse.state = State.FAILING if keeps_failing else State.WAITING
                await anyio.sleep(policy.delay(len(record.failures), self._rng))
                pulse.restarts += 1
                pulse.state = State.STARTING
            else:
                pulse.state = State.FINISHED
                return

    def progress(self, name: str) -> Callable[[], None]:
        """What the actor of this name calls each time it got something done; get it beforehand."""
        return self._pulse(name).beat

    def runs(self, name: str) -> bool:
        """Whether an actor of this name runs now."""
        return name in self._runs

    def kill(self, name: str) -> bool:
        """Cancel the present run of one actor as if it had failed; `False` if it isn't running."""
        scope = self._runs.get(name)
        if scope is None:
            return False
        scope.cancel()
        return True

    def keeps_failing(self, name: str) -> bool:
        """Whether an actor is past its restart budget and waits to be tried again."""
        return self._pulse(name).state is State.FAILING

    def vitals(self) -> list[Vitals]:
        """How every actor is doing, in the order they became known."""
        return [pulse.read() for pulse in list(self._pulses.values())]

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

    def _judge(self, name: str, error: Exception, record: "_Record") -> None:
        """Return if the actor may be restarted; raise if it may not."""
        if _holds(error, ConfigurationError):
            raise error
        self._failed(name, error)
        number, policy = record.add(anyio.current_time()), record.policy
        if policy.ends_process and (not record.started or number > policy.budget):
            raise RestartsExhausted(
                f"actor {name} failed {number} times in {policy.window:g} s: {error}"
                if record.started
                else f"actor {name} could not start: {error}"
            ) from error
        if number <= policy.budget:
            log.error("actor %s failed (%d in window), restarting", name, number, exc_info=error)
        elif number == policy.budget + 1:
            log.critical(
                "actor %s keeps failing (%d times in a row); all else goes on, and it is tried"
                " again at least every %g s",
                name,
                number,
                policy.longest,
                exc_info=error,
            )
        else:
            log.debug("actor %s failed again (%d in a row)", name, number, exc_info=error)


@dataclass(frozen=True, slots=True)
class _Record:
    """What speaks against one actor: when it failed, and how the present run began."""

    policy: RestartPolicy
    failures: deque[float]
    began: float
    started: bool

    def add(self, now: float) -> int:
        """Note a failure; how many count by now."""
        failures, window = self.failures, self.policy.window
        if not self.policy.ends_process and now - self.began >= window:
            failures.clear()
        failures.append(now)
        while self.policy.ends_process and failures[0] <= now - window:
            failures.popleft()
        return len(failures)


def _holds(error: Exception, kind: type[Exception]) -> bool:
    """Whether `error` is of `kind` or is a group that holds one that is."""
    if isinstance(error, ExceptionGroup):
        return error.subgroup(kind) is not None
    return isinstance(error, kind)


def _holds_only(error: Exception, kind: type[Exception]) -> bool:
    """Whether `error` is of `kind`, or is a group of nothing else."""
    if isinstance(error, ExceptionGroup):
        return error.split(kind)[1] is None
    return isinstance(error, kind)
