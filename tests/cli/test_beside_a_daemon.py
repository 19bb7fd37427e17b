"""Commands beside a real daemon: what they show, as text and as JSON, and how they end."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from daemon.clients.status import StatusReport
from daemon.outbound.audit import AuditReport
from daemon.outbound.explain import Explanation
from daemon.reconcile.report import RunReport
from tests.cli.commanding import SANDBOX_KEY, Segue
from tests.process.running import Place

ACTORS = ["tally", "lane-0", "reconciler", "acceptor", "web", "control", "retention"]
PERSONAL = ("ann0@example.com", "ann1@example.com", "user-0001", '"Ann"', "anon-4711")
DRIFTED = ("user-0001", "user-0003")


def fields(struct: type[msgspec.Struct]) -> list[str]:
    return list(struct.__struct_fields__)


@pytest.fixture
def careless(served: Place) -> Iterator[Any]:
    """Changes Iterable behind Segue's back; put right after the test."""

    def change(**what: Any) -> None:
        assert served.iterable("/tamper", what)[0] == 200

    def put_right() -> None:
        change(action="fields", userId="user-0003", fields={"plan": "pro", "firstName": "Ann"})
        change(action="unsubscribe", userId="user-0001", group="channels", id=2001)

    yield change
    put_right()


def test_status_shows_one_moment_at_80_columns(beside: Segue) -> None:
    ended = beside("status", "--actors")
    assert (ended.code, ended.err) == (0, "")
    assert max(map(len, ended.out.splitlines())) <= 80
    shown = dict(re.findall(r"^(\S.*?)  +(.*)$", ended.out, re.MULTILINE))
    assert shown["segue"].startswith("process tests · hybrid · US · mapping 1 · up ")
    assert shown["Accepted"] == "12 received today = 11 accepted + 0 duplicate + 1 rejected"
    assert "               web 11 · ios 0\n" in ended.out
    assert shown["Unsent"] == "nothing · held 1"
    assert shown["Folded today"] == "6 applied"
    assert shown["Events today"] == "5 delivered"
    assert "users/bulkUpdate" in ended.out
    table = ended.out[ended.out.index("ACTOR ") :].splitlines()
    assert table[0].split() == [
        "ACTOR",
        "STATE",
        "MAILBOX",
        "RESTARTS",
        "PROGRESS",
        "LAST",
        "ERROR",
    ]
    rows = [line.split(maxsplit=4) for line in table[1:]]
    assert sorted(row[0] for row in rows) == sorted(ACTORS)
    for row in rows:
        assert row[1] == "running"
        assert row[2] == ("0" if row[0] in {"acceptor", "reconciler"} else "—")
        assert row[3] == "0"
        assert re.fullmatch(r"[\d.]+ (s|min|min \d+ s) ago +—", row[4])


def test_status_without_actors_and_as_json(beside: Segue) -> None:
    assert "ACTOR" not in beside("status").out
    report = beside("status", "--json").json
    assert list(report) == fields(StatusReport)
    assert list(report["sources"]) == ["web", "ios"]
    assert report["today"] == {
        "folded": 11,
        "state": {"applied": 6},
        "events": {"delivered": 5, "filtered": 0, "expired": 0, "dead": 0},
        "repairs": report["today"]["repairs"],
        "noted": report["today"]["noted"],
    }
    assert {each["name"] for each in report["actors"]} == set(ACTORS)


def test_audit_balances(beside: Segue) -> None:
    ended = beside("audit")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "Messages   12 received · 1 rejected · 0 duplicate · 11 accepted"
    assert [line.split()[0] for line in lines] == ["Messages", "State", "Events", "Balanced."]
    report = beside("audit", "--json").json
    assert list(report) == fields(AuditReport)
    assert report["balanced"] is True


