"""What the demo's processes share.

A child reads one line, what it is to work with, and writes one, its port, once it is ready. It
ends when its standard input does: so it never outlives the demo.
"""

import sys
from collections.abc import Awaitable, Callable

import anyio

from daemon.errors import SegueError


def run(work: Callable[[str], Awaitable[None]]) -> None:
    """Do the work with the line that is read; a SegueError becomes a line on stderr, and code 1."""
    argument = sys.stdin.readline().strip()
    if not argument:
        return
    try:
        anyio.run(work, argument, backend_options={"use_uvloop": True})
    except* SegueError as errors:
        sys.stderr.write("".join(f"{error}\n" for error in errors.exceptions))
        sys.exit(1)


def announce(port: int) -> None:
    """Say that it is ready, and where."""
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


async def when_told(end: Callable[[], None]) -> None:
    """Wait for the end of standard input, then call `end`."""
    await anyio.wait_readable(sys.stdin.fileno())
    end()
