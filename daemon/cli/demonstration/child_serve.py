"""The demo's daemon as a process; the line it reads is the path of its configuration.

Only that file counts: the environment of whoever tries the demo doesn't reach it.
"""

from pathlib import Path

import anyio

from daemon.app import serve
from daemon.cli.demonstration.child import announce, run, when_told
from daemon.settings import load_settings
from daemon.store.migrate import upgrade


async def _serve(config: str) -> None:
    settings = load_settings(Path(config), {})
    upgrade(settings.store.url.get_secret_value())
    stop = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(when_told, stop.set)
        await serve(
            settings,
            ready=lambda served: announce(served.web_port),
            stop=stop,
            handle_signals=False,
        )
        group.cancel_scope.cancel()


if __name__ == "__main__":
    run(_serve)