@pytest.mark.parametrize("name", ["user-0001", "ann1@example.com", "t1", "out"])
def test_explain_tells_of_one_person_without_saying_who(beside: Segue, name: str) -> None:
    ended = beside("explain", name)
    assert (ended.code, ended.err) == (0, "")
    assert not [word for word in PERSONAL if word in ended.out]
    assert ended.out.startswith(
        "User       userId us***01\n"
        "Known as   e-mail a***@example.com\n"
        "Traits     email, plan, firstName\n"
        "Choice     channel Marketing Email unsubscribed, by mapping 'opt-outs'\n"
    )
    assert re.search(r"^channel Marketing Email +unsubscribed +confirmed ", ended.out, re.MULTILINE)
    assert re.search(r"^field plan +… +confirmed ", ended.out, re.MULTILINE)
    marked = re.findall(r"^(.) +\d+  .*\((\w+)\)$", ended.out, re.MULTILINE)
    assert marked == [("→" if each == name else " ", each) for each in ("i1", "t1", "out")]
    assert re.search(r"folded; delivered; call \d+ to events/trackBulk, answered 200", ended.out)
    assert ended.out.endswith("--unmasked shows identifiers and values.\n")


def test_explain_unmasked_and_as_json(beside: Segue) -> None:
    shown = beside("explain", "user-0001", "--unmasked").out
    assert 'email = "ann1@example.com"' in shown
    assert re.search(r'^field firstName +"Ann" +confirmed ', shown, re.MULTILINE)
    assert "masked" not in shown
    masked, plain = (
        beside("explain", "user-0001", "--json", *flags).json for flags in ((), ("--unmasked",))
    )
    assert list(masked) == list(plain) == fields(Explanation)
    assert masked["traits"] == dict.fromkeys(plain["traits"], "…")
    assert plain["traits"]["email"] == "ann1@example.com"
    for word in PERSONAL:
        assert word not in msgspec.json.encode(masked).decode()


def test_explain_of_a_member_and_of_somebody_anonymous(beside: Segue) -> None:
    assert re.search(
        r'^list "Newsletter" \(1001\) +member +confirmed ',
        beside("explain", "user-0002").out,
        re.MULTILINE,
    )
    held = beside("explain", "anon")
    assert "User       anonymousId an***11\n" in held.out
    assert "Waiting    held at position " in held.out


@pytest.mark.parametrize("name", ["nobody@example.com", "user-0009", "no such message"])
def test_explain_of_nobody(beside: Segue, name: str) -> None:
    ended = beside("explain", name)
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.lines
    assert line.startswith("nobody and no message in the log is called ")
    assert line.endswith("; the log keeps 7 days")
    assert name not in line


def test_in_sync_is_0(beside: Segue) -> None:
    ended = beside("reconcile")
    assert (ended.code, ended.err.strip()) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].startswith("Observed 4 Iterable users (export, ")
    assert lines[2:] == [
        "  4 in sync      0 with drift      1 without the project's key",
        "",
        "Nothing to repair.",
    ]
    report = beside("reconcile", "--user", "user-0001", "--user", "ann2@example.com", "--json")
    assert report.code == 0
    assert list(report.json) == fields(RunReport)
    assert report.json["counts"]["profiles"] == 2


def test_drift_is_2_until_a_plan_is_applied_and_verified(beside: Segue, careless: Any) -> None:
    careless(action="fields", userId="user-0003", fields={"plan": "free", "firstName": "Bob"})
    careless(action="subscribe", userId="user-0001", group="channels", id=2001)
    found = beside("reconcile")
    assert found.code == 2
    assert not [word for word in (*PERSONAL, *DRIFTED, "Bob") if word in found.out]
    table = [re.split(r" {2,}", line.strip()) for line in found.out.splitlines()[4:8]]
    assert [row[:4] for row in table] == [
        ["USER", "PART", "IN ITERABLE", "SHOULD BE"],
        ["us***01", "channel Marketing Email", "subscribed", "unsubscribed"],
        ["us***03", "field plan", '"free"', '"pro"'],
        ["us***03", "field firstName", "***", "***"],
    ]
    assert table[1][4:] == ["re-subscribed after opt-out", "! first"]
    (plan,) = set(re.findall(r"--apply (\d+)", found.out))
    assert "Held back: it touches 2 users, 40.00% of all; the limit is 5.00%." in found.out

    for arguments in ((plan,), ()):  # the newest
        refused = beside("reconcile", "--apply", *arguments)
        assert (refused.code, refused.out) == (3, "")
        (line,) = refused.lines
        assert line == (
            f"plan {plan} is held back: it touches 2 users, 40.00% of all; the limit is 5.00%."
            " Nothing was changed; --beyond-guards applies it all the same"
        )
    shown = beside("drift", "show", plan, "--unmasked")
    assert shown.code == 0
    for word in (*DRIFTED, '"Bob"', '"Ann"'):
        assert word in shown.out
    assert "masked" not in shown.out

    applied = beside("reconcile", "--apply", plan, "--beyond-guards")
    assert applied.code == 0, applied.out
    assert "It is done: 3 repaired.\nLooked at again: nothing is left to repair.\n" in applied.out
    again = beside("reconcile", "--apply", plan, "--beyond-guards")
    assert (again.code, again.out) == (3, "")
    assert again.lines == [f"plan {plan} is done; make a new one: segue reconcile"]
    assert beside("reconcile").code == 0


