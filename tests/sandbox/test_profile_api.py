"""The Profile API (segment.md §4)."""

import base64
from typing import Any

import httpx
import pytest

from daemon.sandbox.door import Dropped
from tests.sandbox.world import World

BASIC = {"Authorization": "Basic " + base64.b64encode(b"sandbox-profile-token:").decode()}
ROOT = "/v1/spaces/sandbox-space/collections/users/profiles"
EVENTS = [
    {"event": "Old", "message_id": "m0", "timestamp": "2023-10-01T00:00:00Z", "properties": {}},
    {"event": "A", "message_id": "m1", "timestamp": "2023-11-10T00:00:00Z", "properties": {}},
    {"event": "B", "message_id": "m2", "timestamp": "2023-11-11T00:00:00.5Z", "properties": {}},
]


def loaded(**settings: Any) -> World:
    world = World(**settings)
    traits = {f"t{n:02d}": n for n in range(15)} | {"gold": True, "gone": None, "score": 1.5}
    profile = {
        "segment_id": "use_1",
        "external_ids": [
            {"id": "U1", "type": "user_id"},
            {"id": "ann+x@example.com", "type": "email"},
        ],
        "traits": traits,
        "audiences": ["gold"],
        "computed": ["score"],
        "events": EVENTS,
        "links": [{"to_collection": "accounts", "external_ids": []}],
    }
    world.post("/_sandbox/profiles", [profile])
    return world


