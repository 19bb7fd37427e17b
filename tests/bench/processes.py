"""The processes under measurement, each its own, ended with the block that began it."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil

from daemon.clients.iterable.endpoints import ENDPOINTS
from daemon.sandbox.settings import SandboxSettings
from tests.bench.traffic import MAPPINGS
from tests.process.running import WRITE_KEY, answer_of, free_port

STORE = "segue.db"
ROUTES = {
    "user": "POST /api/users/bulkUpdate",
    "event": "POST /api/events/trackBulk",
    "subscription": "PUT /api/subscriptions/{group}/{id}",
}
"""What the sandbox calls the route that each kind of row comes by."""
NO_LIMITS = {str(endpoint): 10_000 for endpoint in ENDPOINTS}
"""The highest limits settings allow: no endpoint is ever asked that often."""

_START_SECONDS = 60


class Process:
    """A running process that listens on `port`."""

    def __init__(self, popen: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.popen, self.port, self._log = popen, port, log
        self._seen = psutil.Process(popen.pid)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu(self) -> float:
        """CPU seconds so far, of all its threads."""
        times = self._seen.cpu_times()
        return float(times.user + times.system)

    def check(self) -> None:
        """Raises RuntimeError with the end of what it said if it has ended."""
        if self.popen.poll() is not None:
            last = "\n".join(self._log.read_text(errors="replace").splitlines()[-10:])
            raise RuntimeError(f"{self._log.stem} has ended:\n{last}")


class Sandbox(Process):
    """A sandbox, and its own routes."""

    def tell(self, path: str, body: Any) -> None:
        status, answer = answer_of(f"{self.url}/_sandbox{path}", body)
        if status != 200:
            raise RuntimeError(f"the sandbox answered {status} to {path}: {answer}")

    def counts(self) -> dict[str, Any]:
        found: dict[str, Any] = answer_of(f"{self.url}/_sandbox/counts", seconds=60)[1]
        return found

    def applied(self, kind: str) -> int:
        """How many rows of a kind came in and were applied."""
        tally = self.counts()["endpoints"].get(ROUTES[kind])
        return tally["applied"] if tally else 0

    def ledger(self, kind: str) -> Iterator[dict[str, Any]]:
        """The rows applied or refused."""
        url = f"{self.url}/_sandbox/ledger?kind={kind}"
        with urllib.request.urlopen(url, timeout=60) as lines:
            yield from map(msgspec.json.decode, lines)


@contextmanager
def sandbox(folder: Path, port: int = 0, **settings: Any) -> Iterator[Sandbox]:
    """A fresh sandbox in a process of its own."""
    chosen = msgspec.convert(settings, SandboxSettings)
    argument = json.dumps({**msgspec.to_builtins(chosen), "port": port})
    with _child(folder, "sandboxed", argument) as (popen, taken, log):
        yield Sandbox(popen, taken, log)


@contextmanager
def empty_route(folder: Path) -> Iterator[Process]:
    """What ingest is compared with, in a process of its own."""
    with _child(folder, "empty_route", "{}") as (popen, port, log):
        yield Process(popen, port, log)


@contextmanager
def daemon(
    folder: Path,
    *,
    iterable: int,
    limits: Mapping[str, float] | None = None,
    ready: bool = True,
) -> Iterator[Process]:
    """A real `segue serve` on the store in `folder`, its Iterable at the port `iterable`.

    It has been waited for until it says it is ready, or else until it takes messages.
    """
    port = free_port()
    config = _configure(folder, port, iterable, limits or {})
    command = [sys.executable, "-m", "daemon", "--config", str(config), "serve"]
    log = folder / "serve.log"
    with _running(command, log) as popen:
        process = Process(popen, port, log)
        until(lambda: _listens(process), _START_SECONDS, pause=0.01)
        if ready:
            until(lambda: answer_of(f"{process.url}/readyz")[0] == 200, _START_SECONDS)
        yield process


@contextmanager
def metered(**processes: Process) -> Iterator[dict[str, float]]:
    """The CPU seconds each process spends in the block; there once it is over."""
    before = {name: process.cpu() for name, process in processes.items()}
    spent: dict[str, float] = {}
    yield spent
    for name, process in processes.items():
        process.check()
        spent[name] = process.cpu() - before[name]


def until(condition: Callable[[], bool], seconds: float, *, pause: float = 0.05) -> None:
    """Raises TimeoutError where it doesn't come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come about in {seconds:g} s")
        time.sleep(pause)


def store_url(folder: Path) -> str:
    return f"sqlite:///{folder / STORE}"


def _configure(folder: Path, port: int, iterable: int, limits: Mapping[str, float]) -> Path:
    for name, secret in (("api-key", SandboxSettings().api_key), ("write-key", WRITE_KEY)):
        file = folder / name
        file.touch(mode=0o600)
        file.write_text(secret)
    config = {
        "project": {"name": "benchmark", "type": "hybrid"},
        "iterable": {
            "base_url": f"http://127.0.0.1:{iterable}",
            "api_key_file": str(folder / "api-key"),
            "limits": dict(limits),
        },
        "sources": {"web": {"write_key_file": str(folder / "write-key")}},
        "store": {"url": store_url(folder)},
        "ingest": {"port": port},
        "control": {"socket": str(folder / "segue.sock")},
        "reconcile": {"schedule": "off"},
        "telemetry": {"log_level": "warning"},
        "mappings": MAPPINGS,
    }
    path = folder / "segue.yaml"
    path.write_text(json.dumps(config))
    return path


def _listens(process: Process) -> bool:
    process.check()
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", process.port)) == 0


@contextmanager
def _child(
    folder: Path, module: str, argument: str
) -> Iterator[tuple["subprocess.Popen[bytes]", int, Path]]:
    log = folder / f"{module}.log"
    with _running([sys.executable, "-m", f"{__package__}.{module}", argument], log) as popen:
        assert popen.stdout is not None
        line = popen.stdout.readline()
        if not line:
            popen.wait()
            Process(popen, 0, log).check()
        yield popen, int(line), log


@contextmanager
def _running(command: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("ab") as output:
        popen = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output
        )
    try:
        yield popen
    finally:
        popen.kill()
        popen.communicate()
