"""How long a sweep of all users takes, and how much memory.

A process of its own reconciles, so that no run finds the memory of the one before. One user in a
thousand was tampered with.
"""

import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import httpx
import psutil
from opentelemetry.metrics import NoOpMeterProvider
from pydantic import SecretStr

from daemon.actors.clock import SystemClock
from daemon.actors.mailbox import Mailbox
from daemon.clients.http import open_http
from daemon.clients.iterable.budgets import Budgets
from daemon.clients.iterable.client import IterableClient
from daemon.clients.iterable.endpoints import effective_limits
from daemon.domain.profiles import decode_believed, decode_profile
from daemon.reconcile.reconciler import CAPACITY, Parts, Reconciler
from daemon.reconcile.report import RunReport
from daemon.reconcile.requests import Asked, Plan
from daemon.sandbox.settings import SandboxSettings
from daemon.settings import ReconcileSettings
from daemon.store import migrate, users
from daemon.store.database import Database, open_database
from daemon.telemetry.instruments import Instruments
from tests.bench.figures import Sample, Scale
from tests.bench.people import CHUNK, settle
from tests.bench.processes import Sandbox, metered, sandbox, store_url
from tests.bench.traffic import CATALOG, PUBLISHED, user_id

_KEY = SecretStr(SandboxSettings().api_key)
_LAG = 15_000
_EARLY = 5  # the first fifth of the looks at the memory


def measure(scale: Scale) -> list[Sample]:
    count = scale.of(100_000, 2_000)
    off = {"mode": "off"}
    with (
        TemporaryDirectory(dir=scale.folder) as name,
        sandbox(Path(name), limits=False, lag_single=off, lag_bulk=off, lag_export=off) as iterable,
    ):
        _fill(Path(name), iterable, count)
        with metered(sandbox=iterable) as cpu:
            swept = _sweep(Path(name), iterable)
        inside = iterable.counts()["total"]["seconds"]
    cpu = {"reconciler": swept["cpu"], **cpu}
    facts = {name: swept[name] for name in ("in sync", "drifted")}
    ours, reading = swept["seconds"] - inside, swept["reading"]
    return [
        Sample(
            "sweep",
            ours,
            "s",
            reading,
            "users only read and decoded",
            cpu,
            {"users": count, **facts},
        ),
        Sample("sweep and sandbox", swept["seconds"], "s", inside, "in the sandbox"),
        Sample("sweep memory", swept["peak"], "MB", swept["early"], "at 20 % of the run"),
    ]


def _fill(folder: Path, iterable: Sandbox, count: int) -> None:
    """Equal users on both sides, then some tampered with."""
    migrate.upgrade(store_url(folder))
    headers = {"Api-Key": _KEY.get_secret_value()}
    with (
        closing(open_database(store_url(folder))) as database,
        httpx.Client(base_url=iterable.url, headers=headers, timeout=60) as http,
    ):
        for made in settle(database, count):
            answer = http.post(
                "/api/users/bulkUpdate", json={"users": [each.iterable for each in made]}
            )
            if answer.json()["failCount"]:
                raise RuntimeError(f"the sandbox refused users: {answer.text[:300]}")
        for number in range(0, count, CHUNK):
            edit = {"action": "fields", "userId": user_id(number), "fields": {"plan": "free"}}
            iterable.tell("/tamper", edit)
        http.delete("/_sandbox/counts")


def _sweep(folder: Path, iterable: Sandbox) -> dict[str, Any]:
    command = [sys.executable, "-m", __name__, str(folder), iterable.url]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class _Meter:
    """Looks at the process's memory each time the reconciler shows that it lives."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._seen: list[int] = []

    def look(self) -> None:
        used = self._process.memory_info()
        self._seen.append(used.rss - used.shared)

    def cpu(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def figures(self) -> dict[str, float]:
        early = self._seen[: max(len(self._seen) // _EARLY, 1)]
        return {"early": max(early) / 1e6, "peak": max(self._seen) / 1e6}


async def _measured(folder: str, address: str) -> dict[str, Any]:
    with closing(open_database(store_url(Path(folder)))) as database:
        gc.collect()
        gc.freeze()  # as `serve` does
        meter = _Meter()
        cpu, began = meter.cpu(), time.perf_counter()
        report = await _reconcile(database, address, meter)
        seconds, cpu = time.perf_counter() - began, meter.cpu() - cpu
        return {
            "seconds": seconds,
            "cpu": cpu,
            "reading": _read_through(database),
            "in sync": report.counts.in_sync,
            "drifted": report.counts.drifted,
            **meter.figures(),
        }


def _read_through(database: Database) -> float:
    """How many seconds it takes to read all users and decode them, and nothing else."""
    began = time.perf_counter()
    for row in _scanned(database):
        decode_profile(row.profile)
        decode_believed(row.believed)
    return time.perf_counter() - began


def _scanned(database: Database) -> Iterator[users.UserRow]:
    after: tuple[int, str] | None = None
    while rows := database.read_now(partial(users.scan, after=after, limit=CHUNK)):
        yield from rows
        after = (rows[-1].shard, rows[-1].id)


async def _reconcile(database: Database, address: str, meter: _Meter) -> RunReport:
    async with open_http() as http:
        budgets = Budgets(effective_limits(off=True))
        client = IterableClient(http, base_url=address, api_key=_KEY, budgets=budgets)
        parts = Parts(
            database=database,
            client=client,
            clock=SystemClock(),
            settings=ReconcileSettings(schedule="off", max_share=1),
            lag=_LAG,
            mappings=lambda: PUBLISHED,
            catalog=lambda: CATALOG,
            instruments=Instruments(NoOpMeterProvider().get_meter("bench")),
        )
        with Mailbox[Asked]("reconciler", CAPACITY) as mailbox:
            reconciler = Reconciler(parts, mailbox, meter.look, lambda report: None)

            async def run() -> None:
                await reconciler.run(ready=lambda: None)

            async with anyio.create_task_group() as group:
                group.start_soon(run)
                report = await reconciler.request(Plan())
                group.cancel_scope.cancel()
    return report


if __name__ == "__main__":
    sys.stdout.write(json.dumps(anyio.run(_measured, sys.argv[1], sys.argv[2])))
