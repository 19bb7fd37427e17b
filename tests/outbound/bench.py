"""A lane between a real store and a served sandbox, for the tests of this folder."""

import itertools
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import msgspec
from anyio.abc import TaskGroup
from opentelemetry.metrics import NoOpMeterProvider
from pydantic import SecretStr

from daemon.actors.clock import SystemClock
from daemon.clients.http import open_http
from daemon.clients.iterable.budgets import Budgets
from daemon.clients.iterable.client import IterableClient
from daemon.clients.iterable.endpoints import effective_limits
from daemon.domain.commands import Endpoint
from daemon.domain.identity import ProjectType
from daemon.domain.messages import SHARDS, Message, MessageClass, NewRow, encode, shard_of
from daemon.domain.profiles import decode_profile
from daemon.ingest.intake import Intake, Taken
from daemon.mapping.blocks import DEFAULT, read
from daemon.mapping.catalog import Catalog
from daemon.mapping.mappings import Mappings
from daemon.outbound.landing import Patience
from daemon.outbound.lane import Lane
from daemon.outbound.parts import LaneParts, LaneSettings
from daemon.outbound.turn import FOLDED
from daemon.sandbox.server import serve
from daemon.sandbox.settings import LagSettings, SandboxSettings
from daemon.store import Connection, cursors, ingested, log, marks, migrate, users, waiting
from daemon.store import mappings as mapping_versions
from daemon.store.database import Database, Runner, open_database
from daemon.telemetry.instruments import Instruments
from tests.databases import sqlite_database

NOW = 1_700_000_000_000
PROMPT = LagSettings(mode="off")
CATALOG = Catalog(lists={"VIP": 1002}, channels={"Marketing Email": 2001, "Marketing SMS": 2002})
BLOCKS: list[dict[str, Any]] = [
    *DEFAULT,
    {"name": "vip", "action": "subscribe_list", "audience": "vip", "list": "VIP"},
    {
        "name": "opt-outs",
        "action": "update_subscriptions",
        "subscribe": 'event = "Unsubscribed"',
        "unsubscribe": {"channels": ["Marketing Email"]},
        "opt_in": 'event = "Subscribed"',
    },
]


def published(project: ProjectType = ProjectType.HYBRID) -> Mappings:
    return read(BLOCKS).publish(1, project, CATALOG)


def digest_published() -> Mappings:
    """Opt-outs of one message type of policy OptIn: the sandbox's Weekly Digest."""
    block = {
        "name": "digest",
        "action": "update_subscriptions",
        "subscribe": 'event = "Digest Off"',
        "opt_in": 'event = "Digest On"',
        "unsubscribe": {"message_types": ["Weekly Digest"]},
    }
    catalog = Catalog(message_types={"Weekly Digest": 3002}, opt_in=[3002])
    return read([*DEFAULT, block]).publish(1, ProjectType.HYBRID, catalog)


def quick_sandbox(**changes: Any) -> SandboxSettings:
    """Without limits and lag."""
    return msgspec.structs.replace(
        SandboxSettings(limits=False, lag_single=PROMPT, lag_bulk=PROMPT, lag_export=PROMPT),
        **changes,
    )


def quick_lane(**changes: Any) -> LaneSettings:
    return msgspec.structs.replace(
        LaneSettings(patience=Patience(lag=300, first=20, longest=200, longest_pause=200)),
        **changes,
    )


