"""A lane: the only writer of its shards' users (DESIGN §3).

It takes one turn after another until it is drained. Whatever fails inside a turn ends the run:
memory is dropped, and the next run starts from the store, where open calls count as uncertain.
"""

from collections.abc import Callable

import anyio

from daemon.clients.status import Trouble
from daemon.domain.commands import Endpoint
from daemon.outbound.parts import LaneParts
from daemon.outbound.start import start_from
from daemon.outbound.turns import Turns
from daemon.telemetry import names

_IDLE_SECONDS = 1.0


def _nobody() -> None:
    """There is no other lane."""


class Lane:
    """An actor. `progress` is called once a turn, `appended` when it has put rows into the log:
    whichever lane they are for need not wait until it looks by itself.
    """

    def __init__(
        self,
        name: str,
        parts: LaneParts,
        progress: Callable[[], None],
        appended: Callable[[], None] = _nobody,
    ) -> None:
        self.name = name
        self._parts = parts
        self._progress = progress
        self._appended = appended
        self._wake = anyio.Event()
        self._draining = False
        self._over = anyio.Event()
        self._over.set()
        self._turns: Turns | None = None

    def flying(self) -> dict[Endpoint, int]:
        """How many calls are begun and not over, by endpoint; for any thread to read.

        Those a run that failed left open count until the next one has closed them.
        """
        return {} if self._turns is None else self._turns.flying()

    def troubles(self) -> list[Trouble]:
        """What its calls fail with at present."""
        return [] if self._turns is None else self._turns.troubles()

    def nudge(self) -> None:
        """Something new is in the log, or a call is over: look now."""
        self._wake.set()

    def drain(self) -> None:
        """Finish: let land what flies, write it down, and end."""
        self._draining = True
        self.nudge()

    async def finish(self) -> None:
        """Drain, and return once no run is under way."""
        self.drain()
        await self._over.wait()

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Work until drained. Raises StoreUnavailable, or whatever our own code did wrong."""
        try:
            await self._run(ready)
        finally:
            self._over.set()

    def _spoke(self) -> None:
        self.nudge()
        self._appended()

    async def _run(self, ready: Callable[[], None]) -> None:
        self._over = anyio.Event()
        parts = self._parts
        state = await start_from(parts.database, parts.shards)
        async with anyio.create_task_group() as group:
            turns = self._turns = Turns(parts, state, group, self.nudge, self._spoke)
            await turns.recover(state)
            ready()
            while not (self._draining and turns.grounded):
                self._wake = anyio.Event()
                with parts.instruments.span(names.SPAN_TURN, {names.ATTR_LANE: self.name}):
                    busy = await turns.take(draining=self._draining)
                self._progress()
                if not busy:
                    with anyio.move_on_after(turns.patience(_IDLE_SECONDS)):
                        await self._wake.wait()
            group.cancel_scope.cancel()
