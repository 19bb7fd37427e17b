"""Reads of Iterable that wait and try again: a sweep isn't lost to one bad minute."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from daemon.errors import ServerFailed, Throttled, Unreachable

T = TypeVar("T")

TRIES = 6
LONGEST_SECONDS = 60.0
_THROTTLED_SECONDS = 15.0


async def patiently(read: Callable[[], Awaitable[T]]) -> T:
    """Try a read up to `TRIES` times, pausing longer each time; being told to wait is no failure
    of its own, but counts. Raises what the last try raised, and at once what no waiting heals.
    """
    for tried in range(1, TRIES):
        try:
            return await read()
        except Throttled as error:
            seconds = _THROTTLED_SECONDS if error.retry_after is None else error.retry_after
            await anyio.sleep(min(seconds, LONGEST_SECONDS))
        except (Unreachable, ServerFailed):
            await anyio.sleep(min(2.0 ** (tried - 1), LONGEST_SECONDS))
    return await read()
