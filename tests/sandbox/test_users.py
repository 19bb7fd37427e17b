"""Users: writing, partial failures, whole refusals, reading, deleting (iterable.md §5 to §7)."""

from typing import Any

import pytest

from daemon.sandbox.settings import LagSettings
from tests.sandbox.world import World

ANN = "ann@example.com"


def bulk(world: World, *rows: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer: dict[str, Any] = world.post("/api/users/bulkUpdate", {"users": list(rows)}, status)
    return answer


def test_a_bulk_row_creates_a_user_who_reads_back_with_the_managed_fields() -> None:
    world = World()
    answer = bulk(
        world, {"email": "Ann@Example.com", "userId": "u1", "dataFields": {"plan": "gold"}}
    )
    assert (answer["successCount"], answer["failCount"]) == (1, 0)
    assert answer["createdFields"] == ["plan"]
    user = world.get(f"/api/users/{ANN}")["user"]
    assert (user["email"], user["userId"]) == (ANN, "u1")
    fields = user["dataFields"]
    assert fields["email"] == ANN
    assert fields["userId"] == "u1"
    assert fields["plan"] == "gold"
    assert fields["signupSource"] == "API"
    assert fields["signupDate"] == fields["profileUpdatedAt"] == "2023-11-14 22:13:20 +00:00"
    assert fields["itblInternal"]["emailDomain"] == "example.com"
    assert "emailListIds" not in fields


def test_wrong_rows_fail_alone_inside_a_200_and_are_named_lower_case() -> None:
    world = World()
    answer = bulk(world, {"email": ANN}, {"email": "BAD@"}, {"userId": "nobody"}, {})
    assert (answer["successCount"], answer["failCount"]) == (1, 3)
    assert answer["invalidEmails"] == answer["failedUpdates"]["invalidEmails"] == ["bad@", ""]
    assert answer["failedUpdates"]["invalidUserIds"] == ["nobody"]
    assert len(answer["failedUpdates"]) == 10


def test_a_row_that_changes_nothing_is_named_a_no_op_and_keeps_the_profile_time() -> None:
    world = World()
    bulk(world, {"email": ANN, "dataFields": {"n": 1}})
    before = world.fields(ANN)["profileUpdatedAt"]
    world.now += 60_000
    answer = bulk(world, {"email": ANN, "dataFields": {"n": 1}})
    assert answer["noOpEmails"] == [ANN]
    assert answer["successCount"] == 1
    assert world.fields(ANN)["profileUpdatedAt"] == before


def test_one_clash_of_types_refuses_the_whole_bulk_call_and_applies_nothing() -> None:
    world = World()
    bulk(world, {"email": ANN, "dataFields": {"signed": "2020-08-19"}})
    answer = bulk(
        world,
        {"email": "new@example.com", "dataFields": {"fresh": 1}},
        {"email": ANN, "dataFields": {"signed": "GGG"}},
        status=400,
    )
    assert answer == {
        "msg": (
            "Project 10216: The request does not have the same data types as the data previously "
            "submitted. Field 'signed' already exists for type 'user' and has a data type of "
            "'date' but possible types 'string, keyword' in the request."
        ),
        "code": "RequestFieldsTypesMismatched",
        "params": {
            "validationErrors": {
                "signed": {
                    "incomingTypes": ["string", "keyword"],
                    "expectedType": "date",
                    "_type": "UnexpectedType",
                    "offendingValue": "GGG",
                    "category": "user",
                }
            }
        },
    }
    assert world.get("/api/users/new@example.com") == {}
    assert "fresh" not in world.get("/api/users/getFields")["fields"]


def test_a_wrong_json_type_refuses_the_call_naming_every_item_by_its_place() -> None:
    world = World()
    answer = bulk(
        world, {"email": ANN}, {"email": ANN, "preferUserId": "x"}, {"email": 5}, status=400
    )
    assert answer["msg"] == "[/api/users/bulkUpdate] Invalid JSON body"
    assert answer["code"] == "BadJsonBody"
    assert answer["params"] == {
        "obj.users[1].preferUserId": "Boolean value expected",
        "obj.users[2].email": "String value expected",
    }
    assert world.get(f"/api/users/{ANN}") == {}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nul", b"[]", b'{"users":3}', b'{"users":[{"email":"\\ud800"}]}', b"\xff"]
)
def test_a_body_that_is_no_request_is_a_400_bad_json_body(body: bytes) -> None:
    answer = World().ask("POST", "/api/users/bulkUpdate", body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "BadJsonBody"


def test_an_empty_bulk_call_is_refused_as_recorded() -> None:
    answer = bulk(World(), status=400)
    assert answer["msg"] == "Emails invalid: "
    assert answer["code"] == "InvalidEmailAddressError"


def test_too_many_rows_and_too_many_bytes_are_refused_by_their_settings() -> None:
    world = World(item_limit=2, body_limit=1000)
    assert bulk(world, *[{"email": ANN}] * 3, status=400)["code"] == "BatchTooLarge"
    assert world.ask("POST", "/api/users/bulkUpdate", b" " * 1001).status_code == 413
    assert world.ledger() == []


def test_null_removes_a_field_and_what_is_left_out_stays() -> None:
    world = World()
    bulk(world, {"email": ANN, "dataFields": {"a": 1, "b": "x", "c": [1, 2]}})
    bulk(world, {"email": ANN, "dataFields": {"a": None, "c": [3]}})
    fields = world.fields(ANN)
    assert "a" not in fields
    assert fields["b"] == "x"
    assert fields["c"] == [3]


@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        (False, {"street": "New"}),
        (True, {"street": "New", "city": "Rome", "flat": {"door": 1}}),
    ],
)
def test_objects_are_replaced_unless_merging_is_asked_for(
    merge: bool, expected: dict[str, Any]
) -> None:
    world = World()
    old = {"street": "Old", "city": "Rome", "zip": "1", "flat": {"door": 1}}
    bulk(world, {"email": ANN, "dataFields": {"home": old}})
    new = {"home": {"street": "New", "zip": None}}
    bulk(world, {"email": ANN, "dataFields": new, "mergeNestedObjects": merge})
    assert world.fields(ANN)["home"] == expected


