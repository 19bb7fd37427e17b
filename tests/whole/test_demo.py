"""`segue demo` as people run it: its figures against the sandbox's ledger, the SDK's own count and
a naive model of the same traffic.
"""

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import yaml

from daemon.cli.demonstration import senders
from daemon.cli.demonstration.model import Expected, expect
from daemon.cli.demonstration.senders import require_sdk, webhook_body
from daemon.cli.demonstration.story import Figures, Played, tampering
from daemon.cli.demonstration.traffic import Act, Say, Traffic, write_traffic
from daemon.cli.demonstration.wire import Place, SandboxDesk
from daemon.errors import ConfigurationError

SEED, USERS = 3, 1000
GOLD, EMAIL_CHANNEL = 1002, 2001
FIGURES = list(Figures.__struct_fields__)


def begin(folder: Path, *options: str) -> subprocess.Popen[str]:
    """The demo as a process, which puts its folder into `folder`."""
    with (folder / "stderr").open("w") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "daemon", "demo", *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={"TMPDIR": str(folder), "PATH": "/usr/bin:/bin"},
        )


def end(process: subprocess.Popen[str]) -> int:
    """Press Ctrl-C; the exit code, once it and everything it began are gone."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    code = process.wait(timeout=60)
    assert psutil.wait_procs(children, timeout=5)[1] == []
    assert len(children) == 2
    return code


class Demo(msgspec.Struct):
    """A demo that has been played and goes on running."""

    figures: dict[str, Any]
    story: str
    desk: SandboxDesk
    process: subprocess.Popen[str]
    folder: Path
    traffic: Traffic
    expected: Expected


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    process = begin(folder, "--json", "--stay", "--seed", str(SEED), "--users", str(USERS))
    try:
        answer = process.stdout.readline() if process.stdout else ""
        story = (folder / "stderr").read_text()
        assert answer, story
        stage = next(folder.glob("segue-demo-*"))
        url = yaml.safe_load((stage / "segue.yaml").read_text())["iterable"]["base_url"]
        traffic = write_traffic(SEED, USERS)
        yield Demo(
            figures=json.loads(answer),
            story=story,
            desk=SandboxDesk(Place(int(url.rpartition(":")[2]))),
            process=process,
            folder=stage,
            traffic=traffic,
            expected=expect(traffic),
        )
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
        if process.stdout:
            process.stdout.close()


def changed_by_hand(demo: Demo) -> set[str]:
    return {edit["email"] for _, edit in tampering(demo.traffic.cast)}


whole = [pytest.mark.slow, pytest.mark.timeout(240)]


class TestTheWholeDemo:
    pytestmark = whole

    def test_it_prints_exactly_the_promised_figures(self, demo: Demo) -> None:
        assert list(demo.figures) == FIGURES

    def test_messages_add_up_with_what_both_senders_counted(self, demo: Demo) -> None:
        figures, expected = demo.figures, demo.expected
        said = re.search(r"The SDK sent ([\d,]+) messages, Segment's webhooks ([\d,]+)", demo.story)
        assert said
        sdk, webhook = (int(number.replace(",", "")) for number in said.groups())
        assert (sdk, webhook) == (demo.traffic.count("sdk"), demo.traffic.count("webhook"))
        received = figures["accepted"] + figures["rejected"] + figures["duplicates"]
        assert received == sdk + webhook
        assert figures["accepted"] == expected.accepted
        assert figures["rejected"] == expected.rejected == 2
        assert figures["duplicates"] == expected.duplicates > 0

    def test_state_verdicts_are_the_models(self, demo: Demo) -> None:
        names = ("applied", "unchanged", "filtered", "superseded")
        found = {name: demo.figures[name] for name in names}
        assert found == {name: getattr(demo.expected, name) for name in names}
        assert all(found.values())

    def test_every_event_reached_iterable_once_and_strangers_wait(self, demo: Demo) -> None:
        rows = [row for row in demo.desk.ledger("event") if row["result"] == "applied"]
        times = Counter(row["payload"]["id"] for row in rows)
        assert set(times) == demo.expected.events
        assert set(times.values()) == {1}
        assert demo.figures["delivered"] == len(times)
        assert demo.figures["waiting"] == len(demo.expected.waiting) > 0
        assert demo.figures["dead"] == 0

    def test_calls_are_those_iterable_counted(self, demo: Demo) -> None:
        endpoints = demo.desk.counts()["endpoints"]
        calls = {name: tally["calls"] for name, tally in endpoints.items() if " /api/" in name}
        assert demo.figures["calls"] == sum(calls.values())
        throttled = [name for name, tally in endpoints.items() if tally["throttled"]]
        assert throttled == []

    def test_most_identifies_cost_no_call(self, demo: Demo) -> None:
        rows = sum(1 for _ in demo.desk.ledger("user"))
        identifies = sum(say.type == "identify" for act in demo.traffic.acts for say in act.says)
        assert identifies > 4 * USERS
        assert rows < 1.3 * USERS

    def test_iterable_holds_what_was_said_and_nothing_else(self, demo: Demo) -> None:
        held = {user["userId"]: user for user in demo.desk.users()}
        people = {person.user_id: person for person in demo.traffic.people}
        assert set(held) == set(people)
        for user_id, fields in demo.expected.fields.items():
            user = held[user_id]
            assert user["email"] == people[user_id].email
            assert {name: user["dataFields"][name] for name in fields} == fields

    def test_lists_and_opt_outs_hold_after_all_the_tampering(self, demo: Demo) -> None:
        held = {user["userId"]: user["dataFields"] for user in demo.desk.users()}
        members = {name for name, fields in held.items() if GOLD in fields.get("userListIds", [])}
        members |= {name for name, fields in held.items() if GOLD in fields.get("emailListIds", [])}
        out = {
            name
            for name, fields in held.items()
            if EMAIL_CHANNEL in fields.get("unsubscribedChannelIds", [])
        }
        assert members == demo.expected.members
        assert not members & demo.expected.left
        assert out == demo.expected.opted_out

    def test_the_drift_is_the_tampering_the_sandbox_noted(self, demo: Demo) -> None:
        tampered = list(demo.desk.ledger("tamper"))
        assert {row["by"] for row in tampered} == {"api"}
        assert {row["email"] for row in tampered} == changed_by_hand(demo)
        assert demo.figures["drift_found"] == len(tampered) == 4
        assert demo.figures["drift_repaired"] == 4
        assert demo.figures["drift_after"] == 0
        for cause in (
            "edited in Iterable",
            "deleted in Iterable",
            "removed in Iterable",
            "re-subscribed after opt-out",
        ):
            assert cause in demo.story

    def test_the_ledgers_balance_and_it_says_how_long_it_took(self, demo: Demo) -> None:
        assert demo.figures["audit_balanced"] is True
        assert demo.figures["seconds"] > 2 * 15  # nobody shortened the lag: it is waited out twice

    def test_it_says_what_to_try_and_ends_cleanly_on_ctrl_c(self, demo: Demo) -> None:
        story = (demo.folder.parent / "stderr").read_text()
        segue = [sys.executable, "-m", "daemon"]
        shown = re.search(r"segue (--config \S+ status)", story)
        assert shown
        status = subprocess.run(
            [*segue, *shown[1].split(), "--json"], capture_output=True, text=True, check=True
        )
        assert json.loads(status.stdout)["project"] == "demo"
        assert end(demo.process) == 0
        assert demo.folder.is_dir()
        assert not (demo.folder / "segue.sock").exists()


def test_ctrl_c_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    process = begin(tmp_path, "--users", "100")
    try:
        assert process.stdout
        for line in process.stdout:
            if "they sign up" in line:
                break
        assert list(tmp_path.glob("segue-demo-*"))
        assert end(process) == 130
        assert not list(tmp_path.glob("segue-demo-*"))
        assert (tmp_path / "stderr").read_text() == ""
    finally:
        process.kill()
        process.communicate()


def test_a_daemon_that_dies_ends_the_demo_with_its_last_words(tmp_path: Path) -> None:
    process = begin(tmp_path, "--users", "100")
    try:
        assert process.stdout
        for line in process.stdout:
            if "daemon" in line:
                break
        serving = [
            child
            for child in psutil.Process(process.pid).children()
            if "child_serve" in " ".join(child.cmdline())
        ]
        serving[0].kill()
        assert process.wait(timeout=60) == 1
        assert "segue: the demo's serve has ended" in (tmp_path / "stderr").read_text()
        assert not list(tmp_path.glob("segue-demo-*"))
    finally:
        process.kill()
        process.communicate()


def test_too_few_people_are_wrong_usage(tmp_path: Path) -> None:
    process = begin(tmp_path, "--users", "99")
    process.communicate()
    assert process.returncode == 64
    with pytest.raises(ValueError, match="at least 100 people"):
        write_traffic(1, 99)


def test_without_the_sdk_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "SDK", "no_such_package")
    with pytest.raises(ConfigurationError, match=r"pip install 'segue\[demo\]'"):
        require_sdk()


@pytest.mark.parametrize("users", [100, 250])
def test_equal_seeds_tell_equal_stories(users: int) -> None:
    assert write_traffic(7, users) == write_traffic(7, users)
    assert write_traffic(7, users) != write_traffic(8, users)


@pytest.mark.parametrize("seed", range(20))
def test_every_story_has_its_whole_cast_and_nobody_speaks_twice_in_an_act(seed: int) -> None:
    traffic = write_traffic(seed, 120)
    cast, expected = traffic.cast, expect(traffic)
    names = [each.user_id for each in (cast.edited, cast.deleted, cast.dropped, cast.resubscribed)]
    assert len(set(names)) == 4
    assert {cast.deleted.user_id, cast.dropped.user_id} <= expected.members
    assert cast.resubscribed.user_id in expected.opted_out
    assert not {cast.edited.user_id} & (expected.opted_out | expected.members | expected.left)
    for act in traffic.acts:
        said = [say.user_id for say in act.says if say.type == "identify"]
        assert len(said) == len(set(said))
    for name in ("applied", "unchanged", "filtered", "superseded", "rejected", "duplicates"):
        assert getattr(expected, name) > 0
    assert len(expected.waiting) == 5


def modelled(*says: Say, times: int = 1) -> Expected:
    person = write_traffic(1, 100)
    return expect(Traffic([Act("", "sdk", list(says), times)], person.people, person.cast))


def identify(number: int, user: str = "u", **traits: Any) -> Say:
    return Say("identify", f"m{number}", user, traits=traits)


@pytest.mark.parametrize(
    ("says", "applied", "unchanged", "superseded"),
    [
        ([identify(1, plan="free")], 1, 0, 0),
        ([identify(1, plan="free"), identify(2, plan="free")], 1, 1, 0),
        ([identify(1, plan="free"), identify(2, plan="pro")], 2, 0, 0),
        ([identify(1, plan="free"), identify(2, "v", plan="free")], 2, 0, 0),
        ([identify(1, plan="free"), identify(2, seats=1)], 2, 0, 0),
        ([identify(1, a=None), identify(2, a=None)], 1, 1, 0),
        ([identify(1, a=1), msgspec.structs.replace(identify(2, a=2), late=True)], 1, 0, 1),
    ],
)
def test_the_model_tells_news_from_repetition(
    says: list[Say], applied: int, unchanged: int, superseded: int
) -> None:
    model = modelled(*says)
    assert (model.applied, model.unchanged, model.superseded) == (applied, unchanged, superseded)


def test_the_model_counts_a_repeated_message_once() -> None:
    model = modelled(identify(1, plan="free"), Say("track", "x", "null", event="E"), times=3)
    assert (model.accepted, model.duplicates, model.rejected) == (1, 2, 3)


def test_the_model_lets_strangers_wait_until_they_sign_up() -> None:
    seen = Say("track", "e1", anonymous_id="a", event="Pricing Viewed")
    assert modelled(seen).waiting == {"e1"}
    known = modelled(seen, Say("identify", "m", "u", anonymous_id="a", traits={"plan": "free"}))
    assert (known.waiting, known.events) == (set(), {"e1"})


def test_a_webhook_message_that_is_late_happened_an_hour_ago() -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    late = json.loads(webhook_body(msgspec.structs.replace(identify(1, a=1), late=True), now))
    assert late["timestamp"] == "2026-11-24T11:00:00.000+00:00"
    assert late["receivedAt"] == "2026-11-24T12:00:00.000+00:00"
    assert json.loads(webhook_body(identify(1, a=1), now))["timestamp"] == late["receivedAt"]


@pytest.mark.parametrize(
    ("found", "repaired", "after", "balanced", "proven"),
    [
        (4, 4, 0, True, True),
        (4, 3, 0, True, False),
        (4, 4, 1, True, False),
        (0, 0, 0, True, False),
        (4, 4, 0, False, False),
    ],
)
def test_it_is_proven_only_if_all_drift_was_repaired_and_the_ledgers_balance(
    found: int, repaired: int, after: int, *, balanced: bool, proven: bool
) -> None:
    figures = dict.fromkeys(FIGURES, 0) | {
        "drift_found": found,
        "drift_repaired": repaired,
        "drift_after": after,
        "audit_balanced": balanced,
    }
    assert Played(msgspec.convert(figures, Figures), 0, 0).proven is proven


def test_nothing_of_the_demo_is_imported_slowly_by_other_commands() -> None:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "daemon", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "segment.analytics" not in done.stderr, f"{time.perf_counter() - began:.1f} s"
