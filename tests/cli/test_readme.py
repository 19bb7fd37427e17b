"""What the READMEs show is run as it stands there, against a sandbox.

Two lines need an environment of their own: the one that runs the demo is run by tests/whole, the
one that runs the tests by .ci/run. The sandbox's curl lines are run by tests/sandbox.
"""

import hmac
import json
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from daemon.cli.commands import COMMANDS
from daemon.cli.mistakes import mistakes_of
from daemon.settings import load_settings
from tests.cli.commanding import SANDBOX_KEY, Segue
from tests.process.running import Place, answer_of, free_port

ROOT = Path(__file__).parents[2]
READMES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("daemon/**/README.md")),
    *sorted(ROOT.glob("systemd/README.md")),
]
ELSEWHERE = ("<!-- demo -->", "<!-- tests -->")
SECRET = "shared-secret"
PEOPLE = 30  # of whom one drifts: few enough for a plan to be applied without a yes
EXPECTED = {
    "segue init": 0,
    "segue check": 0,
    "segue migrate": 0,
    "segue status": 0,
    "segue reconcile": 2,
    "segue reconcile --user U": 2,
    "segue reconcile --apply": 0,
    "segue reconcile --apply N": 0,
    "segue drift list": 0,
    "segue drift show N": 0,
    "segue drift show N --unmasked": 0,
    "segue explain ann@example.com": 0,
    "segue audit": 0,
    "segue mapping check": 0,
}
"""The exit code of each command shown, where Iterable was changed behind Segue's back."""
SERVING = ("segue serve", "segue sandbox --port 8081")


class Shown(NamedTuple):
    """A fenced block, and the line before it."""

    readme: str
    before: str
    text: str


def blocks(language: str) -> list[Shown]:
    fence = re.compile(rf"^([^\n]*)\n```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [
        Shown(str(readme.relative_to(ROOT)), before, text)
        for readme in READMES
        for before, text in fence.findall(readme.read_text(encoding="utf-8"))
    ]


def lines_of(readme: str) -> list[str]:
    """The commands a README shows, without comments."""
    return [
        re.split(r"\s+#", line, maxsplit=1)[0].strip()
        for block in blocks("sh")
        if block.readme == readme and block.before not in ELSEWHERE
        for line in block.text.splitlines()
    ]


