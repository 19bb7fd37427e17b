"""An event loop whose time is virtual: it jumps to the next timer instead of waiting for it.

A test opts in with `@pytest.mark.parametrize("anyio_backend", [VIRTUAL])`, a module with
`pytestmark`. Sleeps, time-outs and anything else that waits by anyio are then free. While a worker
thread of anyio's default limiter is busy, time stands still; with a limiter of your own it jumps.
"""

import asyncio
import selectors
from collections.abc import Callable
from datetime import datetime

import anyio
import anyio.to_thread


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits for a timer. While a worker thread is busy it waits for that thread instead."""

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None or _threads_busy():
            return super().select(None if timeout is None else 1.0)
        self._jump(timeout)
        return ready


def _threads_busy() -> bool:
    try:
        return anyio.to_thread.current_default_thread_limiter().borrowed_tokens > 0
    except anyio.NoEventLoopError:
        return False  # the loop is being closed


class VirtualLoop(asyncio.SelectorEventLoop):
    """Use as `loop_factory` of the asyncio backend: every sleep and every timeout becomes free."""

    def __init__(self) -> None:
        self._virtual = 0.0
        super().__init__(_JumpingSelector(self._advance))

    def _advance(self, seconds: float) -> None:
        self._virtual += seconds

    def time(self) -> float:
        return self._virtual


VIRTUAL = ("asyncio", {"loop_factory": VirtualLoop})


class LoopClock:
    """A wall clock that agrees with the loop, however far the loop has jumped."""

    def __init__(self, began: datetime) -> None:
        self._began = int(began.timestamp() * 1000)

    def now(self) -> int:
        return self._began + round(anyio.current_time() * 1000)
