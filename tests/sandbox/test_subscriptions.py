"""Channels, message types and what users chose (iterable.md §7, §10)."""

from typing import Any

import pytest

from tests.sandbox.world import World

ANN, BOB = "ann@example.com", "bob@example.com"


def choices(world: World, email: str = ANN) -> tuple[list[int], list[int], list[int], list[int]]:
    fields = world.fields(email)
    return (
        fields.get("emailListIds", []),
        fields.get("unsubscribedChannelIds", []),
        fields.get("unsubscribedMessageTypeIds", []),
        fields.get("subscribedMessageTypeIds", []),
    )


def one(world: World, method: str, group: str, ident: int, status: int = 202) -> Any:
    answer = world.ask(method, f"/api/subscriptions/{group}/{ident}/user/{ANN}")
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("method", "group", "ident", "after"),
    [
        ("DELETE", "messageChannel", 2001, ([], [2001], [], [])),
        ("DELETE", "MESSAGECHANNEL", 2001, ([], [2001], [], [])),
        ("DELETE", "messageType", 3001, ([], [], [3001], [])),
        ("PATCH", "messageType", 3002, ([], [], [], [3002])),
        ("PATCH", "emailList", 1001, ([1001], [], [], [])),
    ],
)
def test_an_incremental_call_changes_one_id_of_one_array_and_creates_the_user(
    method: str, group: str, ident: int, after: tuple[list[int], ...]
) -> None:
    world = World()
    one(world, method, group, ident)
    assert choices(world) == after
    opposite = {"DELETE": "PATCH", "PATCH": "DELETE"}[method]
    one(world, opposite, group, ident)
    assert choices(world) == ([], [], [], [])
    assert [r["payload"]["action"] for r in world.ledger("?kind=subscription")] == (
        ["unsubscribe", "subscribe"] if method == "DELETE" else ["subscribe", "unsubscribe"]
    )


def test_the_feature_can_be_off_as_it_is_until_iterable_enables_it() -> None:
    world = World(subscriptions_feature=False)
    answer = one(world, "DELETE", "messageChannel", 2001, 404)
    assert answer["msg"] == "Endpoint not found"
    assert (
        world.ask("PUT", "/api/subscriptions/messageType/1?action=subscribe", {}).status_code == 404
    )


@pytest.mark.parametrize(
    ("group", "ident"), [("nonsense", 2001), ("messageChannel", 1), ("emailList", 77)]
)
def test_an_unknown_group_or_id_is_refused(group: str, ident: int) -> None:
    one(World(), "PATCH", group, ident, 400)


def test_many_users_are_changed_by_one_put_that_tells_no_rows_fate() -> None:
    world = World(project_type="hybrid")
    world.post("/api/users/update", {"userId": "1", "email": BOB})
    path = "/api/subscriptions/messageChannel/2001?action=unsubscribe"
    answer = world.ask("PUT", path, {"users": [ANN, "bad@"], "usersByUserId": ["1"]})
    assert answer.status_code == 202
    assert world.fields(ANN)["unsubscribedChannelIds"] == [2001]
    assert world.fields(BOB)["unsubscribedChannelIds"] == [2001]
    results = [r["result"] for r in world.ledger("?kind=subscription")]
    assert results == ["applied", "invalidEmail", "applied"]
    assert world.ask("PUT", path.replace("unsubscribe", "x"), {}).status_code == 400


def test_update_subscriptions_replaces_every_array_it_names_and_leaves_the_others() -> None:
    world = World()
    first = {"email": ANN, "emailListIds": [1001], "unsubscribedChannelIds": [2001, 2002]}
    world.post("/api/users/updateSubscriptions", first)
    assert choices(world) == ([1001], [2001, 2002], [], [])
    second = {"email": ANN, "unsubscribedChannelIds": [2003], "emailListIds": None}
    world.post("/api/users/updateSubscriptions", second)
    assert choices(world) == ([1001], [2003], [], [])
    world.post("/api/users/updateSubscriptions", {"email": ANN, "emailListIds": []})
    assert choices(world) == ([], [2003], [], [])


