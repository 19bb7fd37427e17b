"""Where the demo plays: a sandbox and a daemon, each a process of its own, in a folder of its own.

Secrets are made up for each run. Whatever ends the demo ends the processes: they watch the pipe
that is their standard input.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import msgspec

from daemon.cli.demonstration.children import child_process
from daemon.cli.demonstration.wire import Place, SandboxDesk
from daemon.clients.control import ControlClient
from daemon.sandbox.settings import SandboxSettings
from daemon.store.database import Database, open_database

SDK_SOURCE, WEBHOOK_SOURCE = "app", "segment"
LIST, CHANNEL = "Gold Members", "Marketing Email"
CONFIG, STORE, SOCKET = "segue.yaml", "segue.db", "segue.sock"
LAG_SECONDS = 15

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
    async with (
        child_process(folder, "sandbox") as sandbox,
        child_process(folder, "serve") as daemon,
        anyio.create_task_group() as group,
    ):
        place = await sandbox.begin(str(seed))
        group.start_soon(sandbox.watch)
        web = await daemon.begin(str(_configure(folder, place, write_key, webhook_secret)))
        group.start_soon(daemon.watch)
        with closing(open_database(f"sqlite:///{folder}/{STORE}")) as database:
            yield Stage(
                folder=folder,
                sandbox=SandboxDesk(place),
                web=web,
                control=ControlClient(folder / SOCKET),
                database=database,
                write_key=write_key,
                webhook_secret=webhook_secret,
            )
        group.cancel_scope.cancel()


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
