"""Each line of what differs from Segment's destinations, and of what doesn't, is shown to hold."""

from collections.abc import Callable
from typing import Any

import pytest

from daemon.mapping.registry.differences import KEPT, MENDED
from daemon.mapping.registry.evaluating import answer

Holds = Callable[[dict[str, Any]], bool]

TRACK = {"type": "track", "userId": "u1", "event": "A"}
IDENTIFY = {"type": "identify", "userId": "u1"}
IN_CONTEXT = {"traits": {"email": "ann@example.com"}}
PERSONAS = {"computation_class": "audience", "computation_key": "vip", "external_audience_id": 1}


def body(found: dict[str, Any], call: int = 0) -> Any:
    return found["requests"][call]["json"]


def has_data(data: Any) -> Holds:
    return lambda found: bool(body(found)["dataFields"] == data)


def has_item_data(data: Any) -> Holds:
    return lambda found: bool(body(found)["items"][0]["dataFields"] == data)


def track(**more: Any) -> dict[str, Any]:
    return {"action": "track_event", "event": TRACK | more}


def identify(**more: Any) -> dict[str, Any]:
    return {"action": "update_user", "event": IDENTIFY | more}


def member(value: Any) -> dict[str, Any]:
    event = IDENTIFY | {"traits": value, "context": {"personas": PERSONAS}}
    return {"action": "subscribe_list", "event": event}


SHOWN: dict[str, list[tuple[dict[str, Any], Holds]]] = {
    "`enable_batching`": [
        (track(), lambda found: body(found) == {"userId": "u1", "eventName": "A"})
    ],
    "Text that looks like a date-time": [
        (track(properties={"at": [text]}), has_data({"at": [text]}))
        for text in ("2024-01-01T25:00:00Z", "2024-02-30T00:00:00Z", "2024-01-01T00:00:00,5Z")
    ],
    "A date-time without an offset": [
        (
            track(properties={"at": "2024-01-01T10:00"}),
            lambda found: body(found)["dataFields"] == {"at": "2024-01-01 10:00:00 +00:00"},
        )
    ],
    "In a batch, items that name nobody": [
        (track(userId=None), lambda found: found["error"] == "email: it or userId is required")
    ],
    "A blank beside an e-mail address": [
        (
            identify(traits={"email": "ann@example.com "}),
            lambda found: body(found)["email"] == "ann@example.com",
        ),
        (
            identify(traits={"email": "ann"}),
            lambda found: "email" not in body(found) and bool(found["left_out"]),
        ),
    ],
    "`updateUser` looks for the e-mail address": [
        (
            {"action": action, "event": {**TRACK, **event}},
            lambda found: "ann@example.com" in str(found),
        )
        for action, event in [
            ("update_user", dict[str, Any](context=IN_CONTEXT)),
            (
                "subscribe_list",
                {"properties": {"vip": True}, "context": {"personas": PERSONAS, **IN_CONTEXT}},
            ),
        ]
    ],
    "One field that isn't what it should be": [
        (
            track(properties={"campaignId": "spring"}),
            lambda found: "campaignId" not in body(found) and len(found["left_out"]) == 1,
        )
    ],
    "Membership is read loosely": [
        (member({"vip": "true"}), lambda found: "subscribe" in found["requests"][0]["path"]),
        (member({"vip": "false"}), lambda found: "unsubscribe" in found["requests"][0]["path"]),
        (member({}), lambda found: found == {"requests": []}),
    ],
    "`updateOnly` has no effect": [
        (
            {**identify(), "preset": "segment", "mapping": {"updateOnly": True}},
            lambda found: body(found)["updateOnly"] is True,
        )
    ],
    "`newEmail` calls": [
        (
            {
                **identify(),
                "preset": "segment",
                "mapping": {"newEmail": "new@example.com"},
                "settings": {"project": "hybrid"},
            },
            lambda found: found["requests"][1]["path"] == "/api/users/update",
        )
    ],
    "Both identifiers are sent": [
        (
            {**track(context=IN_CONTEXT), "settings": {"project": "hybrid"}},
            lambda found: "email" not in body(found),
        ),
        (
            {**identify(context=IN_CONTEXT), "settings": {"project": "hybrid"}},
            lambda found: {"email", "userId"} <= set(body(found)),
        ),
    ],
    "Traits named like Iterable's own": [
        (
            identify(traits={"emailListIds": [1], "userId": "u2"}),
            lambda found: body(found)["dataFields"] == {},
        ),
        (
            {
                **identify(traits={"email": "other@example.com"}),
                "preset": "segment",
                "mapping": {"email": "ann@example.com"},
            },
            lambda found: body(found)["dataFields"] == {"email": "ann@example.com"},
        ),
    ],
    "Leaving a list says nothing": [
        (member({"vip": False}), lambda found: body(found)["channelUnsubscribe"] is False)
    ],
    "The classic destination's `profileUpdatedAt`": [
        (
            {**identify(timestamp="2026-01-01T00:00:00Z"), "preset": "segment-classic"},
            lambda found: "profileUpdatedAt" not in body(found)["dataFields"],
        )
    ],
    "An event without `timestamp`": [(track(), lambda found: "createdAt" not in body(found))],
    "`email` and `phone` stay": [
        (
            identify(traits={"email": "ann@example.com", "phone": "+1555"}),
            lambda found: (
                body(found)["dataFields"]
                == {"email": "ann@example.com", "phone": "+1555", "phoneNumber": "+1555"}
            ),
        )
    ],
    "An item's `description`": [
        (
            {
                "action": "update_cart",
                "preset": preset,
                "event": TRACK
                | {
                    "properties": {
                        "products": [
                            {
                                "product_id": "1",
                                "name": "A",
                                "price": 1,
                                "quantity": 1,
                                "description": "d",
                                "brand": "b",
                            }
                        ]
                    }
                },
            },
            has_item_data(data),
        )
        for preset, data in [
            ("segment", {"description": "d"}),
            ("segment-classic", {"brand": "b"}),
        ]
    ],
    "Null and empty text": [
        (
            identify(traits={"nul": None, "emp": ""}),
            lambda found: body(found)["dataFields"] == {"nul": None, "emp": ""},
        )
    ],
}
CASES = [(start, *case) for start, cases in SHOWN.items() for case in cases]


def test_every_line_is_shown() -> None:
    lines = [difference.there for difference in (*MENDED, *KEPT)]
    assert len(lines) == len(SHOWN)
    for start in SHOWN:
        assert sum(line.startswith(start) for line in lines) == 1, start


@pytest.mark.parametrize(("start", "question", "holds"), CASES)
def test_a_line_holds(start: str, question: dict[str, Any], holds: Holds) -> None:
    found = answer(question)
    assert holds(found), (start, found)