def test_a_miss_by_email_is_an_empty_object_and_by_user_id_an_error() -> None:
    world = World()
    assert world.get(f"/api/users/{ANN}") == {}
    assert world.get(f"/api/users/getByEmail?email={ANN}") == {}
    missing = world.ask("GET", "/api/users/byUserId/42")
    assert missing.status_code == 400
    assert missing.json()["code"] == "error.users.noUserWithIdExists"
    world = World(user_id_miss="text")
    assert world.ask("GET", "/api/users/byUserId?userId=42").text == "No user with that id exists!"
    assert World(user_id_miss="empty").get("/api/users/byUserId/42") == {}


@pytest.mark.parametrize("path", ["/api/users/foo@", "/api/users/getByEmail?email=foo@"])
def test_a_malformed_email_is_refused_on_every_path(path: str) -> None:
    answer = World().ask("GET", path)
    assert answer.status_code == 400
    assert answer.json() == {
        "msg": "Invalid email: foo@",
        "code": "InvalidEmailAddressError",
        "params": None,
    }


def test_ids_with_slashes_and_plus_signs_are_read_by_the_query_form() -> None:
    world = World(project_type="userId")
    bulk(world, {"userId": "a/b+c", "dataFields": {"x": 1}})
    found = world.get("/api/users/byUserId?userId=a%2Fb%2Bc")
    assert found["user"]["userId"] == "a/b+c"


def test_deleting_hides_a_user_and_a_later_write_starts_afresh() -> None:
    world = World()
    bulk(world, {"email": ANN, "userId": "1", "dataFields": {"a": 1}})
    assert world.ask("DELETE", f"/api/users/{ANN}").json()["code"] == "Success"
    assert world.get(f"/api/users/{ANN}") == {}
    assert world.ask("DELETE", f"/api/users/{ANN}").json()["code"] == "Success"
    bulk(world, {"email": ANN, "dataFields": {"b": 2}})
    assert "a" not in world.fields(ANN)


def test_deleting_by_user_id_removes_everyone_who_shares_it() -> None:
    world = World()
    bulk(world, {"email": ANN, "userId": "1"}, {"email": "bob@example.com", "userId": "1"})
    answer = world.ask("DELETE", "/api/users/byUserId/1").json()
    assert answer["msg"] == "All users associated with 1 were successfully deleted"
    assert world.get(f"/api/users/{ANN}") == world.get("/api/users/bob@example.com") == {}
    assert world.ask("DELETE", "/api/users/byUserId/1").status_code == 400


def test_new_fields_are_left_out_and_named_when_the_call_asks_for_it() -> None:
    world = World()
    bulk(world, {"email": ANN, "dataFields": {"known": 1}})
    body = {"createNewFields": False, "users": [{"email": ANN, "dataFields": {"known": 2, "x": 1}}]}
    answer = world.post("/api/users/bulkUpdate", body)
    assert answer["filteredOutFields"] == ["x"]
    assert world.fields(ANN)["known"] == 2
    assert "x" not in world.fields(ANN)


