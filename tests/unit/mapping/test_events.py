"""Exact rows of events/trackBulk (iterable.md §8, segment.md §13.3)."""

from typing import Any

import pytest

from daemon.domain.messages import INTERNAL_TYPES, Message
from daemon.mapping.events import has_expired, made_event, matching_events
from daemon.mapping.mappings import TrackEvent
from tests.unit.mapping.making import mappings, message


def mapping(**keys: Any) -> TrackEvent:
    lines = {"name": "events", "action": "track_event", "subscribe": 'type = "track"', **keys}
    return mappings("- " + "\n  ".join(f"{key}: {value}" for key, value in lines.items())).events[0]


ORDER = message(
    "track",
    at=1_577_836_800_999,
    received=1_577_836_900_000,
    mid="m-1",
    event="Order Completed",
    traits={"plan": "pro"},
    properties={"total": 9.5, "at": "2020-01-01T00:00:00Z", "cart": {"id": 7}},
    context={"page": {"path": "/checkout"}},
)
PLAIN: dict[str, Any] = {
    "id": "m-1",
    "createdAt": 1_577_836_800,
    "eventName": "Order Completed",
    "dataFields": {"total": 9.5, "at": "2020-01-01 00:00:00 +00:00", "cart": {"id": 7}},
}


def test_the_preset_is_what_segments_destination_sends() -> None:
    assert made_event(ORDER, mapping(preset="segment"), first=True).row == PLAIN


def test_a_further_event_of_one_message_has_an_id_of_its_own() -> None:
    row = made_event(ORDER, mapping(preset="segment", name="orders"), first=False).row
    assert row == {**PLAIN, "id": "m-1-orders"}


@pytest.mark.parametrize(
    ("at", "seconds"),
    [(0, 0), (999, 0), (1_000, 1), (1_999, 1), (1_577_836_800_001, 1_577_836_800)],
)
def test_created_at_is_in_whole_seconds(at: int, seconds: int) -> None:
    row = made_event(message(at=at, event="A"), mapping(preset="segment"), first=True).row
    assert row is not None
    assert row["createdAt"] == seconds


@pytest.mark.parametrize(
    ("properties", "references"),
    [
        ({"campaignId": 5, "templateId": 6}, {"campaignId": 5, "templateId": 6}),
        ({"campaignId": 0}, {"campaignId": 0}),
        ({"campaignId": "5"}, {"campaignId": 5}),
        ({"campaignId": 5.5}, {}),
        ({"campaignId": True}, {}),
        ({"campaignId": None}, {}),
    ],
)
def test_only_whole_numbers_name_campaigns_and_templates(
    properties: dict[str, Any], references: dict[str, int]
) -> None:
    row = made_event(
        message(event="A", properties=properties), mapping(preset="segment"), first=True
    ).row
    assert row == {
        "id": "m1",
        "createdAt": 1,
        "eventName": "A",
        "dataFields": properties,
        **references,
    }


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        (
            "{dataFields.path: $.context.page.path}",
            {**PLAIN, "dataFields": {**PLAIN["dataFields"], "path": "/checkout"}},
        ),
        (
            "{dataFields.cart.at: $.properties.at}",
            {
                **PLAIN,
                "dataFields": {
                    **PLAIN["dataFields"],
                    "cart": {"id": 7, "at": "2020-01-01 00:00:00 +00:00"},
                },
            },
        ),
        (
            "{dataFields.total.net: $.properties.total}",
            {**PLAIN, "dataFields": {**PLAIN["dataFields"], "total": {"net": 9.5}}},
        ),
        ("{dataFields.none: $.properties.none}", PLAIN),
        ("{dataFields: $.properties.cart}", {**PLAIN, "dataFields": {"id": 7}}),
        ("{eventName: $.traits.plan}", {**PLAIN, "eventName": "pro"}),
        ("{campaignId: $.properties.cart.id}", {**PLAIN, "campaignId": 7}),
    ],
)
def test_fields_are_exceptions_to_the_preset(fields: str, row: dict[str, Any]) -> None:
    before = {"total": 9.5, "at": "2020-01-01T00:00:00Z", "cart": {"id": 7}}
    assert made_event(ORDER, mapping(preset="segment", fields=fields), first=True).row == row
    assert ORDER.properties == before


def test_without_the_preset_only_the_named_fields_are_sent() -> None:
    only = mapping(fields="{eventName: $.event, dataFields.total: $.properties.total}")
    assert made_event(ORDER, only, first=True).row == {
        "id": "m-1",
        "createdAt": 1_577_836_800,
        "eventName": "Order Completed",
        "dataFields": {"total": 9.5},
    }


@pytest.mark.parametrize(
    "one",
    [
        message(),
        message(event=""),
        message(event="A", properties={"name": None}),
        message(event="A", properties={"name": {"a": 1}}),
    ],
)
def test_a_message_that_names_no_event_becomes_none(one: Message) -> None:
    fields = "{eventName: $.properties.name}" if one.properties else "{}"
    made = made_event(one, mapping(preset="segment", fields=fields), first=True)
    assert made.row is None
    assert made.reason.startswith("eventName: ")


