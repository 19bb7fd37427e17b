"""A sandbox in this process on a clock the test moves, asked through its real ASGI door."""

from random import Random
from typing import Any

import anyio
import httpx

from daemon.sandbox.project import Project
from daemon.sandbox.server import Sandbox
from daemon.sandbox.settings import LagSettings, SandboxSettings

OFF = LagSettings("off")
QUIET: dict[str, Any] = {
    "limits": False,
    "lag_single": OFF,
    "lag_bulk": OFF,
    "lag_export": OFF,
    "project_type": "email",
}
BEGAN = 1_700_000_000_000


class World:
    """Settings default to QUIET: no limits, no lag, an e-mail-based project."""

    def __init__(self, **settings: Any) -> None:
        self.now = BEGAN
        chosen = SandboxSettings(**(QUIET | settings))
        self.sandbox = Sandbox(chosen, lambda: self.now, Random(7))
        self.app = self.sandbox.app()
        self.key: str | None = chosen.api_key

    @property
    def project(self) -> Project:
        return self.sandbox.project

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """One request; a `bytes` body is sent as it is, anything else as JSON."""
        return anyio.run(self._ask, method, path, body, headers)

    async def _ask(
        self, method: str, path: str, body: Any, headers: dict[str, str] | None
    ) -> httpx.Response:
        sent = {} if self.key is None else {"Api-Key": self.key}
        sent |= headers or {}
        content = body if isinstance(body, bytes) else None
        document = None if isinstance(body, bytes) else body
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            if document is None:
                return await client.request(method, path, content=content, headers=sent)
            return await client.request(method, path, json=document, headers=sent)

    def get(self, path: str) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        """The JSON of a POST that must end in `status`."""
        answer = self.ask("POST", path, body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def fields(self, email: str) -> dict[str, Any]:
        """What a point read shows of a user."""
        found: dict[str, Any] = self.get(f"/api/users/{email}")["user"]["dataFields"]
        return found

    def ledger(self, query: str = "") -> list[dict[str, Any]]:
        """The ledger's rows."""
        lines = self.ask("GET", f"/_sandbox/ledger{query}").text.splitlines()
        return [httpx.Response(200, text=line).json() for line in lines]
