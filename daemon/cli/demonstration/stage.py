"""Where the demo plays: a sandbox and a daemon, each a process of its own, in a folder of its own.

Secrets are made up for each run. Whatever ends the demo ends the processes: they watch the pipe
that is their standard input.
"""

import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE

import anyio
import msgspec
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from daemon.cli.demonstration.wire import Place, SandboxDesk
from daemon.clients.control import ControlClient
from daemon.errors import Unavailable
from daemon.sandbox.settings import SandboxSettings
from daemon.store.database import Database, open_database

SDK_SOURCE, WEBHOOK_SOURCE = "app", "segment"
LIST, CHANNEL = "Gold Members", "Marketing Email"
CONFIG, STORE, SOCKET = "segue.yaml", "segue.db", "segue.sock"
LAG_SECONDS = 15
_START_SECONDS = 60
_STOP_SECONDS = 30
_LAST_LINES = 5

_SETTINGS = """\
# A daemon on the demo's sandbox. Commands find it by:  segue --config <this file> status
project:
  name: demo
  type: hybrid
iterable:
  base_url: {sandbox}
  api_key_file: {folder}/api-key
sources:
  {sdk}:
    write_key_file: {folder}/write-key
  {webhook}:
    webhook_secret_file: {folder}/webhook-secret
store:
  url: sqlite:///{folder}/{store}
ingest:
  port: 0
control:
  socket: {folder}/{socket}
reconcile:
  schedule: "off"
telemetry:
  log_level: warning
mappings:
- name: profiles
  subscribe: type = "identify"
  action: update_user
  fields:
    "*": $.traits
- name: product events
  subscribe: event in ["Pricing Viewed", "Order Completed"]
  action: track_event
  preset: segment
- name: gold members
  audience: gold_members
  action: subscribe_list
  list: {list}
- name: opt-outs
  subscribe: event = "Unsubscribed"
  action: update_subscriptions
  unsubscribe: {{channels: [{channel}]}}
"""


class Stage(msgspec.Struct, frozen=True):
    """A running sandbox and a running daemon. The credentials open the daemon's two doors."""

    folder: Path
    sandbox: SandboxDesk
    web: Place
    control: ControlClient
    database: Database
    write_key: str
    webhook_secret: str


@asynccontextmanager
async def staged(folder: Path, seed: int) -> AsyncIterator[Stage]:
    """Start both processes in `folder`, and end them afterwards.

    Raises Unavailable where one does not start, or ends before it should.
    """
    write_key, webhook_secret = secrets.token_hex(16), secrets.token_hex(16)
    async with _child(folder, "sandbox", str(seed)) as sandbox:
        config = _configure(folder, sandbox, write_key, webhook_secret)
        async with _child(folder, "serve", str(config)) as web:
            database = open_database(f"sqlite:///{folder}/{STORE}")
            try:
                yield Stage(
                    folder=folder,
                    sandbox=SandboxDesk(sandbox),
                    web=web,
                    control=ControlClient(folder / SOCKET),
                    database=database,
                    write_key=write_key,
                    webhook_secret=webhook_secret,
                )
            finally:
                database.close()


def _configure(folder: Path, sandbox: Place, write_key: str, webhook_secret: str) -> Path:
    for name, secret in (
        ("api-key", SandboxSettings().api_key),
        ("write-key", write_key),
        ("webhook-secret", webhook_secret),
    ):
        file = folder / name
        file.touch(mode=0o600)
        file.write_text(secret)
    config = folder / CONFIG
    config.write_text(
        _SETTINGS.format(
            sandbox=sandbox.url,
            folder=folder,
            sdk=SDK_SOURCE,
            webhook=WEBHOOK_SOURCE,
            store=STORE,
            socket=SOCKET,
            list=LIST,
            channel=CHANNEL,
        )
    )
    return config


@asynccontextmanager
async def _child(folder: Path, role: str, argument: str) -> AsyncIterator[Place]:
    """One process, from ready until the block ends."""
    log = folder / f"{role}.log"
    process = await _open(log, role, argument)
    try:
        port = await _first_line(process, role, log)
        async with anyio.create_task_group() as group:
            group.start_soon(_watch, process, role, log)
            yield Place(port)
            group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _open(log: Path, role: str, argument: str) -> Process:
    command = [sys.executable, "-m", f"{__package__}.child", role, argument]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await anyio.open_process(
            command, stdin=PIPE, stdout=PIPE, stderr=descriptor, start_new_session=True
        )
    finally:
        os.close(descriptor)


async def _first_line(process: Process, role: str, log: Path) -> int:
    if process.stdout is None:
        raise Unavailable(f"the demo's {role} can't be heard")
    try:
        with anyio.fail_after(_START_SECONDS):
            line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", 100)
    except (anyio.IncompleteRead, TimeoutError):
        raise _ended(role, log) from None
    return int(line)


async def _watch(process: Process, role: str, log: Path) -> None:
    await process.wait()
    raise _ended(role, log)


def _ended(role: str, log: Path) -> Unavailable:
    last = log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
    return Unavailable("\n".join([f"the demo's {role} has ended:", *last]))


async def _end(process: Process) -> None:
    """Close its standard input, and kill it where that is not enough."""
    with anyio.move_on_after(_STOP_SECONDS):
        if process.stdin is not None:
            await process.stdin.aclose()
        await process.wait()
    if process.returncode is None:
        process.kill()
    await process.aclose()
