"""How an actor is doing, in figures that `segue status --actors` prints."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import msgspec


class State(StrEnum):
    """Where an actor stands between its start and its end."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"  # to be restarted
    FINISHED = "finished"
    FAILED = "failed"
    FAILING = "failing"  # past its restart budget, and to be tried again after a long wait


class Vitals(msgspec.Struct, frozen=True):
    """One actor at one moment; times are milliseconds UTC, `None` where there was none yet."""

    name: str
    state: State
    restarts: int
    started_at: int | None
    progress_at: int | None
    depth: int | None
    last_error: str | None


@dataclass(slots=True)
class Pulse:
    """What the supervisor keeps of one actor, across its restarts."""

    name: str
    now: Callable[[], int]
    depth: Callable[[], int] | None = None
    state: State = State.STARTING
    restarts: int = 0
    started_at: int | None = None
    progress_at: int | None = None
    last_error: str | None = None

    def beat(self) -> None:
        """Note that the actor got something done."""
        self.progress_at = self.now()

    def started(self) -> None:
        """Note that this run serves now."""
        self.state = State.RUNNING
        self.started_at = self.progress_at = self.now()

    def read(self) -> Vitals:
        """A frozen copy."""
        return Vitals(
            name=self.name,
            state=self.state,
            restarts=self.restarts,
            started_at=self.started_at,
            progress_at=self.progress_at,
            depth=self.depth() if self.depth else None,
            last_error=self.last_error,
        )
