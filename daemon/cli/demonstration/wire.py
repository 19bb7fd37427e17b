"""Plain HTTP on this machine, as strangers to Segue speak it: Segment, and careless people."""

import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any

import msgspec

from daemon.errors import Unreachable

_SECONDS = 30.0


class Place(msgspec.Struct, frozen=True):
    """A port on this machine. Everything raises Unreachable."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Post a body of JSON; status and answer."""
        return self._request("POST", path, body, {"Content-Type": "application/json", **headers})

    def get(self, path: str) -> bytes:
        """What stands at `path`."""
        status, answer = self._request("GET", path, None, {})
        if status != 200:  # noqa: PLR2004 -- the status itself
            raise Unreachable(f"{path} answered {status}", status=status)
        return answer

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException) as error:
            raise Unreachable(f"{self.url}{path}: {error}") from error
        finally:
            connection.close()


class SandboxDesk:
    """The sandbox's own routes: its ledger, its counts, and changes behind Segue's back."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def ledger(self, kind: str) -> Iterator[dict[str, Any]]:
        """Every row of a kind it applied or refused, oldest first."""
        for line in self.place.get(f"/_sandbox/ledger?kind={kind}").splitlines():
            yield json.loads(line)

    def users(self) -> Iterator[dict[str, Any]]:
        """The profile of every user, as it truly is."""
        for line in self.place.get("/_sandbox/users").splitlines():
            yield json.loads(line)

    def counts(self) -> dict[str, Any]:
        """Calls and rows by endpoint."""
        counts: dict[str, Any] = json.loads(self.place.get("/_sandbox/counts"))
        return counts

    def tamper(self, edit: Mapping[str, Any]) -> None:
        """Change a user as another program would. Raises Unreachable where it is refused."""
        body = json.dumps({**edit, "by": "api"}).encode()
        status, answer = self.place.post("/_sandbox/tamper", body, {})
        if status != 200:  # noqa: PLR2004 -- the status itself
            raise Unreachable(f"the sandbox refused: {answer.decode()}", status=status)
