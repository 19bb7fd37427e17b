"""A sandbox, and a daemon that has worked, each started once for all tests of commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commanding import SANDBOX_KEY, Segue
from tests.process.running import WRITE_KEY, Place, answer_of

MAPPINGS = [
    {
        "name": "profiles",
        "subscribe": 'type = "identify"',
        "action": "update_user",
        "fields": {"*": "$.traits"},
    },
    {"name": "events", "subscribe": 'type = "track"', "action": "track_event", "preset": "segment"},
    {"name": "vip", "audience": "vip", "action": "subscribe_list", "list": "Newsletter"},
    {
        "name": "opt-outs",
        "subscribe": 'event = "Unsubscribed"',
        "action": "update_subscriptions",
        "unsubscribe": {"channels": ["Marketing Email"]},
    },
]
PEOPLE = 4


@pytest.fixture
def segue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Segue:
    """Commands in a folder that is empty yet."""
    return Segue(tmp_path, capsys)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A quick sandbox, and a migrated store beside it; no daemon yet."""
    endpoints = ("users/bulkUpdate", "events/trackBulk", "export/start", "export/files")
    place = Place(tmp_path_factory.mktemp("place"), mappings=MAPPINGS)
    settings = place.config["iterable"]
    settings["limits"] = dict.fromkeys(endpoints, 100)
    settings["lag_seconds"] = 0.1
    place.config["sources"]["ios"] = {"write_key": "not-used"}
    place.write()
    try:
        place.start_sandbox()
        off = {"mode": "off"}
        lags = {"lag_single": off, "lag_bulk": off, "lag_export": off}
        place.iterable("/settings", {**lags, "export_queue_ms": 0, "export_run_ms": 0})
        assert place.segue("migrate").returncode == 0
        yield place
    finally:
        place.close()


@pytest.fixture(scope="session")
def served(place: Place) -> Place:
    """With a daemon that has delivered what a few people did."""
    place.start_daemon()
    batch = []
    for number in range(PEOPLE):
        who = {"userId": f"user-{number:04}"}
        traits = {"email": f"ann{number}@example.com", "plan": "pro", "firstName": "Ann"}
        batch += [
            {**who, "type": "identify", "messageId": f"i{number}", "traits": traits},
            {**who, "type": "track", "messageId": f"t{number}", "event": "Order Completed"},
        ]
    computed = {"computation_key": "vip", "computation_class": "audience"}
    batch += [
        {"userId": "user-0001", "type": "track", "messageId": "out", "event": "Unsubscribed"},
        {
            "userId": "user-0002",
            "type": "identify",
            "messageId": "joins",
            "traits": {"vip": True},
            "context": {"personas": computed},
        },
        {"anonymousId": "anon-4711", "type": "track", "messageId": "anon", "event": "Seen"},
        {"type": "track", "messageId": "nobody"},
    ]
    body = {"writeKey": WRITE_KEY, "batch": batch}
    assert answer_of(place.url + "/v1/batch", body)[0] == 200
    place.settled()
    return place


@pytest.fixture
def beside(served: Place, capsys: pytest.CaptureFixture[str]) -> Segue:
    """Commands of somebody whose daemon runs."""
    env = {"SEGUE_ITERABLE__API_KEY": SANDBOX_KEY, "SEGUE_SOURCES__WEB__WRITE_KEY": WRITE_KEY}
    return Segue(served.folder, capsys, env=env)
