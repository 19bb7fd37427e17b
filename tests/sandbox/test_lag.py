"""What reads show while a write is not yet visible (iterable.md §14)."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.sandbox.lag import RECORDED_SECONDS, Lag
from daemon.sandbox.people import People, Version
from daemon.sandbox.settings import LagSettings
from tests.sandbox.world import World

ANN = "ann@example.com"
TEN = LagSettings("fixed", fixed_ms=10_000)


def test_the_recorded_lags_are_the_59_measured_ones() -> None:
    counted = Counter(RECORDED_SECONDS)
    assert counted == {0: 22, 1: 18, 2: 6, 3: 6, 4: 4, 5: 1, 6: 1, 12: 1}
    drawn = {Lag(LagSettings(scale=0.5), Random(n)).draw() for n in range(500)}
    assert drawn == {s * 500 for s in counted}


def test_a_write_is_shown_only_after_its_lag_and_the_old_state_until_then() -> None:
    world = World(lag_single=TEN)
    world.post("/api/users/update", {"email": ANN, "dataFields": {"n": 1}})
    assert world.get(f"/api/users/{ANN}") == {}
    world.now += 10_000
    assert world.fields(ANN)["n"] == 1
    world.post("/api/users/update", {"email": ANN, "dataFields": {"n": 2}})
    assert world.fields(ANN)["n"] == 1
    assert world.get(f"/_sandbox/users/{ANN}")["user"]["dataFields"]["n"] == 2
    world.now += 10_000
    assert world.fields(ANN)["n"] == 2


def test_single_bulk_and_export_lag_are_set_apart() -> None:
    world = World(lag_bulk=TEN)
    world.post("/api/users/update", {"email": ANN})
    assert world.get(f"/api/users/{ANN}")
    world.post("/api/users/bulkUpdate", {"users": [{"email": "b@example.com"}]})
    assert world.get("/api/users/b@example.com") == {}
    world = World(lag_export=TEN)
    world.post("/api/users/update", {"email": ANN, "dataFields": {"n": 1}})
    export = "/api/export/data.json?dataTypeName=user&range=All"
    assert world.get(f"/api/users/{ANN}")
    assert world.ask("GET", export).text == ""
    world.now += 10_000
    world.post("/api/users/update", {"email": ANN, "dataFields": {"n": 2}})
    world.get(f"/api/users/{ANN}")
    assert '"n":1' in world.ask("GET", export).text


def test_a_deletion_and_a_new_address_lag_too() -> None:
    world = World()
    world.post("/api/users/update", {"email": ANN})
    world.post("/_sandbox/settings", {"lag_single": {"mode": "fixed", "fixed_ms": 5000}})
    world.post("/api/users/updateEmail", {"currentEmail": ANN, "newEmail": "b@example.com"})
    assert world.get(f"/api/users/{ANN}") != {}
    assert world.get("/api/users/b@example.com") == {}
    world.now += 5000
    assert world.get(f"/api/users/{ANN}") == {}
    assert world.get("/api/users/b@example.com") != {}
    world.ask("DELETE", "/api/users/b@example.com")
    assert world.get("/api/users/b@example.com") != {}
    world.now += 5000
    assert world.get("/api/users/b@example.com") == {}


def test_list_members_and_events_are_shown_after_their_lag() -> None:
    world = World(lag_bulk=TEN)
    world.post("/api/lists/subscribe", {"listId": 1001, "subscribers": [{"email": ANN}]})
    world.post("/api/events/trackBulk", {"events": [{"email": ANN, "eventName": "e"}]})
    assert world.get("/api/lists/1001/size") == 0
    assert world.get(f"/api/events/{ANN}") == {"events": []}
    world.now += 10_000
    assert world.get("/api/lists/1001/size") == 1
    assert len(world.get(f"/api/events/{ANN}")["events"]) == 2
    world.post("/api/lists/unsubscribe", {"listId": 1001, "subscribers": [{"email": ANN}]})
    assert world.ask("GET", "/api/lists/getUsers?listId=1001").text == f"{ANN}\n"
    world.now += 10_000
    assert world.ask("GET", "/api/lists/getUsers?listId=1001").text == ""


def version(email: str, at: int, lag: int, *, alive: bool) -> Version:
    return Version(email, None, b"{}", None, 0, at, at + lag, alive)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 15), st.booleans()), max_size=12),
    st.integers(0, 15),
)
def test_a_read_shows_the_last_version_whose_time_has_come(
    writes: list[tuple[int, int, bool]], behind: int
) -> None:
    people = People()
    people.longest_export_lag = 15
    first = version("a@x.io", 0, 0, alive=True)
    user = people.create(first)
    history, now = [first], 0
    for later, lag, alive in writes:
        now += later
        made = version("a@x.io", now, lag, alive=alive)
        people.put(user, made, now)
        history.append(made)
        at = max(0, now - behind)
        expected: Any = [v for v in history if v.visible_at <= at][-1]
        assert user.seen(at) is (expected if expected.alive else None)


@pytest.mark.parametrize("mode", ["recorded", "fixed", "off"])
def test_every_mode_draws_something_and_off_draws_nothing(mode: Any) -> None:
    lag = Lag(LagSettings(mode), Random(1))
    drawn = [lag.draw() for _ in range(200)]
    assert (max(drawn) == 0) == (mode == "off")
    assert max(drawn) <= lag.longest