WHOLE = """
- name: all
  action: track_event
  subscribe: type = "track"
  omit: [secret]
  fields:
    eventName: "{{ event }} ({{ properties.kind }})"
    id: {"@template": "order-{{ properties.id }}"}
    createdAt: $.properties.at
    dataFields: $.properties
    dataFields.day: {"@date": $.timestamp, to: "yyyy-MM-dd", zone: Europe/Berlin}
    dataFields.seen: $.receivedAt
    dataFields.total: {"@number": $.properties.total, on_error: drop}
    dataFields.group: $.groupId
    campaignId: $.properties.campaign
"""


def test_the_whole_language_is_at_hand() -> None:
    one = message(
        at=1_577_833_200_000,
        received=1_577_833_201_234,
        event="Bought",
        properties={
            "kind": "shop",
            "id": 7,
            "at": "2020-01-02T00:00:00Z",
            "secret": "x",
            "total": "much",
            "campaign": "no number",
        },
    )
    made = made_event(one, mappings(WHOLE).events[0], first=False)
    assert made.row == {
        "eventName": "Bought (shop)",
        "id": "order-7",
        "createdAt": 1_577_923_200,
        "dataFields": {
            "kind": "shop",
            "id": 7,
            "at": "2020-01-02 00:00:00 +00:00",
            "total": "much",
            "campaign": "no number",
            "day": "2020-01-01",
            "seen": "2019-12-31 23:00:01 +00:00",
        },
    }
    assert made.left_out == ("campaignId",), "what the mapping itself drops is not told"


def test_a_page_is_an_event_too() -> None:
    pages = mappings('- {name: p, action: track_page, subscribe: type = "page", preset: segment}')
    seen = made_event(message("page", properties={"url": "/"}), pages.events[0], first=True)
    assert seen.row == {"id": "m1", "createdAt": 1, "eventName": "page", "dataFields": {"url": "/"}}


@pytest.mark.parametrize(
    ("when", "seconds"),
    [
        ("$.timestamp", 1_577_836_800),
        ("$.receivedAt", 1_577_836_900),
        ('{"@string": $.timestamp}', 1_577_836_800),
        ('{"@date": $.timestamp, to: "yyyy-MM-dd", on_error: fail}', 1_577_836_800),
    ],
)
def test_created_at_may_be_mapped(when: str, seconds: int) -> None:
    row = made_event(ORDER, mapping(preset="segment", fields=f"{{createdAt: {when}}}"), first=True)
    assert row.row is not None
    assert row.row["createdAt"] == seconds


def test_a_trigger_of_segments_decides_as_there() -> None:
    """There one operator is that of the whole group, whatever FQL makes of the same text."""
    trigger = 'event = "A" or event = "B" and properties.x = "1"'
    theirs = mapping(preset="segment", subscribe=f"'{trigger}'", dialect="segment-trigger")
    ours = mapping(preset="segment", subscribe=f"'{trigger}'")
    one = message("track", event="A")
    assert (theirs.matches(one), ours.matches(one)) == (False, True)


def test_an_event_always_has_an_id() -> None:
    too_long = mapping(preset="segment", fields="{id: $.properties.id}")
    one = message(event="A", properties={"id": "x" * 513})
    made = made_event(one, too_long, first=True)
    assert made.row is not None
    assert (made.row["id"], made.left_out) == ("m1", ("id",))


SEVERAL = """
- {name: all, action: track_event, preset: segment, subscribe: type = "track"}
- {name: orders, action: track_event, preset: segment, subscribe: event = "Order Completed"}
- name: pages
  action: track_event
  subscribe: type in ["page", "screen"]
  fields: {eventName: $.properties.name}
"""


@pytest.mark.parametrize(
    ("one", "names"),
    [
        (message("track", event="Order Completed"), ["all", "orders"]),
        (message("track", event="A"), ["all"]),
        (message("page"), ["pages"]),
        (message("screen"), ["pages"]),
        (message("identify"), []),
    ],
)
def test_a_message_may_match_several_mappings_in_their_order(
    one: Message, names: list[str]
) -> None:
    assert [found.name for found in matching_events(one, mappings(SEVERAL))] == names


@pytest.mark.parametrize(
    ("after", "age", "expired"),
    [
        ("2h", 7_200_000, False),
        ("2h", 7_200_001, True),
        ("2h", -5, False),
        ("1s", 1_000, False),
        ("1s", 1_001, True),
        (None, 10**12, False),
    ],
)
def test_an_event_expires_by_when_it_happened(after: str | None, age: int, expired: bool) -> None:
    keys = {"preset": "segment", **({"expires_after": after} if after else {})}
    # received only now: what counts is when it happened
    one = message(at=10**12, received=10**12 + age, event="A")
    assert has_expired(one, mapping(**keys), 10**12 + age) is expired


@pytest.mark.parametrize("kind", sorted(INTERNAL_TYPES))
def test_what_segue_writes_to_itself_is_nobodys_event(kind: str) -> None:
    everything = mappings(
        '- {name: all, action: track_event, subscribe: type != "page", preset: segment}'
    )
    assert matching_events(message("track", event="A"), everything)
    assert matching_events(message(kind, event="A"), everything) == []