def test_what_is_not_repaired_is_left_and_told(beside: Segue, careless: Any, served: Place) -> None:
    careless(action="delete", userId="user-0000")
    found = beside("reconcile", "--user", "user-0000")
    assert found.code == 2
    assert "user-0000" in beside("reconcile", "--user", "user-0000", "--unmasked").out
    assert re.search(r"us\*\*\*00 +user +missing +exists +deleted in Iterable", found.out)
    refused = beside("reconcile", "--apply")
    assert refused.code == 3
    assert refused.lines[0].endswith("deleted in Iterable; --recreate allows that")
    assert "--recreate" in found.out
    assert beside("reconcile", "--apply", "--recreate").code == 0
    assert served.iterable("/users/user-0000")[1]["user"]["dataFields"]["plan"] == "pro"


def test_runs_are_listed_and_shown(beside: Segue) -> None:
    assert beside("reconcile", "--user", "user-0001").code == 0
    listed = beside("drift", "list", "--limit", "2")
    head, *rows = listed.out.splitlines()
    assert head.split()[0] == "RUN"
    assert len(rows) == 2
    assert re.fullmatch(r"\d+ +\d+ \w+ \d\d:\d\d +spot +complete +0 +0 +0 +none", rows[0])
    runs = beside("drift", "list", "--json").json
    assert {tuple(run) for run in runs} == {
        (
            "run",
            "kind",
            "state",
            "started_at",
            "finished_at",
            "counts",
            "plan",
            "plan_state",
        )
    }
    newest = str(runs[0]["run"])
    assert newest == rows[0].split()[0]
    shown = beside("drift", "show", "--run", newest)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.endswith("Nothing to repair.\n")
    assert list(beside("drift", "show", "--run", newest, "--json").json) == fields(RunReport)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("drift show 4711", "there is no plan 4711; see: segue drift list"),
        ("drift show --run 4711", "there is no run 4711; see: segue drift list"),
        ("reconcile --apply 4711", "there is no plan 4711; see: segue drift list"),
        ("reconcile --user nobody@x.org", "no profile is known by the name n***@x.org"),
    ],
)
def test_numbers_and_names_nobody_knows_are_1(beside: Segue, arguments: str, says: str) -> None:
    ended = beside(*arguments.split())
    assert (ended.code, ended.out) == (1, "")
    assert ended.lines == [says]


def test_no_plan_yet(segue: Segue, place: Place) -> None:
    """Alone, as no daemon runs here."""
    segue.write(
        {
            **place.config,
            "store": {"url": f"sqlite:///{segue.folder}/segue.db"},
            "control": {"socket": str(segue.folder / "s.sock")},
        }
    )
    assert segue("migrate").code == 0
    assert (
        segue("drift", "list").out
        == f"Nothing was compared yet; run: segue --config {segue.config} reconcile\n"
    )
    assert segue("drift", "list", "--json").json == []
    ended = segue("reconcile", "--apply", env={"SEGUE_ITERABLE__API_KEY": SANDBOX_KEY})
    assert ended.code == 1
    assert ended.lines == ["there is no plan yet; run: segue reconcile"]


def test_what_needs_the_store_alone_is_refused_beside_a_daemon(beside: Segue) -> None:
    for command in ("migrate", "serve"):
        ended = beside(command)
        assert (ended.code, ended.out) == (1, "")
        assert "owns this store" in ended.lines[0]
