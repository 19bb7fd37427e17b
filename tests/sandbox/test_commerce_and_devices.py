"""Purchases, carts and devices (iterable.md §7, §8)."""

from typing import Any

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


def test_a_token_registered_again_is_merged_with_what_was_known_of_it() -> None:
    world = World()
    device = {"token": "t", "platform": "GCM", "applicationName": "app", "dataFields": {"os": 1}}
    world.post("/api/users/registerDeviceToken", {"email": ANN, "device": device})
    del device["dataFields"]
    device["applicationName"] = "new"
    world.post("/api/users/registerDeviceToken", {"email": ANN, "device": device})
    (kept,) = world.fields(ANN)["devices"]
    assert (kept["applicationName"], kept["dataFields"]) == ("new", {"os": 1})


def test_a_field_that_only_bears_the_name_of_tokens_is_no_hindrance() -> None:
    world = World()
    world.post("/api/users/update", {"email": ANN, "dataFields": {"browserTokens": ["text"]}})
    world.post("/api/users/registerBrowserToken", {"email": ANN, "browserToken": "b"})
    assert world.fields(ANN)["browserTokens"] == [{"token": "b"}]


def test_a_user_holds_at_most_500_devices() -> None:
    world = World()
    devices = [{"token": str(n), "platform": "GCM", "applicationName": "a"} for n in range(500)]
    world.post("/api/users/update", {"email": ANN, "dataFields": {"devices": devices}})
    one_more = {"email": ANN, "device": devices[0] | {"token": "new"}}
    world.post("/api/users/registerDeviceToken", one_more, 400)
