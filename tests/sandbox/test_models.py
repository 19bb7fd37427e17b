"""Properties: the sandbox against naive models of what it should do."""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.sandbox.answers import Answer, Call
from daemon.sandbox.limits import Bucket
from daemon.sandbox.project import Project
from daemon.sandbox.settings import LagSettings, RateRule, SandboxSettings
from daemon.sandbox.user_reads import profile
from daemon.sandbox.users import bulk_update
from tests.sandbox.world import QUIET

EMAILS = ("a@x.io", "B@x.io", "bad@")
MANAGED = ("email", "userId", "signupDate", "signupSource", "profileUpdatedAt", "itblInternal")
SCALARS = {
    "n": st.none() | st.integers(-5, 5),
    "s": st.none() | st.sampled_from(["x", "y", ""]),
    "d": st.none() | st.sampled_from([0.5, 1.5]),
    "l": st.none() | st.lists(st.integers(0, 3), max_size=3),
}
NESTED = st.fixed_dictionaries({}, optional={"a": st.none() | st.integers(0, 3), "b": st.none()})
FIELDS = st.fixed_dictionaries({}, optional={**SCALARS, "o": st.none() | NESTED})
ROW = st.fixed_dictionaries(
    {"email": st.sampled_from(EMAILS), "dataFields": FIELDS, "mergeNestedObjects": st.booleans()}
)
CALLS = st.lists(st.lists(ROW, min_size=1, max_size=6), max_size=6)


def project_at(**changes: Any) -> Project:
    return Project(SandboxSettings(**(QUIET | changes)), lambda: 0, Random(1))


def send(project: Project, rows: list[dict[str, Any]], now: int) -> dict[str, Any]:
    body = json.dumps({"users": rows}).encode()
    answer = bulk_update(project, Call("/api/users/bulkUpdate", {}, {}, body, now))
    return document(answer)


def document(answer: Answer) -> dict[str, Any]:
    assert isinstance(answer.body, bytes)
    found: dict[str, Any] = json.loads(answer.body)
    return found


def lay_over(old: dict[str, Any], row: dict[str, Any]) -> None:
    """What one row does to a user's fields, said as plainly as possible."""
    for name, value in row["dataFields"].items():
        if value is None:
            old.pop(name, None)
        elif isinstance(value, dict):
            base = old.get(name) if row["mergeNestedObjects"] else None
            merged = {**(base or {}), **value}
            old[name] = {k: v for k, v in merged.items() if v is not None}
        else:
            old[name] = value


def custom_fields(project: Project, email: str) -> dict[str, Any] | None:
    user = project.people.by_email.get(email)
    if user is None:
        return None
    fields = profile(project, user.true)["dataFields"]
    return {k: v for k, v in fields.items() if k not in MANAGED}


@given(CALLS)
def test_users_hold_what_a_naive_model_holds(calls: list[list[dict[str, Any]]]) -> None:
    project = project_at()
    model: dict[str, dict[str, Any]] = {}
    for now, rows in enumerate(calls):
        answer = send(project, rows, now)
        good = [r for r in rows if r["email"] != "bad@"]
        assert answer["successCount"] == len(good)
        assert answer["failedUpdates"]["invalidEmails"] == ["bad@"] * (len(rows) - len(good))
        for row in good:
            lay_over(model.setdefault(row["email"].lower(), {}), row)
    for email in ("a@x.io", "b@x.io"):
        assert custom_fields(project, email) == model.get(email)
    assert project.people.alive == len(list(project.people.living())) == len(model)


@given(CALLS)
def test_the_ledger_alone_rebuilds_every_user(calls: list[list[dict[str, Any]]]) -> None:
    project = project_at()
    for now, rows in enumerate(calls):
        send(project, rows, now)
    rebuilt: dict[str, dict[str, Any]] = {}
    ledger = list(project.ledger.rows())
    for row in ledger:
        if row["result"] in ("applied", "noOp"):
            lay_over(rebuilt.setdefault(row["email"].lower(), {}), row["payload"])
    assert [r["seq"] for r in ledger] == list(range(1, sum(map(len, calls)) + 1))
    for email in ("a@x.io", "b@x.io"):
        assert custom_fields(project, email) == rebuilt.get(email)


@given(CALLS, st.integers(0, 30_000))
@settings(max_examples=50)
def test_once_every_lag_is_over_reads_show_the_true_state(
    calls: list[list[dict[str, Any]]], step: int
) -> None:
    project = project_at(lag_bulk=LagSettings(), lag_export=LagSettings())
    for number, rows in enumerate(calls):
        send(project, rows, number * step)
    late = len(calls) * step + 12_000
    for user in project.people.living():
        assert user.seen(late) is user.true
    assert len(project.people.snapshot(late)) == sum(1 for _ in project.people.living())


@given(
    st.integers(1, 20),
    st.sampled_from([1.0, 60.0]),
    st.lists(st.integers(0, 2000), min_size=1, max_size=200),
)
def test_a_bucket_never_gives_more_than_its_burst_and_its_rate(
    count: int, seconds: float, gaps: list[int]
) -> None:
    bucket = Bucket(RateRule(count, seconds), 0)
    now = taken = 0
    for gap in gaps:
        now += gap
        taken += bucket.take(now)
        assert taken <= count + now * count / (seconds * 1000) + 1e-6
        if bucket.tokens < 1:
            wait = bucket.reset_seconds()
            assert 0 < wait <= seconds / count + 0.001
