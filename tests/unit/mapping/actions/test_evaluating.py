"""`segue mapping eval`, question by question; actions themselves are in tests/golden/requests."""

from typing import Any

import pytest

from daemon.mapping.registry.evaluating import answer

SIGNUP = {"type": "track", "userId": "u1", "event": "Signed Up"}


@pytest.mark.parametrize(
    ("question", "result"),
    [
        ({"mapping": {"a": {"@path": "$.x"}}, "payload": {"x": 1}}, {"a": 1}),
        ({"mapping": {"a": {"@path": "$.y"}}, "payload": {"x": 1}}, {}),
        ({"mapping": {"@path": "$.y"}, "payload": {"x": 1}}, None),
        ({"mapping": {"a": 1}}, {"a": 1}),
        ({"mapping": "text", "payload": {}}, "text"),
        ({"subscribe": 'type = "track"', "event": SIGNUP}, True),
        ({"subscribe": 'type = "page"', "event": SIGNUP, "dialect": "fql"}, False),
        ({"subscribe": "event = 'Signed Up'", "event": SIGNUP}, True),
        (
            {"subscribe": "event = 'Signed Up'", "event": SIGNUP, "dialect": "segment-trigger"},
            False,
        ),
        (
            {"subscribe": 'type = "track"', "event": SIGNUP, "dialect": "segment-trigger"},
            True,
        ),
    ],
)
def test_a_question_is_answered(question: dict[str, Any], result: Any) -> None:
    assert answer(question) == {"result": result}


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ([], "a line must be an object: a line has mapping and payload"),
        ({}, "a line has mapping and payload, subscribe and event, or action and event"),
        ({"maping": {}}, "a line has mapping and payload"),
        ({"mapping": {}, "payload": 5}, "payload: must be an object"),
        ({"mapping": {"@bogus": 1}, "payload": {}}, "@bogus"),
        ({"subscribe": 5, "event": {}}, "subscribe: must be text"),
        ({"subscribe": 'type = "track"', "event": []}, "event: must be an object"),
        ({"subscribe": "type ~ 5", "event": {}}, "at character 6"),
        ({"subscribe": "type", "event": {}, "dialect": "sql"}, "dialect: 'sql' is not available"),
        ({"subscribe": 'type = "track"', "evnt": {}}, "evnt: 'evnt' is not available; use one of"),
        ({"action": "trak", "event": {}}, "action: 'trak' is not available; use one of"),
        ({"action": "track_event", "event": SIGNUP, "preset": "x"}, "preset: 'x' is not available"),
        ({"action": "track_event", "event": SIGNUP, "preset": ["x"]}, "preset: ['x'] is not"),
        ({"action": "track_event", "event": SIGNUP, "mapping": 5}, "mapping: must be an object"),
        (
            {"action": "track_event", "event": SIGNUP, "settings": {"project": "shop"}},
            "settings.project: 'shop' is not available; use one of email, userId, hybrid",
        ),
        (
            {"action": "track_event", "event": SIGNUP, "settings": {"list": 5}},
            "settings.list: 'list' is not available; use one of project, subscribe",
        ),
        (
            {"action": "track_event", "event": SIGNUP, "settings": {"expires_after": 5}},
            "settings.expires_after: must be a length of time",
        ),
    ],
)
def test_what_cannot_be_answered_says_why(question: Any, error: str) -> None:
    found = answer(question)
    assert error in found["error"]
    assert set(found) == {"error"}


def test_what_segment_refuses_matches_nothing_and_says_why() -> None:
    question = {"subscribe": "lowercase(event) = x", "event": {}, "dialect": "segment-trigger"}
    found = answer(question)
    assert found["result"] is False
    assert found["error"]


def test_an_action_names_each_field_that_is_in_the_way() -> None:
    found = answer({"action": "track_purchase", "event": SIGNUP})
    assert found["problems"] == [
        {"field": "items", "reason": "is required"},
        {"field": "total", "reason": "is required"},
    ]
    assert found["error"] == "items: is required; total: is required"


@pytest.mark.parametrize(
    "settings", [{"project": "userId"}, {"project": {"type": "userId"}}, {"project_type": "userId"}]
)
def test_the_project_may_be_said_as_in_a_configuration(settings: dict[str, Any]) -> None:
    event = SIGNUP | {"context": {"traits": {"email": "ann@example.com"}}}
    [request] = answer({"action": "track_event", "event": event, "settings": settings})["requests"]
    assert request["json"] == {"userId": "u1", "eventName": "Signed Up"}
