"""The demo's sandbox as a process; the line it reads is its seed."""

import anyio

from daemon.cli.demonstration.child import announce, run, when_told
from daemon.sandbox.server import serve
from daemon.sandbox.settings import SandboxSettings


async def _serve(seed: str) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(when_told, group.cancel_scope.cancel)
        await serve(SandboxSettings(seed=int(seed)), ready=announce)


if __name__ == "__main__":
    run(_serve)
