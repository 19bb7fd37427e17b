"""What the servers under measurement share: they say their port once, and end with their stdin."""

import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias

import anyio

Serve: TypeAlias = Callable[[Callable[[int], None]], Coroutine[Any, Any, None]]


def run(serve: Serve) -> None:
    """Run `serve`, which tells its port, on uvloop."""
    anyio.run(partial(_run, serve), backend_options={"use_uvloop": True})


async def _run(serve: Serve) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(serve, _announce)
        await anyio.wait_readable(sys.stdin.fileno())
        group.cancel_scope.cancel()


def _announce(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
