"""What the reconciler can be asked, and how whoever asks gets the answer."""

from dataclasses import dataclass, field
from typing import TypeAlias

import anyio
import msgspec

from daemon.errors import SegueError, Unavailable
from daemon.reconcile.applying import Approval
from daemon.reconcile.report import RunReport


class Plan(msgspec.Struct, frozen=True):
    """Compare and plan; change nothing. `users`: userIds, e-mails or user keys; empty for all."""

    users: tuple[str, ...] = ()


class Apply(msgspec.Struct, frozen=True):
    """Apply plan `plan` and look again."""

    plan: int
    approval: Approval


class Scheduled(msgspec.Struct, frozen=True):
    """Compare all, and repair as the settings allow."""


Request: TypeAlias = Plan | Apply | Scheduled


@dataclass(slots=True)
class Asked:
    """A request on its way. Its report or error is there once `done` is set."""

    request: Request
    done: anyio.Event = field(default_factory=anyio.Event)
    report: RunReport | None = None
    error: SegueError | None = None

    async def answer(self) -> RunReport:
        """Wait for the report. Raises what the request ended in."""
        await self.done.wait()
        if self.error is not None:
            raise self.error
        if self.report is None:
            raise Unavailable("the reconciler was interrupted; ask again")
        return self.report