def ask(world: World, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return world.ask("GET", f"{ROOT}/{path}", headers=BASIC if headers is None else headers)


def test_traits_page_in_the_order_of_their_keys_ten_at_a_time() -> None:
    world = loaded()
    first = ask(world, "user_id:u1/traits").json()
    assert len(first["traits"]) == 10
    assert first["cursor"]["has_more"] is True
    seen = dict(first["traits"])
    url = first["cursor"]["url"]
    while url:
        page = world.ask("GET", url, headers=BASIC).json()
        seen |= page["traits"]
        url = page["cursor"]["url"]
    assert list(seen) == sorted(seen)
    assert len(seen) == 17
    assert "gone" not in seen
    everything = ask(world, "user_id:u1/traits?limit=999").json()
    assert everything["cursor"] == {"url": "", "has_more": False, "next": "", "limit": 200}


@pytest.mark.parametrize(
    ("query", "traits"),
    [
        ("class=audience", {"gold": True}),
        ("class=computed_trait", {"score": 1.5}),
        ("include=t01,gold", {"gold": True, "t01": 1}),
        ("include=nothing", {}),
    ],
)
def test_traits_are_chosen_by_class_and_name(query: str, traits: dict[str, Any]) -> None:
    assert ask(loaded(), f"user_id:u1/traits?{query}").json()["traits"] == traits


def test_verbose_traits_tell_where_they_come_from() -> None:
    answer = ask(loaded(), "user_id:u1/traits?include=gold&verbose=true").json()
    assert answer["traits"]["gold"].keys() == {"value", "source_id", "updated_at"}


@pytest.mark.parametrize(
    "identifier", ["use_1", "segment_id:use_1", "user_id:u1", "email:ann%2Bx@example.com"]
)
def test_a_profile_is_found_by_each_of_its_ids(identifier: str) -> None:
    answer = ask(loaded(), f"{identifier}/metadata").json()
    assert answer["segment_id"] == "use_1"
    assert answer["metadata"]["expires_at"] is None


@pytest.mark.parametrize("identifier", ["user_id:U1", "u1", "email:nobody@example.com"])
def test_other_casing_missing_types_and_unknown_ids_find_nobody(identifier: str) -> None:
    answer = ask(loaded(), f"{identifier}/traits")
    assert answer.status_code == 404
    assert answer.json() == {"error": {"code": "not_found", "message": "Profile was not found."}}


def test_external_ids_events_and_links_have_their_shapes() -> None:
    world = loaded()
    ids = ask(world, "user_id:u1/external_ids").json()["data"]
    assert {(r["type"], r["id"]) for r in ids} == {
        ("user_id", "U1"),
        ("email", "ann+x@example.com"),
    }
    assert ask(world, "user_id:u1/external_ids?include=email").json()["data"][0]["type"] == "email"
    assert ask(world, "user_id:u1/links").json()["data"][0]["to_collection"] == "accounts"


def test_events_are_cut_at_14_days_newest_first_and_page_by_time_and_message() -> None:
    world = loaded()
    answer = ask(world, "user_id:u1/events?limit=1").json()
    assert [e["event"] for e in answer["data"]] == ["B"]
    following = base64.b64decode(answer["cursor"]["next"]).decode()
    assert following == "1699574400000000000::m1"
    rest = world.ask("GET", answer["cursor"]["url"], headers=BASIC).json()
    assert [e["event"] for e in rest["data"]] == ["A"]
    ascending = ask(world, "user_id:u1/events?sort=asc&exclude=A").json()
    assert [e["event"] for e in ascending["data"]] == ["B"]
    window = ask(world, "user_id:u1/events?start=2023-11-09&end=2023-11-11T00:00:00Z&include=A,B")
    assert [e["event"] for e in window.json()["data"]] == ["A"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("user_id:u1/traits?limit=x", 400, "validation_error"),
        ("user_id:u1/traits?next=nonsense", 400, "validation_error"),
        ("user_id:u1/events?start=nonsense", 400, "validation_error"),
        ("user_id:u1/shoes", 404, "not_found"),
    ],
)
def test_a_wrong_request_is_told_so(path: str, status: int, code: str) -> None:
    answer = ask(loaded(), path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert len(answer.headers["request-id"]) == 36


def test_the_token_is_needed_and_the_space_must_exist() -> None:
    world = loaded()
    denied = ask(world, "user_id:u1/traits", headers={})
    assert denied.status_code == 401
    assert denied.json()["error"]["code"] == "authentication_error"
    other = world.ask("GET", ROOT.replace("sandbox-space", "x") + "/use_1/traits", headers=BASIC)
    assert other.status_code == 404
    odd = world.ask("GET", ROOT.replace("users", "use!rs") + "/use_1/traits", headers=BASIC)
    assert odd.json()["error"]["code"] == "validation_error"


def test_it_is_only_read() -> None:
    answer = loaded().ask("POST", f"{ROOT}/use_1/traits", {}, headers=BASIC)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(("unescaped", "status"), [("fail", 500), ("serve", 200)])
def test_an_id_with_unescaped_specials_may_be_a_500(unescaped: str, status: int) -> None:
    world = loaded(profile_unescaped=unescaped)
    assert ask(world, "email:ann+x@example.com/metadata").status_code == status
    assert ask(world, "email:ann%2Bx@example.com/metadata").status_code == 200


def test_faults_reach_it_in_its_own_words_and_its_calls_are_counted() -> None:
    world = loaded()
    fault = {"path": "/v1/spaces/*", "status": 503, "times": 1}
    world.post("/_sandbox/faults", fault)
    failed = ask(world, "use_1/traits")
    assert (failed.status_code, failed.json()["error"].keys()) == (503, {"code", "message"})
    assert ask(world, "use_1/traits").status_code == 200
    assert ask(world, "use_2/traits").status_code == 404
    counted = world.get("/_sandbox/counts")["endpoints"]["GET profiles"]
    assert (counted["calls"], counted["errors"]) == (2, 1)
    world.post("/_sandbox/faults", {"path": "/v1/*", "drop_after_apply": True})
    with pytest.raises(Dropped):
        ask(world, "use_1/traits")


def test_a_profile_loaded_again_is_shown_as_it_was_until_its_lag_is_over() -> None:
    world = loaded(profile_lag_ms=3000)
    world.now += 3000
    again = {"segment_id": "use_1", "external_ids": [{"id": "9", "type": "user_id"}]}
    world.post("/_sandbox/profiles", [again | {"traits": {"gold": False}}])
    assert ask(world, "use_1/traits?include=gold").json()["traits"] == {"gold": True}
    world.now += 3000
    assert ask(world, "user_id:9/traits").json()["traits"] == {"gold": False}
    assert ask(world, "user_id:u1/traits").status_code == 404


def test_a_hundred_requests_a_second_and_no_more() -> None:
    world = loaded(limits=True)
    codes = [ask(world, "use_1/metadata").status_code for _ in range(101)]
    assert codes == [200] * 100 + [429]
    world.now += 10
    assert ask(world, "use_1/metadata").status_code == 200


def test_a_profile_is_visible_after_its_lag() -> None:
    world = loaded(profile_lag_ms=3000)
    assert ask(world, "use_1/metadata").status_code == 404
    world.now += 3000
    assert ask(world, "use_1/metadata").status_code == 200
