"""The sandbox's own routes: ledger, counts, tampering, settings, true state."""

from typing import Any

import pytest

from daemon.sandbox.settings import LagSettings
from tests.sandbox.world import World

ANN, BOB = "ann@example.com", "bob@example.com"


def test_the_ledger_tells_each_row_of_each_call_in_order() -> None:
    world = World()
    rows = [{"email": ANN, "dataFields": {"a": 1}}, {"email": "bad@"}, {"email": ANN}]
    world.post("/api/users/bulkUpdate", {"users": rows})
    world.now += 5
    world.post("/api/events/track", {"email": BOB, "eventName": "e", "id": "1"})
    first, *others = world.ledger()
    assert first == {
        "seq": 1,
        "at": world.now - 5,
        "path": "/api/users/bulkUpdate",
        "kind": "user",
        "by": "api",
        "email": ANN,
        "userId": None,
        "payload": {"email": ANN, "dataFields": {"a": 1}},
        "result": "applied",
    }
    assert [(r["seq"], r["result"]) for r in others] == [
        (2, "invalidEmail"),
        (3, "noOp"),
        (4, "applied"),
    ]


@pytest.mark.parametrize(
    ("query", "seqs"),
    [
        ("", [1, 2, 3, 4]),
        ("?kind=user", [1, 2, 3]),
        ("?kind=event", [4]),
        ("?email=BOB@example.com", [2, 4]),
        ("?userId=7", [3]),
        ("?after=1", [2, 3, 4]),
        ("?after=2&kind=user", [3]),
        ("?after=4", []),
    ],
)
def test_the_ledger_is_filtered_by_kind_person_and_position(query: str, seqs: list[int]) -> None:
    world = World(project_type="hybrid")
    rows = [{"email": ANN}, {"email": BOB}, {"userId": "7"}]
    world.post("/api/users/bulkUpdate", {"users": rows})
    world.post("/api/events/track", {"email": BOB, "eventName": "e"})
    assert [r["seq"] for r in world.ledger(query)] == seqs


def test_a_refused_call_leaves_no_row() -> None:
    world = World()
    world.post("/api/users/bulkUpdate", {"users": [{"email": 5}]}, 400)
    world.post("/api/lists/subscribe", {"listId": 9, "subscribers": [{"email": ANN}]}, 400)
    assert world.ledger() == []


def test_the_number_of_users_follows_creations_and_deletions() -> None:
    world = World()
    for count in (1, 0, 1):
        if count:
            world.post("/api/users/update", {"email": ANN})
        else:
            world.ask("DELETE", f"/api/users/{ANN}")
        assert world.get("/_sandbox/counts")["users"] == count


def test_counts_add_up_calls_rows_and_seconds() -> None:
    world = World()
    rows = [{"email": ANN}, {"email": "bad@"}]
    for _ in range(3):
        world.post("/api/users/bulkUpdate", {"users": rows})
    world.ask("GET", "/api/export/data.json?dataTypeName=user&range=All")
    counts = world.get("/_sandbox/counts")
    bulk = counts["endpoints"]["POST /api/users/bulkUpdate"]
    assert (bulk["calls"], bulk["applied"], bulk["failed"], bulk["errors"]) == (3, 3, 3, 0)
    assert bulk["seconds"] > 0
    assert counts["endpoints"]["GET /api/export/data.json"]["seconds"] > 0
    assert counts["total"]["calls"] == 4
    assert counts["users"] == 1
    assert world.ask("DELETE", "/_sandbox/counts").json()["total"]["calls"] == 0


def tamper(world: World, status: int = 200, **edit: Any) -> Any:
    return world.post("/_sandbox/tamper", edit, status)


