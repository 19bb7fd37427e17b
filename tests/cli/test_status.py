"""What `segue status` says of actors that fail."""

import msgspec
import pytest

from daemon.actors.vitals import State, Vitals
from daemon.cli.status import screen
from daemon.clients.status import Backlog, LastRun, StatusReport, Today, Trouble

NOW = 1_800_000_000_000


EMPTY = StatusReport(
    project="shop",
    type="hybrid",
    data_center="EU",
    mapping_version=1,
    up=0,
    messages=0,
    sources={},
    unsent=Backlog(),
    today=Today(),
    endpoints={},
    last_run=None,
    actors=[],
)


def actor(name: str, **vitals: object) -> Vitals:
    quiet = {
        "state": State.RUNNING,
        "restarts": 0,
        "started_at": NOW,
        "progress_at": NOW,
        "depth": None,
        "last_error": None,
    }
    return Vitals(**{"name": name, **quiet, **vitals})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("vitals", "line"),
    [
        (actor("lane-0"), None),
        (
            actor("lane-0", restarts=1, last_error="ValueError"),
            "actor lane-0 was restarted 1 time, after ValueError",
        ),
        (
            actor("reconciler", state=State.FAILING, restarts=9, last_error="ValueError"),
            "actor reconciler keeps failing, after ValueError; see the log",
        ),
    ],
)
def test_an_actor_in_trouble_is_named(vitals: Vitals, line: str | None) -> None:
    report = msgspec.structs.replace(EMPTY, actors=[vitals])
    told = [each.removeprefix("!").strip() for each in screen(report, NOW) if each.startswith("!")]
    assert told == ([line] if line else [])


def test_an_endpoint_that_fails_is_named_with_the_reason() -> None:
    trouble = Trouble("events/trackBulk", NOW, "Iterable refuses the key")
    report = msgspec.structs.replace(EMPTY, troubles=[trouble])
    (line,) = [each for each in screen(report, NOW) if each.startswith("!")]
    assert "events/trackBulk fails since 15 Jan 08:00 UTC: Iterable refuses the key" in line


@pytest.mark.parametrize(
    ("state", "drifted", "judged"),
    [("complete", 0, ", in sync"), ("complete", 2, ", 2 users with drift"), ("failed", 0, "")],
)
def test_a_run_that_failed_says_nothing_of_who_is_in_sync(
    state: str, drifted: int, judged: str
) -> None:
    run = LastRun(6, "sweep", state, NOW, NOW, drifted)
    (line,) = [
        each
        for each in screen(msgspec.structs.replace(EMPTY, last_run=run), NOW)
        if each.startswith("Last run")
    ]
    assert line.endswith(f"UTC, {state}{judged}")