def test_more_field_names_than_the_project_may_have_refuse_the_call() -> None:
    world = World(user_fields_limit=20)
    fields = {f"f{n}": n for n in range(10)}
    answer = bulk(world, {"email": ANN, "dataFields": fields}, status=400)
    assert answer["code"] == "UniqueFieldsLimitExceeded"
    assert answer["params"]["limit"] == 20


def test_a_value_no_field_can_hold_fails_its_row_alone() -> None:
    world = World()
    deep: Any = 1
    for _ in range(300):
        deep = {"n": deep}
    answer = bulk(
        world,
        {"email": ANN, "dataFields": {"text": "x" * 40_000}},
        {"email": "deep@example.com", "dataFields": {"deep": deep}},
        {"email": "bob@example.com", "dataFields": {"text": "short"}},
    )
    assert answer["failedUpdates"]["invalidDataEmails"][0] == ANN
    assert world.fields("bob@example.com")["text"] == "short"


def test_a_longer_text_than_a_field_takes_fails_its_row_also_where_the_name_is_known() -> None:
    world = World(text_limit=100)
    bulk(world, {"email": ANN, "dataFields": {"text": "short", "all": ["x"] * 50}})
    assert bulk(world, {"email": ANN, "dataFields": {"n": 1}})["failCount"] == 0
    for fields in ({"text": "x" * 101}, {"all": ["x" * 101]}, {"new": {"deep": ["x" * 101]}}):
        assert bulk(world, {"email": ANN, "dataFields": fields})["failedUpdates"][
            "invalidDataEmails"
        ] == [ANN]
    assert world.fields(ANN)["text"] == "short"
    world.post("/api/users/update", {"email": ANN, "dataFields": {"text": "x" * 101}}, 400)


def test_new_fields_inside_known_objects_are_left_out_too() -> None:
    world = World()
    bulk(world, {"email": ANN, "dataFields": {"home": {"city": "Rome"}}})
    row = {"email": ANN, "dataFields": {"home": {"city": "Bari", "floor": 1}}}
    answer = world.post("/api/users/bulkUpdate", {"createNewFields": False, "users": [row]})
    assert answer["filteredOutFields"] == ["home.floor"]
    assert world.fields(ANN)["home"] == {"city": "Bari"}


def test_a_user_too_new_to_be_shown_reads_by_user_id_as_an_empty_object() -> None:
    world = World(project_type="hybrid", lag_single=LagSettings("fixed", fixed_ms=1000))
    assert world.ask("GET", "/api/users/byUserId/1").status_code == 400
    world.post("/api/users/update", {"userId": "1"})
    assert world.get("/api/users/byUserId/1") == {}
    world.now += 1000
    assert world.get("/api/users/byUserId/1")["user"]["userId"] == "1"


def test_a_malformed_address_is_told_in_lower_case() -> None:
    answer = World().post("/api/users/update", {"email": "None"}, 400)
    assert answer["msg"] == "Invalid email: none"


def test_update_only_skips_unknown_users() -> None:
    world = World()
    body = {"updateOnly": True, "users": [{"email": ANN}]}
    assert world.post("/api/users/bulkUpdate", body)["failCount"] == 0
    assert world.get(f"/api/users/{ANN}") == {}
    assert world.ledger()[0]["result"] == "skipped"


def test_the_single_update_answers_the_short_envelope() -> None:
    world = World()
    answer = world.ask("POST", "/api/users/update", {"email": ANN, "dataFields": {"a": 1}})
    assert answer.content == b'{"msg":"","code":"Success","params":null}'
    assert world.fields(ANN)["a"] == 1


def test_lists_written_as_a_field_change_membership_without_subscription_events() -> None:
    world = World(opt_in_feature=False)
    fields = {"emailListIds": [1001], "unsubscribedChannelIds": [2001]}
    bulk(world, {"email": ANN, "dataFields": fields})
    assert world.fields(ANN)["emailListIds"] == [1001]
    assert world.fields(ANN)["unsubscribedChannelIds"] == [2001]
    assert world.ask("GET", "/api/lists/getUsers?listId=1001").text == f"{ANN}\n"
    assert world.project.events.by_kind == {}


def test_channels_written_as_a_field_are_ignored_when_opt_in_types_are_on() -> None:
    world = World()
    bulk(world, {"email": ANN, "dataFields": {"unsubscribedChannelIds": [2001], "a": 1}})
    assert "unsubscribedChannelIds" not in world.fields(ANN)