def test_a_type_of_a_channel_opted_out_of_is_refused_unless_unchecked() -> None:
    world = World()
    body = {"email": ANN, "unsubscribedChannelIds": [2001], "subscribedMessageTypeIds": [3002]}
    world.post("/api/users/updateSubscriptions", body, 400)
    assert world.get(f"/api/users/{ANN}") == {}
    world.post("/api/users/updateSubscriptions", body | {"validateChannelAlignment": False})
    assert choices(world) == ([], [2001], [], [3002])


def test_opt_in_types_need_their_feature() -> None:
    body = {"email": ANN, "subscribedMessageTypeIds": [3002]}
    World(opt_in_feature=False).post("/api/users/updateSubscriptions", body, 400)


def test_bulk_updates_name_who_failed() -> None:
    world = World()
    rows = [{"email": ANN, "unsubscribedChannelIds": [2001]}, {"email": "BAD@"}, {"userId": "no"}]
    body = {"updateSubscriptionsRequests": rows}
    answer = world.post("/api/users/bulkUpdateSubscriptions", body)
    assert answer == {
        "successCount": 1,
        "failCount": 2,
        "invalidEmails": ["bad@"],
        "invalidUserIds": ["no"],
        "validEmailFailures": [],
        "validUserIdFailures": [],
    }


def test_a_valid_user_whose_row_is_refused_stands_apart_from_the_invalid() -> None:
    world = World(project_type="hybrid")
    wrong = {"unsubscribedChannelIds": [2001], "subscribedMessageTypeIds": [3002]}
    rows = [{"email": "Ann@Example.com", **wrong}, {"userId": "1", **wrong}, {"email": "bad@"}]
    body = {"updateSubscriptionsRequests": rows}
    answer = world.post("/api/users/bulkUpdateSubscriptions", body)
    assert (answer["successCount"], answer["failCount"]) == (0, 3)
    assert answer["validEmailFailures"] == [ANN]
    assert answer["validUserIdFailures"] == ["1"]
    assert answer["invalidEmails"] == ["bad@"]


def test_an_opt_out_names_the_campaign_it_is_put_down_to() -> None:
    world = World()
    body = {"email": ANN, "unsubscribedChannelIds": [2001], "campaignId": 7, "templateId": 8}
    world.post("/api/users/updateSubscriptions", body)
    export = "/api/export/data.json?dataTypeName=emailUnSubscribe&range=All&campaignId="
    assert '"templateId":8' in world.ask("GET", f"{export}7").text
    assert world.ask("GET", f"{export}8").text == ""


def test_a_double_opt_in_only_asks_the_person() -> None:
    world = World()
    path, body = "/api/subscriptions/subscribeToDoubleOptIn", {"messageTypeIds": [3003]}
    world.post("/api/users/update", {"email": ANN})
    asked = world.ask("POST", path, body | {"email": ANN})
    assert (asked.status_code, asked.headers["content-type"][:10]) == (202, "text/plain")
    assert choices(world) == ([], [], [], [])
    assert world.ask("POST", path, body | {"email": BOB}).status_code == 400
    off = World(subscriptions_feature=False)
    assert off.ask("POST", path, body | {"email": ANN}).json()["msg"] == "Endpoint not found"


def test_opt_outs_and_opt_ins_leave_events_in_the_exports() -> None:
    world = World()
    world.post("/api/users/updateSubscriptions", {"email": ANN, "unsubscribedChannelIds": [2001]})
    one(world, "PATCH", "messageChannel", 2001)
    out = world.ask("GET", "/api/export/data.json?dataTypeName=emailUnSubscribe&range=All").text
    back = world.ask("GET", "/api/export/data.json?dataTypeName=emailSubscribe&range=All").text
    assert out.count('"channelIds":[2001]') == back.count('"channelIds":[2001]') == 1


def test_channels_and_message_types_are_the_seeded_ones() -> None:
    world = World()
    channels = world.get("/api/channels")["channels"]
    assert {"id": 2001, "name": "Marketing Email"}.items() <= channels[0].items()
    types = world.get("/api/messageTypes")["messageTypes"]
    assert {t["subscriptionPolicy"] for t in types} == {"OptIn", "OptOut"}
    assert {t["channelId"] for t in types} <= {c["id"] for c in channels}
