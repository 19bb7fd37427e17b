"""`segue sandbox` as a process: what it prints is what a client needs, and how it ends."""

import base64
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from daemon.settings import load_settings
from tests.process.running import free_port

EXPORT = re.compile(r"^  export (\w+)=(\S+)$", re.MULTILINE)
LAST_WORDS = "Ctrl-C ends it."


def command(port: int) -> list[str]:
    return [sys.executable, "-m", "daemon", "sandbox", "--port", str(port)]


class Printed:
    """A sandbox that is up, and what it printed."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command(self.port), stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 20
        while LAST_WORDS not in log.read_text():
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        self.text = log.read_text()


@pytest.fixture
def printed(tmp_path: Path) -> Iterator[Printed]:
    sandbox = Printed(tmp_path / "sandbox.log")
    yield sandbox
    sandbox.process.kill()
    sandbox.process.wait()


def status(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_settings_it_prints_reach_both_services_on_its_port(
    printed: Printed, tmp_path: Path
) -> None:
    config = tmp_path / "segue.yaml"
    yaml_lines = printed.text[printed.text.index("  project:") : printed.text.index("And in the")]
    config.write_text(yaml.safe_dump(yaml.safe_load(yaml_lines) | {"sources": {"web": {}}}))
    secrets = dict(EXPORT.findall(printed.text))
    settings = load_settings(config, secrets | {"SEGUE_SOURCES__WEB__WRITE_KEY": "k"})
    key = settings.iterable.api_key
    api = settings.segment.profile_api
    assert key is not None
    assert api is not None
    assert api.token is not None
    assert settings.iterable.url == f"http://127.0.0.1:{printed.port}"
    lists = f"{settings.iterable.url}/api/lists"
    assert status(lists, **{"Api-Key": key.get_secret_value()}) == 200
    assert status(lists) == 401
    profile = f"{api.base_url}/v1/spaces/{api.space_id}/collections/users/profiles/user_id:1/traits"
    basic = base64.b64encode(f"{api.token.get_secret_value()}:".encode()).decode()
    assert status(profile, Authorization=f"Basic {basic}") == 404
    assert status(profile) == 401
    assert status(f"http://127.0.0.1:{printed.port}/_sandbox/ledger") == 200
    printed.process.send_signal(signal.SIGINT)
    assert printed.process.wait(timeout=20) == 0


def test_it_ends_without_complaint_when_terminated(printed: Printed) -> None:
    printed.process.send_signal(signal.SIGTERM)
    assert printed.process.wait(timeout=20) == 0


def test_a_taken_port_is_told_in_a_line() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = subprocess.run(
            command(port), capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 1
    assert f"can't listen on 127.0.0.1 port {port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr
