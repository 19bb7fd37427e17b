"""A sandbox as a process: `python -m tests.bench.sandboxed '{"port": 0, "limits": false}'`."""

import json
import sys
from collections.abc import Callable

import msgspec

from daemon.sandbox.server import serve
from daemon.sandbox.settings import SandboxSettings
from tests.bench.child import run


async def _serve(ready: Callable[[int], None]) -> None:
    given = json.loads(sys.argv[1])
    port = given.pop("port")
    await serve(msgspec.convert(given, SandboxSettings), port=port, ready=ready)


if __name__ == "__main__":
    run(_serve)
