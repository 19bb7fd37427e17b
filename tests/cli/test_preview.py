"""`segue mapping preview`, on a store that a lane has worked on."""

import json
from pathlib import Path

import pytest

from daemon.cli import build
from daemon.store import migrate
from tests.outbound.bench import bench
from tests.outbound.test_audit import filled

pytestmark = pytest.mark.anyio

NEW = """
- {name: profiles, subscribe: type = "identify", action: update_user, fields: {count: $.traits.n}}
- {name: looks, subscribe: event = "Looked", action: track_event, preset: segment}
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        build()(list(arguments))
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


def configured(folder: Path) -> list[str]:
    (folder / "new.yaml").write_text(NEW)
    settings = {
        "project": {"name": "shop", "type": "hybrid"},
        "iterable": {"api_key": "not-needed-here"},
        "sources": {"web": {"write_key": "not-needed-here"}},
        "store": {"url": f"sqlite:///{folder / 'segue.db'}"},
    }
    (folder / "segue.yaml").write_text(json.dumps(settings))
    return ["--config", str(folder / "segue.yaml"), "mapping", "preview", str(folder / "new.yaml")]


async def test_it_says_which_users_and_events_would_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
        command = configured(tmp_path)
        code, said, _ = run(capsys, *command, "--json", "--unmasked")
        report = json.loads(said)
        assert code == 0
        parts = {line["what"]: line for line in report["users"]}
        assert parts["field count"]["new"] == 1
        assert parts["field n"]["left"] == 1
        assert parts["field count"]["samples"] == [{"of": "u:1", "before": "—", "after": 2}]
        events = {line["what"]: line for line in report["events"]}
        assert events["Bought"]["left"] == 1
        assert "Looked" not in events
        code, said, _ = run(capsys, *command)
        assert code == 0
        assert "Nothing was sent." in said
        assert "u:1" not in said


async def test_without_a_mapping_in_force_it_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate.upgrade(f"sqlite:///{tmp_path / 'segue.db'}")
    code, _, complaint = run(capsys, *configured(tmp_path))
    assert code == 1
    assert "run segue serve once" in complaint
