"""Who a row means in the three project types, and how identities change (iterable.md §5, §7)."""

from typing import Any

import pytest

from tests.sandbox.world import World

ANN, BOB = "ann@example.com", "bob@example.com"


def update(world: World, status: int = 200, **row: Any) -> dict[str, Any]:
    answer: dict[str, Any] = world.post("/api/users/update", row, status)
    return answer


def by_id(world: World, user_id: str) -> dict[str, Any]:
    user: dict[str, Any] = world.get(f"/api/users/byUserId/{user_id}")["user"]
    return user


def test_in_an_email_based_project_the_email_identifies_and_the_user_id_is_written() -> None:
    world = World(project_type="email")
    update(world, email=ANN, userId="1")
    update(world, email=ANN, userId="2")
    assert by_id(world, "2")["email"] == ANN
    assert world.ask("GET", "/api/users/byUserId/1").status_code == 400


def test_an_unknown_user_id_alone_needs_prefer_user_id_in_an_email_based_project() -> None:
    world = World(project_type="email")
    assert update(world, 400, userId="1")["code"] == "UnknownUserIdError"
    update(world, userId="1", preferUserId=True)
    assert by_id(world, "1")["email"].endswith("@placeholder.email")


def test_in_a_user_id_based_project_the_email_is_free_to_change_and_to_repeat() -> None:
    world = World(project_type="userId")
    update(world, userId="1", email=ANN)
    update(world, userId="2", email=ANN)
    update(world, userId="1", dataFields={"email": BOB})
    assert by_id(world, "1")["email"] == BOB
    assert by_id(world, "2")["email"] == ANN
    assert world.ask("DELETE", f"/api/users/{ANN}").status_code == 400


def test_in_a_hybrid_project_both_are_unique_and_a_clash_is_a_conflict() -> None:
    world = World(project_type="hybrid")
    update(world, email=ANN, userId="1")
    update(world, email=BOB, userId="2")
    assert update(world, 409, email=ANN, userId="2")["code"] == "ExternalKeyConflict"
    body = {"users": [{"email": ANN, "userId": "2"}, {"email": ANN, "userId": "3"}]}
    answer = world.post("/api/users/bulkUpdate", body)
    assert answer["failedUpdates"]["conflictEmails"] == [ANN, ANN]
    assert by_id(world, "2")["email"] == BOB


def test_in_a_hybrid_project_an_email_without_user_id_takes_the_first_one_given() -> None:
    world = World(project_type="hybrid")
    update(world, email=ANN, dataFields={"a": 1})
    update(world, email=ANN, userId="1")
    assert by_id(world, "1")["dataFields"]["a"] == 1


def test_in_a_hybrid_project_identifiers_change_by_their_fields() -> None:
    world = World(project_type="hybrid")
    update(world, email=ANN, userId="1")
    update(world, userId="1", dataFields={"email": BOB})
    assert world.get(f"/api/users/{ANN}") == {}
    update(world, userId="1", dataFields={"userId": "9"})
    assert by_id(world, "9")["email"] == BOB
    update(world, email=ANN, userId="2")
    assert update(world, 409, userId="2", dataFields={"email": BOB})["code"]


def test_update_email_takes_everything_along_and_empties_the_old_address() -> None:
    world = World(project_type="email")
    update(world, email=ANN, dataFields={"a": 1})
    world.post("/api/events/track", {"email": ANN, "eventName": "e"})
    world.post("/api/users/updateEmail", {"currentEmail": ANN, "newEmail": BOB})
    assert world.get(f"/api/users/{ANN}") == {}
    assert world.fields(BOB)["a"] == 1
    assert world.get(f"/api/events/{BOB}")["events"][0]["email"] == BOB


@pytest.mark.parametrize(
    ("body", "msg", "code"),
    [
        (
            {"currentEmail": "no@example.com", "newEmail": "x@example.com"},
            "Cannot change user Some(no@example.com) to x@example.com. User does not exist",
            "BadParams",
        ),
        (
            {"currentEmail": ANN, "newEmail": BOB},
            f"Cannot change user Some({ANN}) to {BOB}. New email already exists",
            "EmailAlreadyExists",
        ),
        (
            {"currentEmail": ANN, "newEmail": "gone@example.com"},
            f"Cannot change user {ANN} to gone@example.com. New email is on the forgotten list",
            "EmailAlreadyExists",
        ),
        ({"currentEmail": "foo@", "newEmail": BOB}, "Invalid currentEmail foo@", None),
        ({"currentEmail": ANN, "newEmail": "foo@"}, "Invalid email: foo@", None),
    ],
)
def test_update_email_refuses_with_the_recorded_words(
    body: dict[str, str], msg: str, code: str | None
) -> None:
    world = World(project_type="email")
    update(world, email=ANN)
    update(world, email=BOB)
    world.post("/api/users/forget", {"email": "gone@example.com"})
    answer = world.post("/api/users/updateEmail", body, 400)
    assert answer["msg"] == msg
    assert answer["code"] == (code or "InvalidEmailAddressError")