class Shop:
    """Somebody who follows the READMEs in a folder, with a sandbox for Iterable."""

    def __init__(self, place: Place, segue: Segue) -> None:
        self.place, self.segue, self.port = place, segue, free_port()
        self.plan = 0
        segue.env |= {
            "SEGUE_ITERABLE__BASE_URL": f"http://127.0.0.1:{place.sandbox_port}",
            "SEGUE_ITERABLE__LIMITS": '{"export/start": 100, "export/files": 100}',
            "SEGUE_ITERABLE__LAG_SECONDS": "0.1",
            "SEGUE_INGEST__PORT": str(self.port),
        }

    def export(self, line: str) -> None:
        """`export NAME=VALUE`, with a value where the README leaves one out."""
        (assignment,) = shlex.split(line.removeprefix("export "))
        name, _, value = assignment.partition("=")
        secret = SANDBOX_KEY if name == "SEGUE_ITERABLE__API_KEY" else SECRET
        assert "…" in value
        self.segue.env[name] = value.replace("…", secret)

    def run(self, command: str) -> None:
        words = shlex.split(command)[1:]
        known = {"U": "user-0", "N": str(self.plan)}
        ended = self.segue(*(known.get(word, word) for word in words), config=False)
        assert ended.code == EXPECTED[command], (command, ended)
        if planned := re.search(r"--apply (\d+)", ended.out):
            self.plan = int(planned[1])

    def serve(self) -> None:
        with (self.segue.folder / "serve.log").open("wb") as output:
            self.place.daemon = subprocess.Popen(
                [sys.executable, "-m", "daemon", "serve"],
                cwd=self.segue.folder,
                env={"PYTHONPATH": str(ROOT), **self.segue.env},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.place.until(lambda: answer_of(f"http://127.0.0.1:{self.port}/readyz")[0] == 200)

    def hear(self) -> None:
        """A signed webhook, as the README tells to set it up."""
        members = []
        for number in range(PEOPLE):
            name = "ann" if number == 0 else f"u{number}"
            traits = {"email": f"{name}@example.com", "plan": "pro"}
            who = {"userId": f"user-{number}", "messageId": f"m{number}"}
            members.append({**who, "type": "identify", "traits": traits})
        body = json.dumps(members).encode()
        signed = hmac.new(SECRET.encode(), json.dumps(members[0]).encode(), "sha1").hexdigest()
        url = f"http://127.0.0.1:{self.port}/v1/webhook/web"
        request = urllib.request.Request(url, body, {"X-Signature": signed})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

        def arrived() -> bool:
            return self.place.iterable(f"/users/user-{PEOPLE - 1}")[0] == 200

        self.place.until(arrived)

    def spoil(self) -> None:
        changed = {"action": "fields", "userId": "user-0", "fields": {"plan": "free"}}
        assert self.place.iterable("/tamper", changed)[0] == 200

        def seen() -> bool:
            """What is younger than the lag of what Segue sent itself is excused."""
            report = json.loads(self.segue("reconcile", "--json", config=False).out)
            return bool(report["counts"]["drift"] == 1)

        self.place.until(seen)


@pytest.fixture
def shop(tmp_path: Path, segue: Segue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sandbox").mkdir()
    place = Place(tmp_path / "sandbox")
    try:
        place.start_sandbox()
        off = {"mode": "off"}
        lags = {"lag_single": off, "lag_bulk": off, "lag_export": off}
        place.iterable("/settings", {**lags, "export_queue_ms": 0, "export_run_ms": 0})
        yield Shop(place, segue)
    finally:
        place.close()


def test_every_command_shown_is_run_and_ends_as_it_should(shop: Shop) -> None:
    lines = lines_of("README.md")
    for line in [line for line in lines if line.startswith("export ")]:
        shop.export(line)
    for line in [line for line in lines if not line.startswith("export ")]:
        if line == "segue serve":
            shop.serve()
            shop.hear()
            shop.spoil()
        else:
            shop.run(line)
    shop.spoil()
    for line in lines_of("daemon/reconcile/README.md"):
        shop.run(line)
    assert shop.place.end_daemon(signal.SIGTERM) == 0


def test_the_sandbox_is_served_as_shown_and_says_how_to_reach_it(tmp_path: Path) -> None:
    (line,) = lines_of("daemon/sandbox/README.md")
    port = str(free_port())
    words = [port if word == "8081" else word for word in shlex.split(line)[1:]]
    with subprocess.Popen(
        [sys.executable, "-m", "daemon", *words], stdout=subprocess.PIPE, text=True
    ) as served:
        assert served.stdout is not None
        said = []
        for text in served.stdout:
            said.append(text.rstrip("\n"))
            if text.startswith("Ctrl-C"):
                break
        assert answer_of(f"http://127.0.0.1:{port}/_sandbox/settings")[0] == 200
        served.send_signal(signal.SIGINT)
        assert served.wait(timeout=10) == 0
    settings = "\n".join(line[2:] for line in said if line.startswith("  ") and ":" in line)
    file = tmp_path / "segue.yaml"
    file.write_text(settings.partition("lists:")[0].partition("export")[0])
    exported = dict(
        line.strip().removeprefix("export ").split("=") for line in said if "export" in line
    )
    loaded = load_settings(file, exported)
    assert loaded.iterable.url == f"http://127.0.0.1:{port}"
    assert loaded.iterable.api_key is not None
    assert loaded.iterable.api_key.get_secret_value() == SANDBOX_KEY
    assert loaded.segment.profile_api is not None
    assert loaded.segment.profile_api.token is not None


def test_no_readme_shows_a_command_that_is_not_run_here() -> None:
    shown = {line for readme in READMES for line in lines_of(str(readme.relative_to(ROOT)))}
    assert {line for line in shown if not line.startswith("export ")} == {*EXPECTED, *SERVING}
    elsewhere = [block.before for block in blocks("sh") if block.before in ELSEWHERE]
    assert elsewhere == list(ELSEWHERE)


@pytest.mark.parametrize(
    "block", blocks("yaml"), ids=lambda block: f"{block.readme}: {block.text[:40]!r}"
)
def test_every_yaml_block_is_a_configuration(block: Shown, tmp_path: Path) -> None:
    file = tmp_path / "segue.yaml"
    project = "" if "project:" in block.text else "project: {type: hybrid}\n"
    file.write_text(project + block.text, encoding="utf-8")
    load_settings(file, {})
    assert mistakes_of(file) == []


SPOKEN = re.compile(
    r"\bsegue (?:--config \S+ )?((?:(?:drift|mapping) )?[a-z][a-z-]+)((?:[ \w.@]+--[a-z-]+)*)"
)
NO_COMMANDS = {"for", "file"}
PLACES = [
    *READMES,
    *sorted(ROOT.glob("daemon/**/*.py")),
    *sorted(ROOT.glob("systemd/*.service")),
]


def spoken(path: Path) -> list[tuple[str, str]]:
    text = path.read_text(encoding="utf-8")
    return SPOKEN.findall(text)


@pytest.mark.parametrize(
    "option",
    sorted(
        {
            (name, option)
            for path in PLACES
            for name, rest in spoken(path)
            for option in re.findall(r"--[a-z-]+", rest)
        }
    ),
    ids=" ".join,
)
def test_every_option_that_is_spoken_of_exists(segue: Segue, option: tuple[str, str]) -> None:
    command, flag = option
    assert flag in segue(*command.split(), "--help", config=False).out


def test_every_command_that_is_spoken_of_exists() -> None:
    names = {name.partition(" ")[0] for path in PLACES for name, _ in spoken(path)}
    assert names <= set(COMMANDS) | NO_COMMANDS
    assert names >= set(COMMANDS) - {"demo"}