class Bench:
    """A store, a sandbox, and lanes to be run between them, which share the shards."""

    def __init__(
        self, database: Database, sandbox: httpx.AsyncClient, parts: LaneParts, lanes: int
    ) -> None:
        self.database = database
        self.sandbox = sandbox
        self.parts = parts
        self.api = str(sandbox.base_url).removesuffix("_sandbox/") + "api/"
        self.lanes: list[Lane] = []
        self.renew(lanes)
        self._numbers = itertools.count(1)

    @property
    def lane(self) -> Lane:
        """The only one, or the first of several."""
        return self.lanes[0]

    def say(self, **fields: Any) -> int:
        """Append one message, as ingest would; its position."""
        number = next(self._numbers)
        message = Message(
            **{
                "type": "identify",
                "message_id": f"m{number}",
                "received_at": NOW + number,
                "effective_at": NOW + number,
                "source": "web",
                **fields,
            }
        )
        return self.append([message])

    def append(self, messages: Sequence[Message]) -> int:
        """Append messages in one transaction of ingest; the position of the first."""
        taken = [
            Taken(
                m.message_id,
                NewRow(shard_of(m.user_key), MessageClass.LIVE, m.received_at, 0, encode(m)),
            )
            for m in messages
        ]
        intake, now = Intake("web", NOW, taken, [], 0), self.parts.clock.now()
        result = self.database.write_now(lambda c: ingested.accept(c, [intake], now, 24))
        self.nudge()
        return result.first_position

    def hand_over(self, messages: Sequence[Message], user: str, hops: int = 1) -> None:
        """Append copies to the shard of a user, as a lane would."""
        shard, now = shard_of(user), self.parts.clock.now()
        rows = [NewRow(shard, MessageClass.LIVE, now, hops, encode(m)) for m in messages]
        self.database.write_now(lambda c: log.append(c, rows))
        self.nudge()

    def nudge(self) -> None:
        for lane in self.lanes:
            lane.nudge()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The lanes at work; drained at the end."""
        async with anyio.create_task_group() as group:
            for lane in self.lanes:
                started = anyio.Event()
                group.start_soon(partial(lane.run, ready=started.set))
                with anyio.fail_after(10):
                    await started.wait()
            yield
            for lane in self.lanes:
                lane.drain()

    async def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        with anyio.fail_after(seconds):
            while not condition():
                await anyio.sleep(0.01)

    async def until_async(
        self, count: Callable[[], Awaitable[int]], wanted: int, seconds: float = 10
    ) -> None:
        with anyio.fail_after(seconds):
            while await count() < wanted:
                await anyio.sleep(0.01)

    async def settled(self, seconds: float = 10) -> None:
        """Wait until everything in the log is folded and nothing is open, no merge either."""

        def quiet(connection: Connection) -> bool:
            parked = waiting.WaitingKind.PARKED, Endpoint.TRACK_BULK.value
            return (
                _passed(connection)
                and marks.count(connection) == 0
                and parked not in waiting.counts(connection)
                and not _merging(connection)
            )

        with anyio.fail_after(seconds):
            while not self.database.read_now(quiet):
                await anyio.sleep(0.01)

    async def user(self, identifier: str) -> dict[str, Any] | None:
        """A user as Iterable truly holds them."""
        answer = await self.sandbox.get(f"/users/{identifier}")
        return answer.json()["user"] if answer.status_code == 200 else None

    async def ledger(self, **query: str) -> list[dict[str, Any]]:
        """The rows Iterable applied or refused."""
        answer = await self.sandbox.get("/ledger", params=query)
        return [json.loads(line) for line in answer.text.splitlines()]

    async def fault(self, **fault: Any) -> None:
        answer = await self.sandbox.post("/faults", json=fault)
        assert answer.status_code == 200, answer.text

    async def no_faults(self) -> None:
        await self.sandbox.delete("/faults")

    def renew(self, lanes: int | None = None) -> None:
        """Another process's lanes on the same store, as many as before unless it is said."""
        count = lanes or len(self.lanes)
        self.lanes = [
            Lane(f"lane-{number}", self._share(number, count), lambda: None, self.nudge)
            for number in range(count)
        ]

    def _share(self, number: int, count: int) -> LaneParts:
        return msgspec.structs.replace(self.parts, shards=tuple(range(number, SHARDS, count)))


@asynccontextmanager
async def bench(
    folder: Path,
    *,
    sandbox: SandboxSettings | None = None,
    settings: LaneSettings | None = None,
    project: ProjectType = ProjectType.HYBRID,
    mappings: Mappings | None = None,
    url: str | None = None,
    lanes: int = 1,
    runner: Runner | None = None,
) -> AsyncIterator[Bench]:
    """`url` is a store that has its tables; a new one in `folder` where none is given."""
    if url is None:
        url = sqlite_database(folder)
        migrate.upgrade(url)
    database = open_database(url, runner)
    chosen = sandbox or quick_sandbox(project_type=str(project))
    async with anyio.create_task_group() as group, open_http() as http:
        address = await _serve(group, chosen)
        budgets = Budgets(effective_limits(off=True))
        client = IterableClient(
            http,
            base_url=address,
            api_key=SecretStr(chosen.api_key),
            budgets=budgets,
            seconds=5,
        )
        mapped = mappings or published(project)
        parts = LaneParts(
            shards=tuple(range(SHARDS)),
            database=database,
            client=client,
            budgets=budgets,
            mappings=lambda: mapped,
            clock=SystemClock(),
            rng=random.Random(1),
            instruments=Instruments(NoOpMeterProvider().get_meter("tests")),
            settings=settings or quick_lane(),
        )
        database.write_now(
            lambda c: mapping_versions.publish(
                c, published_at=NOW, digest="d", body="[]", catalog="{}"
            )
        )
        async with httpx.AsyncClient(base_url=f"{address}/_sandbox") as admin:
            yield Bench(database, admin, parts, lanes)
        group.cancel_scope.cancel()
    database.close()


def _passed(connection: Connection) -> bool:
    """Whether every message is behind the cursors of its shard."""
    found = cursors.load(connection, range(SHARDS))
    lowest = {shard: min(_cursors_of(found, shard)) for shard in range(SHARDS)}
    rows = log.read(connection, min(lowest.values()), None, 1_000_000)
    return all(row.position <= lowest[row.shard] for row in rows)


def _merging(connection: Connection) -> bool:
    """Whether somebody leaves; whom somebody waits for either leaves or is told to in the log."""
    rows = users.scan(connection, None, 1_000_000)
    return any(decode_profile(row.profile).leaving for row in rows)


def _cursors_of(found: dict[tuple[int, str], int], shard: int) -> list[int]:
    return [found.get((shard, stage), 0) for stage in (FOLDED, Endpoint.TRACK_BULK.value)]


async def _serve(group: TaskGroup, chosen: SandboxSettings) -> str:
    ports: list[int] = []
    ready = anyio.Event()

    def note(port: int) -> None:
        ports.append(port)
        ready.set()

    group.start_soon(partial(serve, chosen, ready=note))
    with anyio.fail_after(10):
        await ready.wait()
    return f"http://127.0.0.1:{ports[0]}"
