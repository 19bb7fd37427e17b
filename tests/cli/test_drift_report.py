"""A run of the reconciler as people read it."""

from typing import Any

import pytest

from daemon.cli.drift_report import print_report
from daemon.reconcile.report import Counts, DriftLine, PlanReport, RunReport

AT = 1_763_805_720_000


def line(**changes: Any) -> DriftLine:
    plain = {
        "user": "a***@example.com",
        "part": "field plan",
        "in_iterable": '"free"',
        "should_be": '"pro"',
        "cause": "edited in Iterable, 22 Nov 16:40",
        "first": False,
        "state": "planned",
        "note": "",
    }
    return DriftLine(**{**plain, **changes})


def plan(**changes: Any) -> PlanReport:
    plain = {
        "id": 118,
        "state": "new",
        "users": 7,
        "parts": 7,
        "first": 1,
        "recreations": 0,
        "calls": 5,
        "share": 7 / 48_190,
        "limit": 0.05,
        "states": {"planned": 7},
        "guards": [],
    }
    return PlanReport(**{**plain, **changes})


def printed(
    capsys: pytest.CaptureFixture[str],
    *lines: DriftLine,
    planned: PlanReport | None = None,
    kind: str = "sweep",
    **counts: int,
) -> list[str]:
    report = RunReport(
        run=200,
        kind=kind,
        state="complete",
        started_at=AT,
        finished_at=AT + 41_000,
        as_of=AT,
        counts=Counts(drift=len(lines), **counts),
        lines=list(lines),
        plan=planned,
        notes=[],
    )
    print_report(report)
    return capsys.readouterr().out.splitlines()


def test_a_sweep_tells_what_was_seen_what_differs_and_what_would_be_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = printed(
        capsys,
        line(part="channel Marketing SMS", first=True, cause="re-subscribed after opt-out"),
        line(),
        line(part="field day", cause="refused by Iterable", state="refused", note="type is date"),
        line(part="channel Push", cause="unsubscribed in Iterable", state="respected"),
        line(part="identity", cause="identity differs", state="reported", note="two users"),
        planned=plan(),
        observed=48_211,
        unknown=21,
        profiles=48_190,
        in_sync=48_183,
        drifted=7,
    )
    assert out[0] == (
        "Observed 48,211 Iterable users (export, 22 Nov 10:02 UTC, 41 s) · 48,190 profiles"
        " · 21 unknown to Segment, left alone"
    )
    assert out[2] == "  48,183 in sync      7 with drift"
    assert out[4].split() == ["USER", "PART", "IN", "ITERABLE", "SHOULD", "BE", "CAUSE"]
    column = out[4].index("CAUSE")
    assert [each[column:].split("  ")[0] for each in out[5:10]] == [
        "re-subscribed after opt-out",
        "edited in Iterable, 22 Nov 16:40",
        "refused by Iterable: type is date",
        "unsubscribed in Iterable",
        "identity differs: two users",
    ]
    assert [each[column:].partition("  ")[2].strip() for each in out[5:10]] == [
        "! first",
        "",
        "",
        "respected",
        "for a person",
    ]
    assert out[-2:] == [
        (
            "Plan 118: 7 users (0.01%; limit 5%) · 7 differences · about 5 calls · 0 deletions"
            " · 0 opt-outs undone"
        ),
        "Nothing was changed.  Apply exactly this:  segue reconcile --apply 118",
    ]


def test_small_shares_and_small_limits_are_not_rounded_away(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = printed(capsys, line(), planned=plan(share=1e-6, limit=0.005), drifted=1)
    assert "(under 0.01%; limit 0.5%)" in out[-2]


def test_a_spot_check_says_that_it_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(
        capsys, line(), planned=plan(users=1, parts=1, calls=1), kind="spot", observed=1, profiles=1
    )
    assert out[0] == ("Observed 1 Iterable user (point reads, 22 Nov 10:02 UTC, 41 s) · 1 profile")
    assert out[-2].startswith("Plan 118: 1 user (a spot check) · 1 difference · about 1 call ·")


def test_drift_segue_leaves_alone_is_not_called_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    reported = line(part="identity", state="reported", note="two users")
    assert printed(capsys, reported, drifted=1)[-1] == "Segue repairs none of it: a person has to."
    assert printed(capsys, in_sync=1)[-1] == "Nothing to repair."
