"""Segment's trigger dialect, row by row of segment.md §12.2, and on any text and message."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.mapping.subscribe import SubscribeError, decides, parse_as_trigger, parse_trigger
from daemon.mapping.subscribe.trigger import number_of, steps
from tests.unit.mapping.subscribe.saying import message_of
from tests.unit.mapping.subscribe.triggering import events, triggers, wild

TRACK = {"type": "track"}


def said(**properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": "A", "properties": properties}


DECIDED: list[tuple[str, dict[str, Any], bool]] = [
    # precedence: none; the last word joins the whole group
    ('type = "page" or event = "A" and properties.a = 1', said(a=1), False),
    ('type = "track" or event = "B" and properties.a = 1', said(a=1), False),
    ('type = "track" or event = "A" and properties.a = 1', said(a=1), True),
    ('type = "page" and event = "B" or properties.a = 1', said(a=1), True),
    ('type = "page" and (event = "A" or event = "B")', said(), False),
    ('(type = "page" or event = "A") and properties.a = 1', said(a=1), True),
    ('type = "track" or event = "B" and', said(), False),
    ('type = "track" and', said(), True),
    # negation and words that are passed over
    ('!contains(event, "B")', said(), True),
    ('!contains(event, "A")', said(), False),
    ('!match(event, "B*")', said(), True),
    ('! match(event, "A*")', said(), False),
    ('!(event = "A")', said(), True),
    ('not event = "A"', said(), True),
    ('type = "page" OR event = "A"', said(), False),
    ('type = "track" AND event = "A"', said(), True),
    # text
    ("type = 'track'", TRACK, False),
    ("type = 'track'", {"type": "'track'"}, True),
    ("type = track", TRACK, True),
    (r'event = "a\b"', {"event": r"a\b"}, True),
    ('type == "track"', TRACK, False),
    ('event == "A"', {"event": "="}, True),
    ('event = "a"', said(), False),
    ('properties.x != "a"', said(), True),
    ('properties.x != "5"', said(x=5), True),
    ('properties.x = "5"', said(x=5), False),
    # numbers
    ("properties.n = 5", said(n=5), True),
    ("properties.n = 5", said(n=5.0), True),
    ("properties.n = 5", said(n="5"), False),
    ("properties.n != 5", said(n=6), True),
    ("properties.n != 5", said(n="6"), False),
    ("properties.n != 5", said(), False),
    ("properties.n > -1", said(n=0), True),
    ("properties.n > 0", said(n=True), False),
    ('properties.n < "10"', said(n=5), True),
    ("properties.n = 1e3", said(n=1), True),
    ("properties.n = 9007199254740993", said(n=9007199254740992), True),
    ("properties.n < ten", said(n=5), False),
    # booleans
    ("properties.b = true", said(b=True), True),
    ("properties.b = true", said(b="true"), False),
    ("properties.b = false", said(b=False), True),
    ("properties.b = false", said(), False),
    ("userId = true", {"userId": True}, True),
    ("properties.b != true", said(b=True), True),
    ("properties.b != true", said(b="true"), False),
    # null
    ("properties.x = null", said(), True),
    ("properties.x = null", said(x=None), True),
    ("properties.x = null", said(x=""), False),
    ("properties.x != null", said(x=False), True),
    ("userId != null", {"userId": ""}, True),
    ("name = null", {}, True),
    ("event = null", {}, False),
    ("event = null", {"event": "null"}, True),
    ("type != null", {}, True),
    # contains, match
    ('contains(event, "rder")', {"event": "Order"}, True),
    ('contains(event, "order")', {"event": "Order"}, False),
    ('contains(properties.x, "a")', said(x=["a"]), False),
    ('!contains(properties.x, "a")', said(x=["a"]), False),
    ('!contains(properties.x, "a")', said(), False),
    ('!match(properties.x, "a*")', said(), False),
    ('match(event, "Ev")', {"event": "leave"}, False),
    ('match(event, "Ev")', {"event": "Rev"}, True),
    ('match(event, "*v*")', {"event": "*vx"}, True),
    ('match(event, "*v*")', {"event": "ava"}, False),
    ('match(event, "a*c")', {"event": "b*c"}, True),
    ('match(event, "*")', {"event": ""}, True),
    ('match(event, "*")', {}, False),
    ('match(event, "A?")', {"event": "x?"}, True),
    # in, lists, elements
    ('event in ["A"]', said(), False),
    ('event in ["A"] or type = "track"', said(), True),
    ('properties.list.0 = "a"', said(list=["a"]), False),
    ('properties.list[0] = "a"', said(list=["a"]), False),
    ('properties.or = "a"', said(**{"or": "a"}), False),
    ('properties.null = "a"', said(null="a"), False),
    # paths
    (r'properties.first\ name = "a"', said(**{"first name": "a"}), True),
    (r'properties.a\.b = "a"', said(**{"a.b": "a"}), False),
    ("properties.a.b = false", said(a=False), True),
    ("properties.a.b != null", said(a=0), True),
    ("properties.a.b != null", said(a=1), False),
    ("properties.a.length > 3", said(a="abcd"), True),
    ("properties.a.length = 2", said(a="\U0001f600"), True),
    ("properties.a.length = 2", said(a=[1, 2]), True),
    ("properties.a.constructor != null", said(a={}), False),
    # nothing to compare with
    ("type =", {"type": "eos"}, True),
]


@pytest.mark.parametrize(("text", "event", "matches"), DECIDED)
def test_a_trigger_decides_as_segments(text: str, event: dict[str, Any], matches: bool) -> None:
    assert decides(parse_trigger(text), event) is matches


REFUSED = [
    ("", 1, "there is no condition"),
    ("typo", 1, "there is no condition"),
    ("type", 1, "no value follows `type`"),
    ("(type =) or", 2, "no value follows `type`"),
    ('"track" = type', 11, "no value follows `type`"),
    ('type = "track" && event = "A"', 16, "`&` begins nothing"),
    ('type * "x"', 6, "`*` begins nothing"),
    ('type = "track', 8, '`"` begins nothing'),
    ('anonymousId = "a"', 1, "`anonymousId` is none of type, event"),
    ('type = "track" and groupId = "a"', 20, "`groupId` is none of type, event"),
    ('integrations.All = "a"', 1, "`integrations` is none of type, event"),
    ('type = "track" and (event = "A"', 20, "the `(` is not closed"),
    ('(type = "track" and (event = "A"))', 21, "parentheses stand in parentheses"),
    ('lowercase(event) = "a"', 11, "no value follows `event`"),
    ("length(event) > 3", 8, "no value follows `event`"),
    ("contains(event)", 1, 'contains is written contains(field, "text")'),
    ('contains("a", event)', 1, "contains takes one of type, event"),
    ('properties = "a"', 1, "`properties` can't be compared like that"),
    ('event.name = "a"', 1, "`event` can't be compared like that"),
    ('type = "track"' + " " * 65_536, 65_537, "it is longer than 65,536 characters"),
]


@pytest.mark.parametrize(("text", "character", "message"), REFUSED)
def test_what_segment_refuses_is_an_error_and_matches_nothing(
    text: str, character: int, message: str
) -> None:
    trigger = parse_trigger(text)
    assert list(trigger) == ["error"]
    assert trigger["error"]["character"] == character
    assert message in trigger["error"]["message"]
    assert not decides(trigger, said())
    with pytest.raises(SubscribeError, match=rf"at character {character}: Segment refuses it: "):
        parse_as_trigger(text)


@pytest.mark.parametrize("event", [None, "", [], 5, True])
def test_what_is_no_message_matches_nothing(event: Any) -> None:
    assert decides(parse_trigger('type != "track"'), {})
    assert not decides(parse_trigger('type != "track"'), event)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a.b", ["a", "b"]),
        ("a[0].b", ["a", "0", "b"]),
        ('a["x y"]', ["a", "x y"]),
        ("a['x']", ["a", "x"]),
        ("a[b]", ["a[b]"]),
        ("a..b", ["a", "b"]),
    ],
)
def test_a_path_is_cut_as_segment_cuts_it(path: str, names: list[str]) -> None:
    assert steps(path) == names


@pytest.mark.parametrize(
    ("value", "number"),
    [("10", 10), (" 1.5 ", 1.5), ("", 0), (True, 1), (None, 0), ("1e3", 1000), (10**400, 1e999)],
)
def test_a_number_is_made_as_javascript_makes_it(value: Any, number: float) -> None:
    assert number_of(value) == number


@pytest.mark.parametrize("value", ["ten", "1a", "٣"])
def test_what_is_no_number_compares_with_none(value: str) -> None:
    number = number_of(value)
    assert number != number  # noqa: PLR0124  # not a number


@given(triggers | wild | st.text(st.characters(exclude_categories=()), max_size=20), events)
def test_any_trigger_decides_any_message(text: str, event: dict[str, Any]) -> None:
    assert decides(parse_trigger(text), event) in (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 50_000,
        'event = "A" or ' * 10_000,
        "type = " + "9" * 50_000,
        "a." * 30_000,
        "!" * 50_000,
    ],
)
def test_a_monstrous_trigger_is_read(text: str) -> None:
    assert decides(parse_trigger(text), said()) is False


@pytest.mark.parametrize("holds", [True, False])
def test_a_mapping_that_keeps_a_trigger_decides_unusual_data_as_segment_does(holds: bool) -> None:
    kept = parse_as_trigger('type = "track" and properties.a.b != null')
    event = {"messageId": "m", **said(a=0 if holds else 1)}
    assert kept.matches_payload(event) is holds
    assert kept.matches(message_of(event)) is holds
    assert kept.types == frozenset({"track"})


@given(triggers, events)
def test_a_mapping_that_keeps_a_trigger_decides_as_segment_does(
    text: str, event: dict[str, Any]
) -> None:
    trigger = parse_trigger(text)
    if "error" in trigger:
        return
    kept = parse_as_trigger(text)
    expected = decides(trigger, event)
    assert kept.matches_payload(event) is expected
    assert kept.matches(message_of({"messageId": "m", **event})) is expected
    if expected:
        assert kept.types is None or event["type"] in kept.types
        assert kept.events is None or event.get("event") in kept.events
