"""Lists (iterable.md §9)."""

from typing import Any

import pytest

from daemon.sandbox.settings import ListSeed
from tests.sandbox.world import World

ANN, BOB = "ann@example.com", "bob@example.com"


def subscribe(world: World, *emails: str, list_id: int = 1001, **more: Any) -> dict[str, Any]:
    rows = [{"email": e} for e in emails]
    body = {"listId": list_id, "subscribers": rows, **more}
    answer: dict[str, Any] = world.post("/api/lists/subscribe", body)
    return answer


def unsubscribe(world: World, *emails: str, **more: Any) -> dict[str, Any]:
    rows = [{"email": e} for e in emails]
    body = {"listId": 1001, "subscribers": rows, **more}
    answer: dict[str, Any] = world.post("/api/lists/unsubscribe", body)
    return answer


def members(world: World, query: str = "listId=1001") -> list[str]:
    return world.ask("GET", f"/api/lists/getUsers?{query}").text.splitlines()


@pytest.mark.parametrize(("kind", "field"), [("email", "emailListIds"), ("hybrid", "userListIds")])
def test_subscribing_creates_the_user_and_the_four_arrays(kind: str, field: str) -> None:
    world = World(project_type=kind)
    answer = subscribe(world, ANN, "bad@")
    assert (answer["successCount"], answer["failCount"]) == (1, 1)
    assert answer["failedUpdates"]["invalidEmails"] == ["bad@"]
    fields = world.fields(ANN)
    assert fields[field] == [1001]
    assert fields["unsubscribedChannelIds"] == []
    assert fields["unsubscribedMessageTypeIds"] == []
    assert fields["subscribedMessageTypeIds"] == []
    assert fields["signupSource"] == "ListAPI"


def test_subscribing_twice_is_a_no_op_and_fields_of_the_row_are_written() -> None:
    world = World()
    subscribe(world, ANN)
    assert subscribe(world, ANN)["noOpEmails"] == [ANN]
    row = {"email": ANN, "dataFields": {"plan": "gold"}}
    body = {"listId": 1002, "subscribers": [row]}
    assert world.post("/api/lists/subscribe", body)["noOpEmails"] == []
    assert world.fields(ANN)["plan"] == "gold"
    assert world.fields(ANN)["emailListIds"] == [1001, 1002]


def test_unsubscribing_someone_unknown_is_not_found_and_someone_off_the_list_a_no_op() -> None:
    world = World()
    subscribe(world, ANN, BOB)
    answer = unsubscribe(world, ANN, "Nobody@example.com", "bad@")
    assert answer["successCount"] == 1
    assert answer["failedUpdates"]["notFoundEmails"] == ["nobody@example.com"]
    assert answer["failedUpdates"]["invalidEmails"] == ["bad@"]
    assert unsubscribe(world, ANN)["noOpEmails"] == [ANN]
    assert members(world) == [BOB]


def test_a_list_unsubscribe_opts_out_of_the_channel_only_when_asked() -> None:
    world = World()
    subscribe(world, ANN, BOB)
    unsubscribe(world, ANN)
    unsubscribe(world, BOB, channelUnsubscribe=True)
    assert world.fields(ANN)["unsubscribedChannelIds"] == []
    assert world.fields(BOB)["unsubscribedChannelIds"] == [2001]


def test_existing_users_only_is_honoured_outside_email_based_projects() -> None:
    world = World(project_type="hybrid")
    assert subscribe(world, ANN, updateExistingUsersOnly=True)["failCount"] == 0
    assert world.get(f"/api/users/{ANN}") == {}
    world = World(project_type="email")
    subscribe(world, ANN, updateExistingUsersOnly=True)
    assert members(world) == [ANN]


@pytest.mark.parametrize("value", ["x" * 101, 2**70])
def test_a_row_whose_data_is_refused_does_not_enter_the_list(value: Any) -> None:
    world = World(text_limit=100)
    row = {"email": ANN, "dataFields": {"value": value}}
    world.post("/api/users/update", {"email": ANN})
    body = {"listId": 1001, "subscribers": [row]}
    assert world.post("/api/lists/subscribe", body)["failCount"] == 1
    assert members(world) == []


