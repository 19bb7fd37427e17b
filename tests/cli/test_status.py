"""What `segue status` says of actors that fail."""

import pytest

from daemon.actors.vitals import State, Vitals
from daemon.cli.status import screen
from daemon.clients.status import Backlog, StatusReport, Today

NOW = 1_800_000_000_000


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
    report = StatusReport(
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
        actors=[vitals],
    )
    told = [each.removeprefix("!").strip() for each in screen(report, NOW) if each.startswith("!")]
    assert told == ([line] if line else [])