def test_careless_people_edit_delete_drop_and_resubscribe_and_stand_in_the_ledger() -> None:
    world = World()
    world.post("/api/users/update", {"email": ANN, "dataFields": {"plan": "gold", "x": 1}})
    world.post("/api/lists/subscribe", {"listId": 1001, "subscribers": [{"email": ANN}]})
    world.ask("DELETE", f"/api/subscriptions/messageChannel/2001/user/{ANN}")
    tamper(world, action="fields", email=ANN, fields={"plan": "free", "x": None})
    tamper(world, action="drop_list", email=ANN, id=1001, by="api")
    tamper(world, action="subscribe", email=ANN, group="channels", id=2001, by="api")
    fields = world.fields(ANN)
    assert fields["plan"] == "free"
    assert "x" not in fields
    assert fields["emailListIds"] == fields["unsubscribedChannelIds"] == []
    tamper(world, action="add_list", email=ANN, id=1002)
    assert world.ask("GET", "/api/lists/getUsers?listId=1002").text == f"{ANN}\n"
    tamper(world, action="delete", email=ANN)
    assert world.get(f"/api/users/{ANN}") == {}
    assert [r["by"] for r in world.ledger("?kind=tamper")] == [
        "person",
        "api",
        "api",
        "person",
        "person",
    ]


def test_an_opt_out_by_the_person_carries_its_source() -> None:
    world = World()
    world.post("/api/users/update", {"email": ANN})
    tamper(world, action="unsubscribe", email=ANN, group="channels", id=2001)
    text = world.ask("GET", "/api/export/data.json?dataTypeName=emailUnSubscribe&range=All").text
    assert '"unsubSource":"EmailLink"' in text


@pytest.mark.parametrize(
    ("edit", "status"),
    [
        ({"action": "delete", "email": "nobody@example.com"}, 409),
        ({"action": "drop_list", "email": ANN}, 400),
        ({"action": "juggle", "email": ANN}, 400),
        ({"action": "fields", "email": ANN, "fields": {"signupDate": "text"}}, 400),
    ],
)
def test_an_impossible_edit_is_refused_with_the_reason(edit: dict[str, Any], status: int) -> None:
    world = World()
    world.post("/api/users/update", {"email": ANN})
    tamper(world, status, **edit)
    assert world.ledger("?kind=tamper") == []


def test_settings_change_while_running_and_never_show_secrets() -> None:
    world = World()
    world.post("/api/users/update", {"email": ANN})
    shown = world.post(
        "/_sandbox/settings", {"forgotten_status": 400, "lists": [{"id": 7, "name": "x"}]}
    )
    assert shown["forgotten_status"] == 400
    assert not {"api_key", "profile_token"} & shown.keys()
    assert 7 in {r["id"] for r in world.get("/api/lists")["lists"]}
    assert world.get(f"/api/users/{ANN}") != {}
    wrong = world.ask("POST", "/_sandbox/settings", {"forgotten_status": 200})
    assert wrong.status_code == 400
    assert "forgotten_status" in wrong.json()["error"]


def test_the_true_state_is_shown_whatever_reads_still_show() -> None:
    world = World(lag_single=LagSettings("fixed", fixed_ms=1000))
    world.post("/api/users/update", {"email": ANN, "userId": "1"})
    world.post("/api/events/track", {"email": ANN, "eventName": "e"})
    true = world.get("/_sandbox/users/1")
    assert true["user"]["email"] == ANN
    assert (true["visible"], true["visibleAt"], true["events"]) == (False, world.now + 1000, 1)
    assert world.ask("GET", "/_sandbox/users/nobody").status_code == 404
    assert len(world.ask("GET", "/_sandbox/users").text.splitlines()) == 1


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 450])
def test_the_streams_tell_every_row_whatever_their_number(count: int) -> None:
    world = World()
    rows = [{"email": f"u{n}@example.com"} for n in range(count)]
    if rows:
        world.post("/api/users/bulkUpdate", {"users": rows})
    assert [r["seq"] for r in world.ledger()] == list(range(1, count + 1))
    shown = world.ask("GET", "/_sandbox/users").text.splitlines()
    assert len(set(shown)) == count
