import msgspec
import pytest

from daemon.reconcile.compare import Cause, Finding, Standing
from daemon.reconcile.planning import drift_row, plan_stats

AT = 1_763_829_600_000


@pytest.mark.parametrize(
    ("standing", "state"),
    [
        (Standing.REPAIRABLE, "planned"),
        (Standing.RESPECTED, "respected"),
        (Standing.REFUSED, "refused"),
        (Standing.REPORTED, "reported"),
    ],
)
def test_only_what_may_be_repaired_is_planned(standing: Standing, state: str) -> None:
    finding = Finding("field:plan", "free", "pro", Cause.EDITED, standing, reason="why")
    row = drift_row(7, "u:1", finding)
    assert (row.run, row.state, row.note, row.priority) == (7, state, "why", 1)
    assert (msgspec.json.decode(row.observed), msgspec.json.decode(row.desired)) == ("free", "pro")


def test_a_cause_says_when_the_user_was_changed() -> None:
    edited = Finding("field:plan", "free", "pro", Cause.EDITED, at=AT)
    assert drift_row(7, "u:1", edited).cause == "edited in Iterable, 22 Nov 16:40"
    deleted = Finding("user", "missing", "exists", Cause.DELETED, at=AT)
    assert drift_row(7, "u:1", deleted).cause == "deleted in Iterable"


def test_a_plan_in_figures() -> None:
    findings = [
        ("u:1", Finding("field:plan", 1, 2, Cause.EDITED)),
        ("u:1", Finding("field:age", 1, 2, Cause.EDITED)),
        ("u:1", Finding("list:7", "not member", "member", Cause.REMOVED)),
        ("u:2", Finding("user", "missing", "exists", Cause.DELETED)),
        ("u:3", Finding("user", "missing", "exists", Cause.NOT_DELIVERED)),
        ("u:3", Finding("channel:1", "subscribed", "unsubscribed", Cause.EDITED, first=True)),
    ]
    rows = [drift_row(1, user, finding) for user, finding in findings]
    assert plan_stats(rows) == {
        "users": 3,
        "parts": 6,
        "first": 1,
        "recreations": 1,
        "calls": 3,
    }


def test_calls_hold_a_thousand_users() -> None:
    many = [drift_row(1, f"u:{n}", Finding("list:7", 0, 1, Cause.ADDED)) for n in range(1001)]
    assert plan_stats(many)["calls"] == 2


def test_a_change_of_identity_is_a_call_of_its_own() -> None:
    rows = [drift_row(1, f"u:{n}", Finding("identity", {}, {}, Cause.EDITED)) for n in range(3)]
    assert plan_stats(rows)["calls"] == 3
