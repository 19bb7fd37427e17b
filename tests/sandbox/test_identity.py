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
