"""Golden cases of a mapping: what they take, and what makes one wrong."""

from typing import Any

import pytest

from daemon.domain.identity import ProjectType
from daemon.errors import ConfigurationError
from daemon.mapping.registry.cases import judge, read_suite

MAPPINGS: list[Any] = [
    {
        "name": "events",
        "action": "track_event",
        "subscribe": 'type = "track"',
        "preset": "segment",
    },
    {
        "name": "orders",
        "action": "track_purchase",
        "subscribe": 'event = "Order Completed"',
        "preset": "segment",
    },
    {"name": "vip", "action": "unsubscribe_list", "subscribe": 'event = "Left"', "list": "VIP"},
]
NAMES = {"lists": {"VIP": 4711}}
SIGNUP = {"type": "track", "userId": "u1", "event": "Signed Up"}


def post(path: str, **body: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "json": body}


SIGNED_UP = post("/api/events/track", userId="u1", eventName="Signed Up")
LEFT = [
    post("/api/events/track", userId="u1", eventName="Left"),
    post(
        "/api/lists/unsubscribe",
        listId=4711,
        subscribers=[{"userId": "u1"}],
        channelUnsubscribe=False,
    ),
]
ORDERED = post("/api/events/track", userId="u1", eventName="Order Completed")
LACKING = ["orders: items: is required", "orders: total: is required"]
CAMPAIGN = "events: campaignId: must be a whole number"


def right(case: dict[str, Any]) -> bool:
    suite = read_suite({"cases": [case], "names": NAMES}, MAPPINGS, ProjectType.HYBRID)
    return judge(suite, suite.cases[0]).right


@pytest.mark.parametrize(
    "case",
    [
        {"message": SIGNUP, "requests": [SIGNED_UP]},
        {"message": SIGNUP | {"event": "Left"}, "requests": LEFT},
        {"message": {"type": "page", "userId": "u1"}, "requests": []},
        {
            "message": SIGNUP | {"event": "Order Completed"},
            "requests": [ORDERED],
            "errors": LACKING,
        },
    ],
)
def test_a_case_is_right_if_everything_is_said(case: dict[str, Any]) -> None:
    assert right(case)


@pytest.mark.parametrize(
    "case",
    [
        {"message": SIGNUP, "requests": []},
        {"message": SIGNUP, "requests": [SIGNED_UP, SIGNED_UP]},
        {"message": SIGNUP | {"event": "Left"}, "requests": LEFT[::-1]},
        {"message": SIGNUP | {"event": "Order Completed"}, "requests": [ORDERED]},
        {"message": SIGNUP, "requests": [SIGNED_UP], "errors": ["events: x"]},
        {
            "message": SIGNUP | {"properties": {"seats": 1}},
            "requests": [
                {**SIGNED_UP, "json": SIGNED_UP["json"] | {"dataFields": {"seats": True}}}
            ],
        },
        {
            "message": SIGNUP | {"properties": {"campaignId": "x"}},
            "requests": [
                post(
                    "/api/events/track",
                    userId="u1",
                    eventName="Signed Up",
                    dataFields={"campaignId": "x"},
                )
            ],
        },
    ],
)
def test_a_case_is_wrong_if_anything_is_otherwise(case: dict[str, Any]) -> None:
    assert not right(case)


def test_what_was_left_out_is_an_error_to_be_expected() -> None:
    message = SIGNUP | {"properties": {"campaignId": "x"}}
    suite = read_suite({"cases": [{"message": message, "requests": []}]}, MAPPINGS[:1], "hybrid")  # type: ignore[arg-type]
    assert judge(suite, suite.cases[0]).errors == [CAMPAIGN]


def test_a_file_may_have_mappings_and_project_of_its_own() -> None:
    document = {
        "mappings": MAPPINGS[:1],
        "project": "email",
        "cases": [
            {"message": SIGNUP, "errors": ["events: email: is required in an e-mail-based project"]}
        ],
    }
    suite = read_suite(document, [], ProjectType.HYBRID)
    assert judge(suite, suite.cases[0]).right


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        (5, ["must be a block with `cases`, a list"]),
        ({"cases": {}}, ["must be a block with `cases`, a list"]),
        ({"cases": [], "nams": {}}, ["nams: 'nams' is not available; use one of"]),
        ({"cases": [], "project": "shop"}, ["project: 'shop' is not available"]),
        ({"cases": [], "names": 5}, ["names: must be a block with lists"]),
        ({"cases": [], "names": {"lists": {"VIP": "x"}}}, ["names: "]),
        ({"cases": [], "mappings": {}}, ["mappings: must be a list of blocks"]),
        ({"cases": [], "mappings": [{}]}, ["mappings[0].action: is required"]),
        ({"cases": [], "mappings": MAPPINGS}, ["mappings[2].list: Iterable has no emailList"]),
        (
            {"cases": [5, {"message": 5}, {"message": {}}, {"message": {}, "request": []}]},
            [
                "cases[0]: must be a block with message and requests",
                "cases[1].message: must be Segment's message",
                "cases[2].requests: is required; [] says that nothing is sent",
                "cases[3].request: 'request' is not available",
                "cases[3].requests: is required",
            ],
        ),
    ],
)
def test_a_wrong_file_says_where(document: object, problems: list[str]) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        read_suite(document, MAPPINGS[:1], ProjectType.HYBRID)
    found = wrong.value.problems
    assert len(found) == len(problems)
    assert all(line.startswith(start) for line, start in zip(found, problems, strict=True))
