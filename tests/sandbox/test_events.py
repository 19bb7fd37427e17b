"""Events: tracking, ids, types for each name, reading (iterable.md §8)."""

from typing import Any

import pytest

from daemon.sandbox.event_log import Event, EventLog
from tests.sandbox.world import World

ANN = "ann@example.com"


def bulk(world: World, *rows: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer: dict[str, Any] = world.post("/api/events/trackBulk", {"events": list(rows)}, status)
    return answer


def event(name: str = "e", **more: Any) -> dict[str, Any]:
    return {"email": ANN, "eventName": name, **more}


def shown(world: World, email: str = ANN) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.get(f"/api/events/{email}")["events"]
    return found


def test_a_tracked_event_is_told_its_id_and_reads_back() -> None:
    world = World()
    fields = {"n": 1, "at": "2020-08-19T20:50:04.000Z"}
    answer = world.post(
        "/api/events/track", event(id="m-1", createdAt=1_600_000_000, dataFields=fields)
    )
    assert answer == {
        "msg": "Event with id: m-1 tracked.",
        "code": "Success",
        "params": {"id": "m-1"},
    }
    assert shown(world) == [
        {
            "eventType": "customEvent",
            "createdAt": "2020-09-13 12:26:40 +00:00",
            "email": ANN,
            "eventName": "e",
            "id": "m-1",
            "dataFields": {"n": 1, "at": "2020-08-19 20:50:04 +00:00"},
        }
    ]


def test_the_same_id_again_replaces_the_event_and_without_id_it_is_another() -> None:
    world = World()
    bulk(world, event(id="1", dataFields={"a": 1, "b": 1}))
    bulk(world, event(id="1", dataFields={"a": 2}))
    assert [e["dataFields"] for e in shown(world)] == [{"a": 2}]
    assert shown(world)[0]["eventUpdatedAt"]
    bulk(world, event(), event())
    assert len(shown(world)) == 3


def test_by_a_setting_the_same_id_again_merges() -> None:
    world = World(event_resend="merge")
    bulk(world, event(id="1", dataFields={"a": 1, "b": 1}), event(id="1", dataFields={"a": 2}))
    assert shown(world)[0]["dataFields"] == {"a": 2, "b": 1}


def test_a_bulk_answer_counts_rows_and_names_those_that_failed() -> None:
    world = World(disallowed_event_names=("secret",))
    world.post("/api/users/forget", {"email": "gone@example.com"})
    answer = bulk(
        world,
        event(dataFields={"new": 1}),
        event() | {"email": "BAD@"},
        event() | {"email": "gone@example.com"},
        {"eventName": "e", "userId": "nobody"},
        event("secret"),
    )
    assert answer == {
        "successCount": 1,
        "failCount": 4,
        "createdFields": ["new"],
        "filteredOutFields": [],
        "disallowedEventNames": ["secret"],
        "invalidEmails": ["bad@"],
        "invalidUserIds": ["nobody"],
        "failedUpdates": {
            "invalidEmails": ["bad@"],
            "invalidUserIds": [],
            "notFoundEmails": [],
            "notFoundUserIds": ["nobody"],
            "forgottenEmails": ["gone@example.com"],
            "forgottenUserIds": [],
        },
    }
    assert [r["result"] for r in world.ledger("?kind=event")] == [
        "applied",
        "invalidEmail",
        "forgottenEmail",
        "notFoundUserId",
        "disallowedEventName",
    ]


def test_a_disallowed_name_is_dropped_in_silence_with_a_200() -> None:
    world = World(disallowed_event_names=("secret",))
    answer = world.post("/api/events/track", event("secret"))
    assert "is disallowed from tracking" in answer["msg"]
    assert shown(world) == []


def test_types_are_locked_for_each_event_name_and_one_clash_refuses_the_call() -> None:
    world = World()
    bulk(world, event("a", dataFields={"x": 1}), event("b", dataFields={"x": "text"}))
    answer = bulk(world, event("a", id="n"), event("a", dataFields={"x": "text"}), status=400)
    assert answer["code"] == "RequestFieldsTypesMismatched"
    assert len(shown(world)) == 2
    assert "x" not in world.get("/api/users/getFields")["fields"]


def test_wrong_json_types_are_named_by_their_place() -> None:
    answer = bulk(
        World(),
        event(),
        event(createdAt="now"),
        event() | {"eventName": None},
        status=400,
    )
    assert answer["params"] == {
        "obj.events[1].createdAt": "Number value expected",
        "obj.events[2].eventName": "String value expected",
    }
    answer = bulk(World(), event(), event(dataFields=[1]), status=400)
    assert answer["params"] == {"obj.events[1].dataFields": "Object value expected"}


def test_null_data_fields_are_none() -> None:
    world = World()
    assert bulk(world, event(dataFields=None))["successCount"] == 1


@pytest.mark.parametrize(("kind", "created"), [("email", False), ("hybrid", True)])
def test_an_event_of_an_unknown_email_makes_a_profile_only_outside_email_based_projects(
    kind: str, created: bool
) -> None:
    world = World(project_type=kind)
    bulk(world, event())
    assert (world.get(f"/api/users/{ANN}") != {}) == created
    assert len(shown(world)) == 1


def test_an_event_before_its_profile_belongs_to_the_profile_made_later() -> None:
    world = World()
    bulk(world, event("early"))
    world.post("/api/users/update", {"email": ANN, "userId": "1"})
    bulk(world, event("late", createdAt=1_800_000_000))
    assert [e["eventName"] for e in shown(world)] == ["late", "early"]
    assert len(world.get("/api/events/byUserId/1")["events"]) == 2


@pytest.mark.parametrize(("unit", "year"), [("seconds", "9999-12-31"), ("detect", "2023-11-14")])
def test_milliseconds_are_understood_only_by_a_setting(unit: str, year: str) -> None:
    world = World(event_time_unit=unit)
    bulk(world, event(createdAt=1_700_000_000_000))
    assert shown(world)[0]["createdAt"].startswith(year)


def test_reading_is_newest_first_and_limited() -> None:
    world = World()
    bulk(world, *[event(f"e{n}", createdAt=1_600_000_000 + n) for n in range(40)])
    assert len(shown(world)) == 30
    two = world.get(f"/api/events/{ANN}?limit=2")["events"]
    assert [e["eventName"] for e in two] == ["e39", "e38"]
    assert world.ask("GET", f"/api/events/{ANN}?limit=201").status_code == 400


def test_dates_inside_objects_and_arrays_read_back_in_the_one_form() -> None:
    world = World()
    sent, back = "2020-08-19T20:50:04.000Z", "2020-08-19 20:50:04 +00:00"
    fields = {"trip": {"from": sent, "note": "x"}, "days": [sent], "none": {"x": None}}
    bulk(world, event(dataFields=fields))
    expected = {"trip": {"from": back, "note": "x"}, "days": [back], "none": {}}
    assert shown(world)[0]["dataFields"] == expected


@pytest.mark.parametrize(("scope", "count"), [("project", 1), ("name", 2), ("user", 2)])
def test_where_an_id_is_unique_is_a_setting(scope: str, count: int) -> None:
    world = World(event_id_scope=scope)
    other = {"email": "bob@example.com"} if scope == "user" else {"eventName": "other"}
    bulk(world, event(id="1"), event(id="1") | other, event(id="1"))
    assert len(world.project.events.custom) == count
    world.post("/api/users/update", {"email": ANN})
    world.post("/api/users/forget", {"email": ANN})
    assert len(world.project.events.custom) == (1 if scope == "user" else 0)


def test_someone_with_very_many_events_can_be_forgotten() -> None:
    world = World()
    log, last = EventLog(), None
    for number in range(300_000):
        last = log.add(Event("customEvent", "e", str(number), ANN, None, 0, 0, b"{}"), last)
    world.project.events = log
    log.without_profile[ANN] = last or 0
    world.post("/api/users/forget", {"email": ANN})
    assert log.by_kind == {"customEvent": []}
    assert world.get(f"/api/events/{ANN}") == {"events": []}


def test_an_id_beyond_512_bytes_is_refused() -> None:
    assert bulk(World(), event(id="x" * 513), status=400)["code"] == "BadParams"


def test_campaign_and_template_stand_on_the_event() -> None:
    world = World()
    bulk(world, event(campaignId=4001, templateId=9))
    assert (shown(world)[0]["campaignId"], shown(world)[0]["templateId"]) == (4001, 9)


def test_new_event_fields_can_be_left_out() -> None:
    world = World(create_new_fields=False)
    answer = bulk(world, event(dataFields={"x": 1}))
    assert answer["filteredOutFields"] == ["x"]
    assert shown(world)[0]["dataFields"] == {}


def test_a_push_open_is_a_system_event() -> None:
    world = World()
    world.post("/api/events/trackPushOpen", {"email": ANN, "campaignId": 1, "messageId": "m"})
    assert shown(world)[0]["eventType"] == "pushOpen"


def test_order_is_by_when_events_happened_not_by_when_they_came() -> None:
    world = World()
    bulk(world, event("new", createdAt=1_600_000_200), event("old", createdAt=1_600_000_100))
    assert [e["eventName"] for e in shown(world)] == ["new", "old"]


def test_forgetting_a_user_takes_their_events_out_of_exports_too() -> None:
    world = World()
    bulk(world, event("mine", id="1"), event("other") | {"email": "bob@example.com"})
    world.post("/api/users/update", {"email": ANN})
    world.post("/api/users/forget", {"email": ANN})
    text = world.ask("GET", "/api/export/data.json?dataTypeName=customEvent&range=All").text
    assert "mine" not in text
    assert "other" in text