def test_what_a_missing_channel_unsubscribe_means_is_a_setting() -> None:
    world = World(channel_unsubscribe_default=True)
    subscribe(world, ANN, BOB)
    unsubscribe(world, ANN)
    unsubscribe(world, BOB, channelUnsubscribe=False)
    assert world.fields(ANN)["unsubscribedChannelIds"] == [2001]
    assert world.fields(BOB)["unsubscribedChannelIds"] == []


def test_a_list_in_use_is_not_deleted_and_a_deleted_one_stays_away() -> None:
    world = World(lists=(ListSeed(1, "used", in_use=True), ListSeed(2, "free")))
    used = world.ask("DELETE", "/api/lists/1")
    assert (used.status_code, used.json()["code"]) == (409, "Conflict")
    assert world.ask("DELETE", "/api/lists/2").status_code == 200
    world.post("/_sandbox/settings", {"limits": True})
    assert [r["id"] for r in world.get("/api/lists")["lists"]] == [1]


def test_an_unknown_list_is_refused_with_the_code_success() -> None:
    world = World()
    answer = world.post("/api/lists/subscribe", {"listId": 999, "subscribers": []}, 400)
    assert answer == {
        "msg": "error.lists.invalidListId(999)",
        "code": "Success",
        "params": {"projectId": 10216, "listId": 999},
    }


def test_a_new_list_may_be_unknown_for_a_while() -> None:
    world = World(list_settle_ms=2000)
    made = world.post("/api/lists", {"name": "fresh"})["listId"]
    body = {"listId": made, "subscribers": [{"email": ANN}]}
    assert "invalidListId" in world.post("/api/lists/subscribe", body, 400)["msg"]
    world.now += 2000
    assert world.post("/api/lists/subscribe", body)["successCount"] == 1


def test_lists_are_made_shown_newest_first_and_deleted() -> None:
    world = World()
    made = world.post("/api/lists", {"name": "mine", "description": "d"})["listId"]
    shown = world.get("/api/lists")["lists"]
    assert (shown[0]["id"], shown[0]["description"]) == (made, "d")
    assert {r["listType"] for r in shown} == {"Standard", "Dynamic"}
    subscribe(world, ANN, list_id=made)
    answer = world.ask("DELETE", f"/api/lists/{made}").json()
    assert answer["msg"] == f"List {made} in Project 10216 was successfully deleted."
    assert world.fields(ANN)["emailListIds"] == []
    made_and_gone = [world.ledger(f"?kind={kind}")[0] for kind in ("listMade", "listDeleted")]
    assert [row["payload"]["listId"] for row in made_and_gone] == [made, made]
    again = world.ask("DELETE", f"/api/lists/{made}")
    assert again.status_code == 400
    assert again.json()["msg"] == (
        f"Unable to delete list {made} in Project 10216, which does not exist."
    )


def test_members_are_plain_lines_a_preview_is_short_and_a_size_a_number() -> None:
    world = World(project_type="hybrid")
    rows = [{"email": ANN, "userId": "1"}, {"email": BOB}]
    world.post("/api/lists/subscribe", {"listId": 1001, "subscribers": rows})
    answer = world.ask("GET", "/api/lists/getUsers?listId=1001")
    assert answer.text == f"{ANN}\n{BOB}\n"
    assert answer.headers["content-type"].startswith("text/plain")
    assert members(world, "listId=1001&preferUserId=true") == ["1", BOB]
    assert world.ask("GET", "/api/lists/previewUsers?listId=1001&size=1").text == f"{ANN}\n"
    assert world.get("/api/lists/1001/size") == 2
    wrong = world.ask("GET", "/api/lists/getUsers?listId=42")
    assert wrong.json()["params"] == {"projectId": "10216", "listId": "42"}


@pytest.mark.parametrize(("edit", "status"), [("ignore", 200), ("refuse", 400)])
def test_a_dynamic_list_is_never_edited(edit: str, status: int) -> None:
    world = World(dynamic_list_edit=edit)
    body = {"listId": 1004, "subscribers": [{"email": ANN}]}
    assert world.ask("POST", "/api/lists/subscribe", body).status_code == status
    assert world.get("/api/lists/1004/size") == 0


def test_subscribing_leaves_a_subscription_event_for_the_export() -> None:
    world = World()
    subscribe(world, ANN)
    unsubscribe(world, ANN)
    for kind in ("emailSubscribe", "emailUnSubscribe"):
        query = f"dataTypeName={kind}&range=All"
        text = world.ask("GET", f"/api/export/data.json?{query}").text
        assert '"emailListIds":[1001]' in text
