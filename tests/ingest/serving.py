"""Ingest as it runs: real sockets and actors; what is saved is kept in memory to be looked at."""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx

from daemon.actors.clock import SystemClock
from daemon.actors.mailbox import Mailbox
from daemon.domain.messages import Message, decode
from daemon.ingest.acceptor import Acceptor, Save, Waiting
from daemon.ingest.intake import Intake, Rejected
from daemon.ingest.server import WebServer, listen
from daemon.ingest.web import build_app
from daemon.settings.schema import IngestSettings, SourceSettings

KEY = "write-key-1"
SECRET = "shared-secret"


def source(write_key: str | None, *secrets: str) -> SourceSettings:
    return SourceSettings.model_validate({"write_key": write_key, "webhook_secret": secrets})


SOURCES = {
    "site": source(KEY, SECRET),
    "app": source("write-key-2"),
}
NOW = 1_800_000_000_000


class StoppedClock:
    """Always the same moment."""

    def now(self) -> int:
        return NOW


def basic(key: str = KEY) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def signed(part: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-Signature": hmac.new(secret.encode(), part, "sha1").hexdigest()}


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def track(**changes: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "ann", "event": "Seen", "messageId": "m-1"} | changes


@dataclass
class Memory:
    """A store that never fails. `groups` holds one list of intakes for each commit."""

    groups: list[list[Intake]] = field(default_factory=list)

    async def save(self, group: Sequence[Intake]) -> None:
        await anyio.lowlevel.checkpoint()
        self.groups.append(list(group))

    @property
    def intakes(self) -> list[Intake]:
        return [intake for group in self.groups for intake in group]

    @property
    def messages(self) -> list[Message]:
        return [decode(taken.row.body) for intake in self.intakes for taken in intake.taken]

    @property
    def rejected(self) -> list[Rejected]:
        return [rejected for intake in self.intakes for rejected in intake.rejected]


@dataclass
class Serving:
    """A running ingest."""

    url: str
    port: int
    client: httpx.AsyncClient
    memory: Memory
    web: WebServer
    acceptor: Acceptor
    mailbox: Mailbox[Waiting]

    async def post(
        self, path: str, body: Any, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else compact(body)
        return await self.client.post(path, content=content, headers=headers or {})


def no_messages() -> int:
    return 0


def is_ready() -> str | None:
    return None


@asynccontextmanager
async def serving(
    *,
    save: Save | None = None,
    unsent: Callable[[], int] = no_messages,
    ready: Callable[[], str | None] = is_ready,
    sources: dict[str, SourceSettings] | None = None,
    real_clock: bool = False,
    **settings: Any,
) -> AsyncIterator[Serving]:
    limits = IngestSettings(**settings)
    memory = Memory()
    ids = iter(range(1_000_000))
    with Mailbox[Waiting]("acceptor", limits.waiting_requests) as mailbox:
        acceptor = Acceptor(
            mailbox,
            save or memory.save,
            commit_messages=limits.commit_messages,
            unsent=unsent,
            max_unsent=1000,
        )
        app = build_app(
            acceptor,
            SOURCES if sources is None else sources,
            limits,
            clock=SystemClock() if real_clock else StoppedClock(),
            new_id=lambda: f"made-{next(ids)}",
            ready=ready,
        )
        with listen("127.0.0.1", 0) as listener:
            web = WebServer(app, limits, listener)
            port = web.port
            url = f"http{'s' if limits.tls_cert_file else ''}://127.0.0.1:{port}"
            async with anyio.create_task_group() as group:
                await start(group, acceptor)
                await start(group, web)
                async with httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as client:
                    yield Serving(url, port, client, memory, web, acceptor, mailbox)
                await web.stop()
                mailbox.finish()


async def start(group: anyio.abc.TaskGroup, actor: Acceptor | WebServer) -> None:
    ready = anyio.Event()

    async def run() -> None:
        await actor.run(ready=ready.set)

    group.start_soon(run)
    await ready.wait()
