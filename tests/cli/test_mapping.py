"""`segue mapping`, as people and pipelines run it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import build
from daemon.cli.mapping.evaluating import LONGEST_LINE
from daemon.settings import read_document

RIGHT = """\
project: {name: shop, type: hybrid}
mappings:
- name: events
  subscribe: type = "track"
  action: track_event
  preset: segment
- name: welcome
  on: first_identify
  action: trigger_journey
  journey: 5
"""
WRONG = """\
mappings:
- name: events
  subscribe: type = "track"
  action: track_event
  preset: segment
  fields:
    plan: $.traits.plan
    dataFields.plan: $.traits.plan
  expires_after: soon
"""
CASES = """\
cases:
- about: A signup is an event.
  message: {type: track, userId: u1, event: Signed Up, messageId: m1}
  requests:
  - method: POST
    path: /api/events/track
    json: {userId: u1, eventName: Signed Up, id: m1}
"""
EXPORT = [
    {
        "name": "Track Calls",
        "enabled": True,
        "partnerAction": "trackEvent",
        "subscribe": "type = 'track'",
        "mapping": {"eventName": {"@path": "$.event"}, "dataFields": {"version": "1e5"}},
    },
    {
        "name": "Off",
        "enabled": False,
        "partnerAction": "trackEvent",
        "subscribe": 'type = "page"',
        "mapping": {"eventName": "yes"},
    },
]


class Command:
    """The command line, in a folder."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.folder = folder
        self.capsys = capsys
        self.monkeypatch = monkeypatch

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def __call__(self, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        """(exit code, stdout, stderr)."""
        self.capsys.readouterr()
        self.monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as left:
            build()(["--config", str(self.folder / "segue.yaml"), "mapping", *arguments])
        said = self.capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    def eval(self, *lines: bytes) -> list[dict[str, Any]]:
        code, out, err = self("eval", stdin=b"\n".join(lines))
        assert (code, err) == (0, "")
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def mapping(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    return Command(tmp_path, capsys, monkeypatch)


def test_eval_answers_each_line_with_one_line(mapping: Command) -> None:
    found = mapping.eval(
        b'{"mapping": {"a": {"@path": "$.x"}}, "payload": {"x": "\xc3\xa4"}}',
        b"nonsense",
        b"",
        b'{"subscribe": "type = \\"track\\"", "event": {"type": "track"}}',
        b'{"action": "forget_user", "event": {"type": "delete", "userId": "u1"}}',
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b'{"mapping": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}",
        b'{"mapping": 1e999, "payload": {}}',
        b'{"mapping": 123456789012345678901234567890, "payload": {}}',
    )
    assert found[0] == {"result": {"a": "ä"}}
    assert found[3] == {"result": True}
    request = {"method": "POST", "path": "/api/users/forget", "json": {"userId": "u1"}}
    assert found[4] == {"requests": [request]}
    assert found[9] == {"result": 123456789012345678901234567890}
    for bad in (1, 2, 5, 6, 7, 8):
        assert list(found[bad]) == ["error"], bad
    assert len(found) == 10


def test_eval_passes_over_a_line_that_is_too_long(mapping: Command) -> None:
    rest = b'{"mapping": 1, "payload": {}}'
    before, after = b'{"mapping": "', b'", "payload": {}}'
    text = b"x" * (LONGEST_LINE - len(before + after))
    longest = before + text + after
    fits, too_long, next_one = mapping.eval(longest, b"x" * (3 * LONGEST_LINE), rest)
    assert fits == {"result": text.decode()}
    assert too_long == {"error": f"the line is longer than {LONGEST_LINE} bytes"}
    assert next_one == {"result": 1}


def test_eval_answers_even_for_a_bug_of_ours(
    mapping: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(question: Any) -> Any:
        raise KeyError(question)

    monkeypatch.setattr("daemon.cli.mapping.evaluating.answer", broken)
    [found] = mapping.eval(b"{}")
    assert found == {"error": "a bug of ours, please report it: KeyError"}


def test_schema_is_one_json_document(mapping: Command) -> None:
    code, out, _ = mapping("schema")
    assert code == 0
    assert "track_event" in json.loads(out)["$defs"]


def test_check_says_all_right_or_every_mistake_and_its_line(mapping: Command) -> None:
    mapping.write("segue.yaml", RIGHT)
    code, out, err = mapping("check")
    assert (code, err) == (0, "")
    assert out.endswith("segue.yaml: 2 mappings, all right\n")
    wrong = mapping.write("wrong.yaml", WRONG)
    code, out, err = mapping("check", str(wrong))
    assert (code, out) == (1, "")
    assert [line.partition(":")[2].strip().partition(":")[0] for line in err.splitlines()] == [
        f"mappings[0].fields.plan ({wrong} line 7)",
        f"mappings[0].expires_after ({wrong} line 9)",
    ]
    code, out, _ = mapping("check", str(wrong), "--json")
    assert code == 1
    assert len(json.loads(out)["problems"]) == 2


def test_check_takes_a_file_of_blocks_alone_and_refuses_what_is_none(mapping: Command) -> None:
    code, _, _ = mapping(
        "check", str(mapping.write("blocks.yaml", RIGHT.partition("mappings:\n")[2]))
    )
    assert code == 0
    for text, why in [
        ("mappings: 5", "mappings: must be a list of blocks"),
        ("a: [", "blocks.yaml:1"),
    ]:
        code, _, err = mapping("check", str(mapping.write("blocks.yaml", text)))
        assert code == 1
        assert why in err
    code, _, err = mapping("check", str(mapping.folder / "none.yaml"))
    assert code == 1
    assert "there is no such file" in err


def test_test_runs_the_cases_beside_the_configuration(mapping: Command) -> None:
    mapping.write("segue.yaml", RIGHT)
    code, _, err = mapping("test")
    assert code == 1
    assert "holds no *.yaml" in err
    mapping.write("mapping-tests/signup.yaml", CASES)
    code, out, _ = mapping("test")
    assert (code, out) == (0, "1 case, all right\n")


def test_test_shows_what_differs_and_leaves_with_2(mapping: Command) -> None:
    mapping.write("segue.yaml", RIGHT)
    wrong = mapping.write("wrong.yaml", CASES.replace("id: m1}", "id: m2}"))
    code, out, _ = mapping("test", str(wrong))
    assert code == 2
    lines = out.splitlines()
    assert lines[0] == f"{wrong}: cases[0]: A signup is an event."
    assert [line.strip() for line in lines if line[:2] in ("- ", "+ ")] == [
        "-    id: m2",
        "+    id: m1",
    ]
    assert lines[-1] == "0 cases right, 1 wrong"
    code, out, _ = mapping("test", str(wrong), "--json")
    assert code == 2
    [failure] = json.loads(out)["failed"]
    assert failure["requests"][0]["json"]["id"] == "m1"
    assert failure["expected"][0]["json"]["id"] == "m2"


def test_test_says_what_is_wrong_with_a_file(mapping: Command) -> None:
    file = mapping.write("cases.yaml", CASES)
    code, _, err = mapping("test", str(file))
    assert code == 1
    assert "has mappings" in err
    mapping.write("segue.yaml", RIGHT.partition("\n")[2])
    code, _, err = mapping("test", str(file))
    assert code == 1
    assert f"{file}: project: None is not available" in err


def test_import_prints_mappings_that_check_takes_and_says_what_differs(mapping: Command) -> None:
    export = mapping.write("export.json", json.dumps(EXPORT))
    code, out, err = mapping("import", str(export))
    assert code == 0
    assert "Track Calls: trigger at character" in err
    assert err.replace("segue: ", "# ") == "".join(
        f"{line}\n" for line in out.splitlines() if line.startswith("# Track")
    )
    assert "# Disabled in Segment:\n# - name: 'Off'" in out.replace('"', "'")
    imported = mapping.write("imported.yaml", out)
    assert mapping("check", str(imported))[:2] == (0, f"{imported}: 1 mapping, all right\n")
    [block] = read_document(out, "imported").value["mappings"]
    assert block["fields"] == {"eventName": "$.event", "dataFields": {"version": "1e5"}}
    code, out, _ = mapping("import", str(export), "--json")
    assert [block["name"] for block in json.loads(out)["off"]] == ["Off"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("resource {", "is not JSON"),
        ("[]", "holds no subscription"),
        ("[" * 5000, "is not JSON"),
    ],
)
def test_import_says_what_is_wrong_with_a_file(mapping: Command, text: str, why: str) -> None:
    code, _, err = mapping("import", str(mapping.write("export.json", text)))
    assert code == 1
    assert why in err
    code, _, err = mapping("import", str(mapping.folder / "none.json"))
    assert code == 1
    assert "there is no such file" in err


@pytest.mark.parametrize("name", ["check", "test", "eval", "import", "schema"])
def test_every_subcommand_helps_with_an_example(mapping: Command, name: str) -> None:
    code, out, _ = mapping(name, "--help")
    assert code == 0
    assert f"segue mapping {name}" in " ".join(out.split())
    assert "Example" in out
