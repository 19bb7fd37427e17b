"""`segue serve` as a process: killed, stopped, refused, started before Iterable is there."""

import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.process.running import WRITE_KEY, Place, answer_of

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    assert place.segue("migrate").returncode == 0
    yield place
    place.close()


class Sender:
    """Sends batches until told to stop, and keeps what was answered 200."""

    def __init__(self, place: Place) -> None:
        self.accepted: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self._place = place
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            batch = []
            numbers = range(number, number + 10)
            for n in numbers:
                user = f"user-{n % 7}"
                batch.append({**_message(n, user), "type": "identify", "traits": {"n": n}})
                batch.append(
                    {
                        **_message(n, user),
                        "messageId": f"t{n}",
                        "type": "track",
                        "event": "Step",
                        "properties": {"n": n},
                    }
                )
            body = {"writeKey": WRITE_KEY, "batch": batch}
            while not self._stop.is_set():
                if answer_of(f"{self._place.url}/v1/batch", body, 5)[0] == 200:
                    self.accepted |= {f"t{n}": n for n in numbers}
                    self.last |= {f"user-{n % 7}": n for n in numbers}
                    number += 10
                    break
                time.sleep(0.05)


def _message(number: int, user: str) -> dict[str, Any]:
    return {"userId": user, "messageId": f"i{number}"}


@pytest.mark.slow
def test_killed_again_and_again_under_load_it_loses_nothing(place: Place) -> None:
    place.start_sandbox()
    sender = None
    rng = random.Random(7)
    for _ in range(4):
        place.start_daemon()
        sender = sender or Sender(place)
        time.sleep(rng.uniform(0.2, 1.2))
        place.end_daemon(signal.SIGKILL)
    place.start_daemon()
    assert sender is not None
    sender.stop()
    place.settled()
    order: dict[str, list[int]] = {}
    for row in place.ledger("event"):
        numbers = order.setdefault(row["payload"]["userId"], [])
        number = row["payload"]["dataFields"]["n"]
        if number not in numbers:
            numbers.append(number)
    held = {f"t{n}" for numbers in order.values() for n in numbers}
    assert sender.accepted
    assert set(sender.accepted) <= held
    assert all(numbers == sorted(numbers) for numbers in order.values())
    for user, number in sender.last.items():
        known = place.iterable(f"/users/{user}")[1]["user"]["dataFields"]["n"]
        assert known >= number
    audited = place.segue("audit")
    assert audited.returncode == 0, audited.stdout
    assert place.end_daemon(signal.SIGTERM) == 0


def test_stopped_under_load_it_answers_what_it_took_and_exits_0(place: Place) -> None:
    place.start_sandbox()
    place.start_daemon()
    sender = Sender(place)
    time.sleep(0.7)
    assert place.end_daemon(signal.SIGTERM) == 0
    sender.stop()
    place.start_daemon()
    place.settled()
    held = {row["payload"]["id"] for row in place.ledger("event")}
    assert set(sender.accepted) <= held
    assert place.segue("audit").returncode == 0


def test_before_iterable_is_there_it_takes_messages_and_is_not_ready(tmp_path: Path) -> None:
    lists = {
        "name": "vip",
        "action": "subscribe_list",
        "audience": "vip",
        "list": "Newsletter",
    }
    events = {
        "name": "events",
        "action": "track_event",
        "subscribe": 'type = "track"',
        "preset": "segment",
    }
    place = Place(tmp_path, mappings=[lists, events])
    try:
        assert place.segue("migrate").returncode == 0
        place.start_daemon(ready=False)
        assert answer_of(place.url + "/readyz")[0] == 503
        message = {
            "writeKey": WRITE_KEY,
            "userId": "1",
            "event": "Bought",
            "messageId": "m1",
            "type": "track",
        }
        assert answer_of(place.url + "/v1/track", message)[0] == 200
        place.start_sandbox()
        place.until(lambda: answer_of(place.url + "/readyz")[0] == 200, 40)
        place.until(lambda: len(place.ledger("event")) == 1)
    finally:
        place.close()


def test_a_second_daemon_on_the_same_store_is_refused(place: Place) -> None:
    place.start_sandbox()
    place.start_daemon()
    refused = place.segue("serve")
    assert refused.returncode == 1
    assert "owns this store" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_store_without_tables_is_refused_with_what_to_run(tmp_path: Path) -> None:
    refused = Place(tmp_path).segue("serve")
    assert refused.returncode == 1
    assert "segue migrate" in refused.stderr


def test_each_actor_is_restarted_alone_and_nothing_is_lost(place: Place) -> None:
    place.start_sandbox()
    place.start_daemon()
    sender = Sender(place)
    names = [each["name"] for each in _actors(place)]
    assert {"acceptor", "web", "control", "lane-0", "reconciler", "retention", "tally"} <= set(
        names
    )
    for name in names:
        killed = _control(place, "POST", f"/actors/{name}/kill")
        assert killed == {"killed": name}
        place.until(lambda name=name: _restarts(place).get(name) == 1)
    assert _restarts(place) == dict.fromkeys(names, 1)
    sender.stop()
    place.settled()
    held = {row["payload"]["id"] for row in place.ledger("event")}
    assert set(sender.accepted) <= held
    assert place.segue("audit").returncode == 0


def _actors(place: Place) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _control(place, "GET", "/actors")
    return found


def _restarts(place: Place) -> dict[str, int]:
    """How often each actor was restarted; nothing while the one that answers is."""
    try:
        actors = _actors(place)
    except httpx.TransportError:
        return {}
    return {
        each["name"]: each["restarts"]
        for each in actors
        if each["state"] != "waiting" or not each["restarts"]
    }


def _control(place: Place, method: str, path: str) -> Any:
    transport = httpx.HTTPTransport(uds=str(place.folder / "segue.sock"))
    with httpx.Client(transport=transport, base_url="http://segue") as client:
        return client.request(method, path, timeout=10).json()
