"""How many rows a second of CPU the bulk handlers take, asked through the ASGI door.

`python -m tests.sandbox.speed_bench [--profile]` prints users and events for each second of CPU:
calls of 1,000 rows with 15 fields, new users first, then the same users changed, then their events.
"""

import cProfile
import gc
import json
import pstats
import sys
import time
from collections.abc import Callable
from typing import Any

import anyio
from starlette.types import Message

from daemon.sandbox.server import GC_THRESHOLD, Sandbox
from daemon.sandbox.settings import SandboxSettings

ROWS, CALLS = 1000, 50
HEADERS = [(b"api-key", b"sandbox-api-key"), (b"host", b"sandbox")]


def fields(number: int, turn: int) -> dict[str, Any]:
    """15 fields of the kinds that profiles and events have; some of them change with `turn`."""
    return {
        "firstName": f"Ann{number}",
        "lastName": "Example",
        "plan": ("free", "gold", "team")[(number + turn) % 3],
        "country": "NL",
        "city": "Amsterdam",
        "company": f"Company {number % 100}",
        "title": "Engineer",
        "orders": number % 50 + turn,
        "spent": number * 1.25 + turn,
        "active": (number + turn) % 2 == 0,
        "loginAt": f"2024-01-{turn % 28 + 1:02d} 10:00:00 +00:00",
        "signedAt": f"2023-05-06T{number % 24:02d}:{number % 60:02d}:09.000Z",
        "score": 0.5 + turn,
        "locale": "en-GB",
        "tags": ["a", "b"],
    }


def users(call: int, turn: int) -> bytes:
    first = call * ROWS
    rows = [
        {"email": f"user{n}@example.com", "userId": f"u{n}", "dataFields": fields(n, turn)}
        for n in range(first, first + ROWS)
    ]
    return json.dumps({"users": rows}, separators=(",", ":")).encode()


def events(call: int, turn: int) -> bytes:
    first = call * ROWS
    rows = [
        {
            "email": f"user{n}@example.com",
            "userId": f"u{n}",
            "eventName": ("Product Viewed", "Product Added", "Signed In")[n % 3],
            "id": f"ajs-{turn}-{n:032d}",
            "createdAt": 1_700_000_000 + n,
            "dataFields": fields(n, turn),
        }
        for n in range(first, first + ROWS)
    ]
    return json.dumps({"events": rows}, separators=(",", ":")).encode()


async def ask(app: Any, path: str, body: bytes) -> None:
    """One POST to an ASGI application, which must answer 200."""
    seen: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        seen.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": HEADERS,
        "scheme": "http",
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    assert seen[0]["status"] == 200, seen


async def timed(app: Any, path: str, bodies: list[bytes]) -> float:
    """Rows for each second of CPU."""
    began = time.process_time()
    for body in bodies:
        await ask(app, path, body)
    return len(bodies) * ROWS / (time.process_time() - began)


async def measure(watch: Callable[[str], None]) -> None:
    app = Sandbox(SandboxSettings(limits=False)).app()
    for label, path, make, turn in (
        ("users created", "/api/users/bulkUpdate", users, 0),
        ("users changed", "/api/users/bulkUpdate", users, 1),
        ("users changed again", "/api/users/bulkUpdate", users, 2),
        ("events", "/api/events/trackBulk", events, 0),
        ("more events", "/api/events/trackBulk", events, 1),
    ):
        rate = await timed(app, path, [make(call, turn) for call in range(CALLS)])
        watch(f"{label}: {rate:,.0f}/s")


def main() -> None:
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)
    if "--profile" not in sys.argv:
        anyio.run(measure, print)
        return
    profiler = cProfile.Profile()
    profiler.enable()
    anyio.run(measure, print)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
