"""Purchases, carts, devices, journeys and messages to single users (iterable.md §7, §8, §11)."""

from typing import Any

import pytest

from tests.sandbox.world import World

ANN = "ann@example.com"
ITEM = {"id": "i", "name": "Shoe", "price": 2.5, "quantity": 2}


def purchase(world: World, **more: Any) -> None:
    body = {"user": {"email": ANN}, "items": [ITEM], "total": 5, **more}
    world.post("/api/commerce/trackPurchase", body)


def test_a_cart_is_replaced_and_a_purchase_empties_it() -> None:
    world = World()
    world.post("/api/commerce/updateCart", {"user": {"email": ANN}, "items": [ITEM]})
    assert world.fields(ANN)["shoppingCartItems"] == [ITEM]
    world.post("/api/commerce/updateCart", {"user": {"email": ANN}, "items": [ITEM, ITEM]})
    assert len(world.fields(ANN)["shoppingCartItems"]) == 2
    purchase(world)
    assert "shoppingCartItems" not in world.fields(ANN)
    world.post("/api/commerce/updateCart", {"user": {"email": ANN}, "items": [ITEM]})
    world.post("/api/commerce/updateCart", {"user": {"email": ANN}, "items": []})
    assert "shoppingCartItems" not in world.fields(ANN)


def test_a_purchase_with_a_known_id_updates_that_purchase() -> None:
    world = World()
    purchase(world, id="o1")
    purchase(world, id="o1", total=7)
    purchase(world)
    events = world.get(f"/api/events/{ANN}")["events"]
    assert sorted(e["total"] for e in events) == [5, 7]
    assert {e["eventType"] for e in events} == {"purchase"}
    assert [r["result"] for r in world.ledger("?kind=purchase")] == ["applied"] * 3
    assert world.ledger(f"?kind=purchase&email={ANN}")


def test_commerce_without_identity_or_with_a_conflict_is_refused() -> None:
    world = World(project_type="hybrid")
    nobody = world.post("/api/commerce/updateCart", {"user": {}, "items": []}, 400)
    assert "ApiUserUpdateRequest(None,None,None,None)" in nobody["msg"]
    world.post("/api/users/update", {"email": ANN, "userId": "1"})
    world.post("/api/users/update", {"userId": "2"})
    both = {"user": {"email": ANN, "userId": "2"}, "items": []}
    assert world.post("/api/commerce/updateCart", both, 409)["code"] == "ExternalKeyConflict"


def test_a_device_is_kept_once_and_can_be_disabled_for_everyone() -> None:
    world = World()
    device = {"token": "t", "platform": "GCM", "applicationName": "app"}
    for _ in range(2):
        world.post("/api/users/registerDeviceToken", {"email": ANN, "device": device})
    (kept,) = world.fields(ANN)["devices"]
    assert kept["endpointEnabled"] is True
    world.post("/api/users/disableDevice", {"token": "t"})
    assert world.fields(ANN)["devices"][0]["endpointEnabled"] is False
    world.post("/api/users/registerBrowserToken", {"email": ANN, "browserToken": "b"})
    assert world.fields(ANN)["browserTokens"] == [{"token": "b"}]
    wrong = {"email": ANN, "device": device | {"token": ""}}
    answer = world.post("/api/users/registerDeviceToken", wrong, 500)
    assert answer["msg"] == f"Unable to register token to user Some({ANN})"


def test_a_user_holds_at_most_500_devices() -> None:
    world = World()
    devices = [{"token": str(n), "platform": "GCM", "applicationName": "a"} for n in range(500)]
    world.post("/api/users/update", {"email": ANN, "dataFields": {"devices": devices}})
    one_more = {"email": ANN, "device": devices[0] | {"token": "new"}}
    world.post("/api/users/registerDeviceToken", one_more, 400)


@pytest.mark.parametrize("medium", ["email", "push", "sms", "inApp"])
def test_a_message_is_sent_at_once_and_every_call_is_one_more(medium: str) -> None:
    world = World()
    for _ in range(2):
        answer = world.post(f"/api/{medium}/target", {"recipientEmail": ANN, "campaignId": 4001})
        assert answer["msg"] == f"Campaign 4001 - Sent triggered message to: {ANN}"
    sent = world.get(f"/api/users/getSentMessages?email={ANN}")["messages"]
    assert len({m["messageId"] for m in sent}) == 2
    assert len(world.ledger("?kind=send")) == 2


def test_a_message_can_be_scheduled_and_cancelled_until_it_is_sent() -> None:
    world = World()
    body = {"recipientEmail": ANN, "campaignId": 4001, "sendAt": "2023-11-15 00:00:00"}
    answer = world.post("/api/email/target", body)
    assert answer["msg"].startswith("Campaign 4001 - Scheduled triggered message for: 2023-11-15T")
    number = answer["params"]["scheduledMessageId"]
    assert world.get(f"/api/users/getSentMessages?email={ANN}") == {"messages": []}
    cancelled = world.post("/api/email/cancel", {"scheduledMessageId": number})
    assert f"scheduledMessageId: {number} from project: 10216" in cancelled["msg"]
    world.post("/api/email/cancel", {"scheduledMessageId": number}, 400)
    world.post("/api/email/target", body)
    world.now += 86_400_000
    assert len(world.get(f"/api/users/getSentMessages?email={ANN}")["messages"]) == 1
    late = world.post("/api/email/cancel", {"email": ANN, "campaignId": 4001}, 400)
    assert "No scheduled messages found" in late["msg"]


@pytest.mark.parametrize(
    ("path", "words"), [("email", "Invalid campaignId"), ("inApp", "Invalid Campaign Id")]
)
def test_an_unknown_campaign_is_refused_in_two_wordings(path: str, words: str) -> None:
    body = {"recipientEmail": ANN, "campaignId": 42}
    answer = World().post(f"/api/{path}/target", body, 400)
    assert (answer["msg"], answer["params"]) == (words, {"campaignId": "42"})


def test_a_journey_is_triggered_for_a_user_or_a_list_and_only_noted() -> None:
    world = World()
    path = "/api/workflows/triggerWorkflow"
    world.post(path, {"workflowId": 5001, "email": ANN, "dataFields": {"a": 1}})
    world.post(path, {"workflowId": 5001, "listId": 1001})
    assert [r["payload"].get("listId") for r in world.ledger("?kind=journey")] == [None, 1001]
    neither = world.post(path, {"workflowId": 5001}, 400)
    assert neither["code"] == "GenericError"
    world.post(path, {"workflowId": 1, "email": ANN}, 400)


def test_webhooks_answer_as_a_cheap_probe() -> None:
    world = World()
    assert world.get("/api/webhooks") == {"webhooks": []}
    world.key = "wrong"
    assert world.ask("GET", "/api/webhooks").status_code == 401
