"""The demo's other processes: `python -m daemon.cli.demonstration.child sandbox <seed>` and
`... serve <configuration>`.

A child writes one line, its port, once it is ready. It ends when told by a signal, or when its
standard input does: so it never outlives the demo that began it.
"""

import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio

from daemon.app import serve
from daemon.errors import SegueError
from daemon.sandbox import server as sandbox
from daemon.sandbox.settings import SandboxSettings
from daemon.settings import load_settings
from daemon.store.migrate import upgrade


def main(role: str, argument: str) -> None:
    """Run one role until it is ended. A SegueError becomes a line on stderr and exit code 1."""
    run = partial(_sandbox, int(argument)) if role == "sandbox" else partial(_serve, Path(argument))
    try:
        anyio.run(run, backend_options={"use_uvloop": True})
    except* SegueError as errors:
        sys.stderr.write("".join(f"{error}\n" for error in errors.exceptions))
        sys.exit(1)


async def _sandbox(seed: int) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(_until_told, group.cancel_scope.cancel)
        await sandbox.serve(SandboxSettings(seed=seed), ready=_announce)


async def _serve(config: Path) -> None:
    settings = load_settings(config, {})
    upgrade(settings.store.url.get_secret_value())
    stop = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(_until_told, stop.set)
        await serve(
            settings,
            ready=lambda served: _announce(served.web_port),
            stop=stop,
            handle_signals=False,
        )
        group.cancel_scope.cancel()


async def _until_told(end: Callable[[], None]) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(_signalled, group.cancel_scope.cancel)
        await anyio.wait_readable(sys.stdin.fileno())
        group.cancel_scope.cancel()
    end()


async def _signalled(end: Callable[[], None]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        async for _ in received:
            end()


def _announce(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