def test_merge_lets_the_destination_win_unites_arrays_and_removes_the_source() -> None:
    world = World(project_type="hybrid")
    pets = [{"id": 1, "n": "a"}, {"id": 2, "n": "b"}]
    update(world, userId="1", email=ANN, dataFields={"a": 1, "b": 1, "pets": pets})
    update(world, userId="2", email=BOB, dataFields={"b": 2, "pets": [{"id": 2, "n": "old"}]})
    world.post("/api/events/track", {"userId": "1", "eventName": "e"})
    merge = {"sourceUserId": "1", "destinationUserId": "2"}
    world.post("/api/users/merge", merge | {"arrayMerge": [{"field": "pets", "dedupeBy": "id"}]})
    fields = by_id(world, "2")["dataFields"]
    assert (fields["a"], fields["b"]) == (1, 2)
    assert fields["pets"] == [{"id": 2, "n": "old"}, {"id": 1, "n": "a"}]
    assert world.get(f"/api/users/{ANN}") == {}
    assert len(world.get("/api/events/byUserId/2")["events"]) == 1
    assert world.post("/api/users/merge", merge, 400)["code"] == "BadParams"


def pair(world: World, theirs: Any, ours: Any) -> None:
    update(world, userId="1", email=ANN, dataFields={} if theirs is None else {"f": theirs})
    update(world, userId="2", email=BOB, dataFields={} if ours is None else {"f": ours})


@pytest.mark.parametrize(
    ("theirs", "ours", "dedupe_by", "expected"),
    [
        ([1, 2], [2, 3], None, [2, 3, 1]),
        ([{"a": 1}, {"a": 2}], [{"a": 1}], None, [{"a": 1}, {"a": 2}]),
        ([{"a": 1, "b": 2}, {"b": 3}], [{"a": 1}], "a", [{"a": 1}, {"b": 3}]),
        (30, 31, None, [31, 30]),
        ([1], None, None, [1]),
        ([1], [2], "a", 400),
    ],
)
def test_merged_arrays_lose_what_the_destination_has(
    theirs: Any, ours: Any, dedupe_by: str | None, expected: Any
) -> None:
    world = World(project_type="hybrid")
    pair(world, theirs, ours)
    array = {"field": "f"} if dedupe_by is None else {"field": "f", "dedupeBy": dedupe_by}
    body = {"sourceUserId": "1", "destinationUserId": "2", "arrayMerge": [array]}
    world.post("/api/users/merge", body, 400 if expected == 400 else 200)
    if expected == 400:
        assert by_id(world, "1")["email"] == ANN
    else:
        assert by_id(world, "2")["dataFields"]["f"] == expected


def test_merge_needs_a_server_side_key_and_custom_arrays() -> None:
    body = {"sourceUserId": "1", "destinationUserId": "2"}
    mobile = World(project_type="hybrid", api_key_kind="Mobile")
    assert mobile.post("/api/users/merge", body, 403)["code"] == "Forbidden"
    world = World(project_type="hybrid")
    pair(world, 1, 2)
    world.post("/api/users/merge", body | {"arrayMerge": [{"field": "devices"}]}, 400)


def test_what_happened_to_the_source_bears_the_destinations_identifiers() -> None:
    world = World(project_type="hybrid")
    pair(world, 1, 2)
    world.post("/api/events/track", {"userId": "1", "eventName": "theirs"})
    world.post("/api/events/track", {"userId": "2", "eventName": "ours"})
    world.post("/api/email/target", {"recipientUserId": "1", "campaignId": 4001})
    world.post("/api/users/merge", {"sourceUserId": "1", "destinationUserId": "2"})
    events = world.get("/api/events/byUserId/2")["events"]
    assert {e.get("eventName") for e in events} == {"theirs", "ours", None}
    assert {(e["email"], e["userId"]) for e in events} == {(BOB, "2")}
    assert len(world.get(f"/api/users/getSentMessages?email={BOB}")["messages"]) == 1


def test_messages_sent_move_to_a_new_address() -> None:
    world = World(project_type="email")
    update(world, email=ANN)
    world.post("/api/email/target", {"recipientEmail": ANN, "campaignId": 4001})
    world.post("/api/users/updateEmail", {"currentEmail": ANN, "newEmail": BOB})
    assert world.get(f"/api/users/getSentMessages?email={ANN}") == {"messages": []}
    assert len(world.get(f"/api/users/getSentMessages?email={BOB}")["messages"]) == 1


def test_merge_into_nobody_gives_the_source_the_new_identifier() -> None:
    world = World(project_type="hybrid")
    update(world, userId="1", dataFields={"a": 1})
    world.post("/api/users/merge", {"sourceUserId": "1", "destinationUserId": "7"})
    assert by_id(world, "7")["dataFields"]["a"] == 1


