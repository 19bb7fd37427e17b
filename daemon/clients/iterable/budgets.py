"""The budgets of Iterable's endpoints, shared by the lanes and the reconciler.

A lane asks `budgets[endpoint].take(now)` before it opens a call. Whoever reads waits in
`acquire`, one caller per class at a time, so that they come through in the order they came.
"""

from collections.abc import Iterator, Mapping

import anyio

from daemon.clients.bucket import Budget, BudgetState, Rate
from daemon.clients.iterable.endpoints import EffectiveLimit
from daemon.domain.commands import Endpoint
from daemon.domain.messages import MessageClass

__all__ = ["Budget", "BudgetState", "Budgets", "Rate"]


class Budgets(Mapping[Endpoint, Budget]):
    """A Budget for each endpoint, on the event loop's time."""

    def __init__(self, limits: Mapping[Endpoint, EffectiveLimit]) -> None:
        self._budgets = {endpoint: Budget(limit.rate) for endpoint, limit in limits.items()}
        self._turns = {
            (endpoint, repair): anyio.Lock() for endpoint in limits for repair in (False, True)
        }

    def __getitem__(self, endpoint: Endpoint) -> Budget:
        return self._budgets[endpoint]

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._budgets)

    def __len__(self) -> int:
        return len(self._budgets)

    async def acquire(self, endpoint: Endpoint, *, repair: bool = False) -> None:
        """Wait for a token and take it."""
        message_class = MessageClass.REPAIR if repair else MessageClass.LIVE
        budget = self._budgets[endpoint]
        async with self._turns[endpoint, repair]:
            wait = budget.take(anyio.current_time(), message_class)
            while wait > 0.0:
                await anyio.sleep(wait)
                wait = budget.take(anyio.current_time(), message_class)

    def pause(self, endpoint: Endpoint, retry_after: float | None) -> float:
        """After a 429; returns the length of the pause in seconds."""
        return self._budgets[endpoint].pause(anyio.current_time(), retry_after)

    def states(self) -> dict[Endpoint, BudgetState]:
        """How every budget stands."""
        now = anyio.current_time()
        return {endpoint: budget.state(now) for endpoint, budget in self._budgets.items()}
