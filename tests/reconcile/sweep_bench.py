"""How long a sweep takes, and how much memory: `python -m tests.reconcile.sweep_bench 100000`.

The sandbox runs in a process of its own; `in_sandbox` is what its handlers took. One user in a
thousand is tampered with.
"""

import gc
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import psutil
from pydantic import SecretStr

from daemon.actors.clock import SystemClock
from daemon.actors.mailbox import Mailbox
from daemon.clients.http import open_http
from daemon.clients.iterable.budgets import Budgets
from daemon.clients.iterable.client import IterableClient
from daemon.clients.iterable.endpoints import effective_limits
from daemon.domain.identity import IterableIdentity
from daemon.domain.messages import shard_of
from daemon.domain.profiles import Believed, Part, Profile, encode_believed, encode_profile
from daemon.mapping.diff import part_hashes
from daemon.mapping.project import project
from daemon.reconcile.reconciler import CAPACITY, Parts, Reconciler
from daemon.reconcile.requests import Asked, Plan
from daemon.settings import ReconcileSettings
from daemon.store import Connection, identifiers, migrate, users
from daemon.store.database import Database, open_database
from daemon.store.identifiers import Claim
from daemon.store.users import UserRow
from tests.outbound.bench import CATALOG, published

LONG_AGO = 1_600_000_000_000
MAPPINGS = published()
CHUNK = 1000
SANDBOX = """
import anyio, sys
from functools import partial
from daemon.sandbox.server import serve
from daemon.sandbox.settings import LagSettings, SandboxSettings
off = LagSettings(mode="off")
chosen = SandboxSettings(limits=False, lag_single=off, lag_bulk=off, lag_export=off)
anyio.run(partial(serve, chosen, ready=lambda port: print(port, flush=True)))
"""


def traits(number: int) -> dict[str, Any]:
    """What Segment said of a user: 15 traits."""
    own = {f"field{i}": f"value {i} of {number}" for i in range(10)}
    return {
        **own,
        "email": f"user{number}@example.com",
        "plan": "pro",
        "age": number % 90,
        "vip": number % 2 == 0,
        "signedUp": "2026-01-01T10:00:00.000Z",
    }


def stored(number: int) -> tuple[UserRow, list[Claim], dict[str, Any]]:
    """A user as the lane left it, its identifiers, and its row for Iterable."""
    user, email = f"u:{number}", f"user{number}@example.com"
    stamp = (LONG_AGO, LONG_AGO, 0, f"m{number}")
    profile = Profile([stamp], {k: (v, 0) for k, v in traits(number).items()}, emails=[email])
    desired = project(user, profile, MAPPINGS)
    parts = {part: Part(digest, LONG_AGO) for part, digest in part_hashes(desired).items()}
    believed = Believed(IterableIdentity(email, str(number)), parts)
    shard = shard_of(user)
    row = UserRow(shard, user, encode_profile(profile), encode_believed(believed))
    claims = [Claim("u", str(number), shard, user), Claim("e", email, shard, user)]
    return row, claims, {"email": email, "userId": str(number), "dataFields": desired.fields}


def save(made: list[tuple[UserRow, list[Claim], dict[str, Any]]], connection: Connection) -> None:
    users.save(connection, [row for row, _, _ in made])
    identifiers.claim(connection, [claim for _, claims, _ in made for claim in claims])


async def fill(database: Database, http: httpx.AsyncClient, count: int) -> None:
    for begin in range(0, count, CHUNK):
        made = [stored(n) for n in range(begin, min(begin + CHUNK, count))]
        database.write_now(partial(save, made))
        body = {"users": [row for _, _, row in made]}
        answer = await http.post("/api/users/bulkUpdate", json=body)
        assert answer.json()["failCount"] == 0, answer.text[:300]
    for number in range(0, count, CHUNK):
        edit = {"action": "fields", "userId": str(number), "fields": {"plan": "free"}}
        await http.post("/_sandbox/tamper", json=edit)
    await http.delete("/_sandbox/counts")


async def measure(folder: Path, address: str, count: int) -> dict[str, Any]:
    url = f"sqlite:///{folder}/segue.db"
    migrate.upgrade(url)
    database = open_database(url)
    key = SecretStr("sandbox-api-key")
    headers = {"Api-Key": key.get_secret_value()}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as http:
        await fill(database, http, count)
        process = psutil.Process()
        gc.collect()
        gc.freeze()  # as `serve` does
        memory: list[int] = []

        def beat() -> None:
            used = process.memory_info()
            memory.append(used.rss - used.shared)

        async with open_http() as foundation:
            budgets = Budgets(effective_limits(off=True))
            client = IterableClient(foundation, base_url=address, api_key=key, budgets=budgets)
            settings = ReconcileSettings(schedule="off", max_share=1)
            parts = Parts(
                database, client, SystemClock(), settings, 15_000, lambda: MAPPINGS, lambda: CATALOG
            )
            with Mailbox[Asked]("reconciler", CAPACITY) as mailbox:
                reconciler = Reconciler(parts, mailbox, beat, lambda report: None)
                async with anyio.create_task_group() as group:

                    async def run() -> None:
                        await reconciler.run(ready=lambda: None)

                    group.start_soon(run)
                    began, cpu = time.perf_counter(), process.cpu_times()
                    report = await reconciler.request(Plan())
                    seconds = time.perf_counter() - began
                    group.cancel_scope.cancel()
        counts = (await http.get("/_sandbox/counts")).json()
    database.close()
    peak_early = max(memory[: max(len(memory) // 5, 1)])
    after = process.cpu_times()
    return {
        "users": count,
        "seconds": round(seconds, 2),
        "in_sandbox": round(counts["total"]["seconds"], 2),
        "cpu_seconds": round(after.user + after.system - cpu.user - cpu.system, 2),
        "drifted": report.counts.drifted,
        "in_sync": report.counts.in_sync,
        "mb_at_20_percent": peak_early // 1_000_000,
        "mb_at_the_end": max(memory) // 1_000_000,
        "ratio": round(max(memory) / peak_early, 3),
    }


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-c", SANDBOX], stdout=subprocess.PIPE, text=True
        ) as sandbox,
    ):
        assert sandbox.stdout is not None
        port = int(sandbox.stdout.readline())
        try:
            figures = anyio.run(measure, Path(folder), f"http://127.0.0.1:{port}", count)
        finally:
            sandbox.terminate()
        print(json.dumps(figures))  # noqa: T201 -- what it is for


if __name__ == "__main__":
    main()
