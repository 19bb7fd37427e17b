"""A whole daemon in this process, between a served sandbox and a client of its doors."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx

from daemon.app.serve import Served, serve
from daemon.settings import load_settings
from daemon.store import Connection, cursors, log, marks, migrate
from daemon.store.database import Database, open_database
from tests.clients.served import sandbox, settings

WRITE_KEY = "app-tests"
LIMITS = {"users/bulkUpdate": 100, "events/trackBulk": 100, "export/start": 100}


class Running:
    """What a test says to the daemon, and asks of it and of the sandbox.

    `control` speaks to the socket, `iterable` to the sandbox.
    """

    def __init__(
        self,
        database: Database,
        web: httpx.AsyncClient,
        control: httpx.AsyncClient,
        iterable: httpx.AsyncClient,
    ) -> None:
        self._database = database
        self._web = web
        self.control = control
        self.iterable = iterable

    async def say(self, *members: dict[str, Any]) -> None:
        key = base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
        answer = await self._web.post(
            "/v1/batch", json={"batch": members}, headers={"Authorization": f"Basic {key}"}
        )
        assert answer.status_code == 200, answer.text

    async def status(self) -> Any:
        return (await self.control.get("/status")).json()

    async def settled(self) -> None:
        """Wait until nothing is left to be sent."""

        def quiet(connection: Connection) -> bool:
            done = cursors.lowest(connection) >= log.head(connection)
            return done and marks.count(connection) == 0

        with anyio.fail_after(20):
            while not self._database.read_now(quiet):
                await anyio.sleep(0.02)

    async def tamper(self, **edit: Any) -> None:
        answer = await self.iterable.post("/_sandbox/tamper", json=edit)
        assert answer.status_code == 200, answer.text

    async def fault(self, **fault: Any) -> None:
        answer = await self.iterable.post("/_sandbox/faults", json=fault)
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def running(folder: Path, **groups: Any) -> AsyncIterator[Running]:
    """A daemon that is ready; stopped in order at the end."""
    chosen = settings(export_queue_ms=20, export_run_ms=20)
    async with sandbox(chosen) as served:
        config = folder / "segue.yaml"
        config.write_text(json.dumps(_config(folder, served.base_url, groups)))
        env = {
            "SEGUE_ITERABLE__API_KEY": chosen.api_key,
            "SEGUE_SOURCES__WEB__WRITE_KEY": WRITE_KEY,
        }
        loaded = load_settings(config, env)
        url = loaded.store.url.get_secret_value()
        migrate.upgrade(url)
        stop, ready = anyio.Event(), anyio.Event()
        found: list[Served] = []

        def note(where: Served) -> None:
            found.append(where)
            ready.set()

        async def run() -> None:
            await serve(loaded, ready=note, stop=stop, handle_signals=False)

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            with anyio.fail_after(20):
                await ready.wait()
            database = open_database(url)
            transport = httpx.AsyncHTTPTransport(uds=str(found[0].control_socket))
            async with (
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{found[0].web_port}") as web,
                httpx.AsyncClient(
                    transport=transport, base_url="http://segue", timeout=20
                ) as control,
                httpx.AsyncClient(base_url=served.base_url) as iterable,
            ):
                yield Running(database, web, control, iterable)
            database.close()
            stop.set()


def _config(folder: Path, address: str, groups: dict[str, Any]) -> dict[str, Any]:
    return {
        "project": {"name": "app tests", "type": "hybrid"},
        "iterable": {"base_url": address, "lag_seconds": 0.2, "limits": LIMITS},
        "sources": {"web": {}},
        "store": {"url": f"sqlite:///{folder / 'segue.db'}"},
        "ingest": {"port": 0},
        "control": {"socket": str(folder / "segue.sock")},
        "reconcile": {"schedule": "off", "max_share": 1},
        **groups,
    }
