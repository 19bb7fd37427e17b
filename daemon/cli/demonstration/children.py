"""The demo's other processes, seen from the demo: begun together, told what to do, ended.

They lead sessions of their own, so that Ctrl-C reaches only the demo, which ends them in order.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Literal

import anyio
import msgspec
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.buffered import BufferedByteReceiveStream

from daemon.cli.demonstration.wire import Place
from daemon.errors import Unavailable

Role = Literal["sandbox", "serve"]

_START_SECONDS = 60
_STOP_SECONDS = 30
_LAST_LINES = 5
_LONGEST_LINE = 100


class Child(msgspec.Struct, frozen=True):
    """One process. What it writes to stderr goes to `log`."""

    role: Role
    log: Path
    process: Process
    ear: ByteReceiveStream
    mouth: ByteSendStream

    async def begin(self, argument: str) -> Place:
        """Tell it what to do; its port, once it is ready. Raises Unavailable if it ends first."""
        try:
            with anyio.fail_after(_START_SECONDS):
                await self.mouth.send(f"{argument}\n".encode())
                line = await BufferedByteReceiveStream(self.ear).receive_until(b"\n", _LONGEST_LINE)
        except (anyio.IncompleteRead, anyio.BrokenResourceError, TimeoutError):
            raise self._ended() from None
        return Place(int(line))

    async def watch(self) -> None:
        """Raises Unavailable when it ends."""
        await self.process.wait()
        raise self._ended()

    def _ended(self) -> Unavailable:
        last = self.log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        return Unavailable("\n".join([f"the demo's {self.role} has ended:", *last]))


@asynccontextmanager
async def child_process(folder: Path, role: Role) -> AsyncIterator[Child]:
    """A process for as long as the block runs."""
    log = folder / f"{role}.log"
    process = await _open(log, role)
    try:
        if process.stdin is None or process.stdout is None:
            raise Unavailable(f"the demo's {role} can't be reached")
        yield Child(role, log, process, process.stdout, process.stdin)
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process, role)


async def _open(log: Path, role: Role) -> Process:
    command = [sys.executable, "-m", f"{__package__}.child_{role}"]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await anyio.open_process(
            command, stdin=PIPE, stdout=PIPE, stderr=descriptor, start_new_session=True
        )
    finally:
        os.close(descriptor)


async def _end(process: Process, role: Role) -> None:
    """The daemon drains when its standard input ends; the sandbox has nothing to save."""
    if role == "serve":
        with anyio.move_on_after(_STOP_SECONDS):
            if process.stdin is not None:
                await process.stdin.aclose()
            await process.wait()
    if process.returncode is None:
        process.kill()
    await process.aclose()