@pytest.mark.parametrize("status", [400, 409])
def test_a_forgotten_user_is_gone_blocked_and_listed_as_a_hash(status: int) -> None:
    world = World(project_type="email", forgotten_status=status)
    update(world, email=ANN, userId="1")
    world.post("/api/events/track", {"email": ANN, "eventName": "e"})
    world.post("/api/users/forget", {"email": ANN})
    assert world.get(f"/api/users/{ANN}") == {}
    assert world.get(f"/api/events/{ANN}") == {"events": []}
    assert update(world, status, email=ANN)["code"] == "ForgottenUserError"
    answer = world.post("/api/users/bulkUpdate", {"users": [{"email": ANN}, {"userId": "1"}]})
    assert answer["failedUpdates"]["forgottenEmails"] == [ANN]
    assert answer["failedUpdates"]["forgottenUserIds"] == ["1"]
    hashes = world.get("/api/users/forgotten")["hashedEmails"]
    assert len(hashes) == 1
    assert len(hashes[0]) == 64
    world.post("/api/users/unforget", {"email": ANN})
    update(world, email=ANN)


def test_a_forgotten_identifier_blocks_only_rows_that_have_nothing_better() -> None:
    world = World(project_type="email")
    update(world, email=ANN, userId="1")
    world.post("/api/users/forget", {"email": ANN})
    update(world, email=BOB, userId="1")
    world = World(project_type="userId")
    update(world, userId="1", email=ANN)
    world.post("/api/users/forget", {"userId": "1"})
    update(world, userId="2", email=ANN)
    assert update(world, 409, userId="1")["code"] == "ForgottenUserError"


@pytest.mark.parametrize("body", [{"email": ANN}, {"userId": "1"}])
def test_unforgetting_frees_both_identifiers(body: dict[str, str]) -> None:
    world = World(project_type="hybrid")
    update(world, userId="1", email=ANN)
    world.post("/api/users/forget", {"email": ANN})
    for row in ({"email": ANN}, {"userId": "1"}):
        assert update(world, 409, **row)["code"] == "ForgottenUserError"
    world.post("/api/users/unforget", body)
    update(world, email=ANN)
    update(world, userId="1")


def test_forgetting_someone_without_a_profile_erases_their_events() -> None:
    world = World(project_type="email")
    world.post("/api/events/track", {"email": ANN, "eventName": "e", "id": "1"})
    world.post("/api/users/forget", {"email": ANN})
    assert world.get(f"/api/events/{ANN}") == {"events": []}
    assert world.project.events.custom == {}


@pytest.mark.parametrize(
    ("kind", "emails", "user_ids"),
    [("email", 200, 400), ("userId", 400, 200), ("hybrid", 200, 200)],
)
def test_the_forgotten_lists_tell_the_project_type(kind: str, emails: int, user_ids: int) -> None:
    world = World(project_type=kind)
    assert world.ask("GET", "/api/users/forgotten").status_code == emails
    assert world.ask("GET", "/api/users/forgottenUserIds").status_code == user_ids


@pytest.mark.parametrize("user_id", ["", "x" * 53, "trailing ", "tab\t", "ü"])
def test_malformed_user_ids_are_refused(user_id: str) -> None:
    world = World(project_type="userId")
    assert update(world, 400, userId=user_id)["code"] == "InvalidUserIdError"
    answer = world.post("/api/users/bulkUpdate", {"users": [{"userId": user_id}]})
    assert answer["failedUpdates"]["invalidUserIds"] == [user_id]


def test_a_re_created_user_shows_the_old_state_until_the_deletion_has_settled() -> None:
    world = World(project_type="email")
    update(world, email=ANN, dataFields={"a": 1})
    world.post("/_sandbox/settings", {"lag_single": {"mode": "fixed", "fixed_ms": 9000}})
    world.ask("DELETE", f"/api/users/{ANN}")
    world.now += 1000
    update(world, email=ANN, dataFields={"b": 2})
    assert world.fields(ANN)["a"] == 1
    world.now += 9000
    assert "a" not in world.fields(ANN)
    assert world.fields(ANN)["b"] == 2


@pytest.mark.parametrize("kind", ["email", "userId", "hybrid"])
def test_a_row_without_any_identifier_fails_alone_in_every_project_type(kind: str) -> None:
    world = World(project_type=kind)
    answer = world.post("/api/users/bulkUpdate", {"users": [{}, {"userId": "1", "email": ANN}]})
    assert (answer["successCount"], answer["failCount"]) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("email", {"userId": "1"}, 400),
        ("userId", {"email": ANN}, 400),
        ("hybrid", {"userId": "1"}, 200),
        ("hybrid", {"email": ANN}, 200),
        ("hybrid", {}, 400),
    ],
)
def test_forgetting_needs_the_key_of_the_project_type(
    kind: str, body: dict[str, str], status: int
) -> None:
    World(project_type=kind).post("/api/users/forget", body, status)


def test_update_email_belongs_to_email_based_projects() -> None:
    body = {"currentEmail": ANN, "newEmail": BOB}
    World(project_type="hybrid").post("/api/users/updateEmail", body, 400)
