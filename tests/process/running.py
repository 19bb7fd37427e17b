"""A real daemon and a real sandbox, each in its own process, for tests that end them roughly."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from daemon.sandbox.settings import SandboxSettings

KEY = SandboxSettings().api_key
WRITE_KEY = "process-tests"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer_of(
    url: str, body: Any = None, seconds: float = 10, method: str | None = None
) -> tuple[int, Any]:
    """(status, JSON) of a GET, or of a POST where there is a body; (0, None) without an answer, or
    with one that was cut short.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")
    except (urllib.error.URLError, ConnectionError, TimeoutError, HTTPException):
        return 0, None


class Place:
    """A folder with a configuration, a sandbox, and a daemon that comes and goes."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.port, self.sandbox_port = free_port(), free_port()
        self.sandbox: subprocess.Popen[bytes] | None = None
        self.daemon: subprocess.Popen[bytes] | None = None
        self.config: dict[str, Any] = {
            "project": {"name": "process tests", "type": "hybrid"},
            "iterable": {
                "base_url": f"http://127.0.0.1:{self.sandbox_port}",
                "lag_seconds": 1,
                "limits": {"users/bulkUpdate": 100, "events/trackBulk": 100},
            },
            "sources": {"web": {}},
            "store": {"url": f"sqlite:///{folder / 'segue.db'}"},
            "ingest": {"port": self.port},
            "control": {"socket": str(folder / "segue.sock")},
            "reconcile": {"schedule": "off"},
            **settings,
        }
        self.write()

    def write(self) -> None:
        """Write the configuration as it stands now."""
        (self.folder / "segue.yaml").write_text(json.dumps(self.config))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def segue(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self._command(*arguments),
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start_sandbox(self) -> None:
        self.sandbox = self._start("sandbox", "--port", str(self.sandbox_port))
        self.until(lambda: self.iterable("/settings", {"limits": False})[0] == 200)

    def start_daemon(self, *, ready: bool = True) -> None:
        self.daemon = self._start("serve")
        path = "/readyz" if ready else "/healthz"
        self.until(lambda: answer_of(self.url + path)[0] == 200)

    def end_daemon(self, number: signal.Signals) -> int:
        """Send a signal, and wait for the end; the exit code."""
        assert self.daemon is not None
        self.daemon.send_signal(number)
        code = self.daemon.wait(timeout=40)
        self.daemon = None
        return code

    def iterable(self, path: str, body: Any = None, method: str | None = None) -> tuple[int, Any]:
        """The sandbox's own routes."""
        url = f"http://127.0.0.1:{self.sandbox_port}/_sandbox{path}"
        return answer_of(url, body, method=method)

    def ledger(self, kind: str) -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:{self.sandbox_port}/_sandbox/ledger?kind={kind}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return [json.loads(line) for line in answer.read().splitlines()]

    def settled(self, seconds: float = 30) -> None:
        """Wait until the daemon says that nothing is left to do."""

        def quiet() -> bool:
            done = self.segue("status", "--json")
            if done.returncode:
                return False
            report = json.loads(done.stdout)
            unsent = report["unsent"]
            counted = unsent["counted_to"] == report["messages"]
            return counted and not unsent["messages"] and not unsent["marks"]

        self.until(quiet, seconds)

    def until(self, condition: Any, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come about in time"
            time.sleep(0.05)

    def close(self) -> None:
        for process in (self.daemon, self.sandbox):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{arguments[0]}.log").open("ab") as output:
            return subprocess.Popen(
                self._command(*arguments),
                env=self._environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _command(self, *arguments: str) -> list[str]:
        config = str(self.folder / "segue.yaml")
        return [sys.executable, "-m", "daemon", "--config", config, *arguments]

    def _environment(self) -> dict[str, str]:
        ours = {"SEGUE_ITERABLE__API_KEY": KEY, "SEGUE_SOURCES__WEB__WRITE_KEY": WRITE_KEY}
        return {**os.environ, **ours}  # noqa: TID251 -- a child needs the whole environment
