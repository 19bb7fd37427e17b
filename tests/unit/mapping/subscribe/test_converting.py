"""A converted trigger decides as Segment did; where it can't, or says otherwise, it warns."""

from typing import Any

import pytest
from hypothesis import given, settings

from daemon.mapping.subscribe import SubscribeError, convert, decides, parse, parse_trigger
from tests.unit.mapping.subscribe.triggering import events, triggers, wild

FAITHFUL = [
    ('type = "track"', 'type = "track"'),
    ("type = track", 'type = "track"'),
    ('type="track" and event!="Order Completed"', 'type = "track" and event != "Order Completed"'),
    ('type = "track" and', 'type = "track"'),
    (
        'type = "track" and (event = "A" or event = "B")',
        'type = "track" and (event = "A" or event = "B")',
    ),
    (
        '(event = "A" and userId != null) or (name = "B")',
        'event = "A" and userId != null or name = "B"',
    ),
    (
        '(type = "track" and event = "A") and name = null',
        'type = "track" and event = "A" and name = null',
    ),
    ("properties.n = 5", "properties.n = 5"),
    ("properties.n >= -1.5", "properties.n >= -1.5"),
    ('properties.n < "10"', "properties.n < 10"),
    ("properties.n != 5", 'typeof(properties.n) = "number" and properties.n != 5'),
    ("traits.vip = true", "traits.vip = true"),
    ("traits.vip = false", "traits.vip = false"),
    ("traits.plan != null", "traits.plan != null"),
    ('contains(event, "Nike")', 'contains(event, "Nike")'),
    ('!contains(event, "x")', 'typeof(event) = "string" and !contains(event, "x")'),
    ('match(event, "Order*")', 'match(event, "Order*")'),
    ('match(event, "*d")', 'match(event, "*d")'),
    ('match(event, "*")', 'match(event, "*")'),
    ('!match(traits.a, "x*")', 'typeof(traits.a) = "string" and !match(traits.a, "x*")'),
    (r'properties.first\ name = "a"', r'properties.first\ name = "a"'),
    (
        'context.personas.event_emitter_id = "ee_1"',
        'context.personas.event_emitter_id = "ee_1"',
    ),
    ("userId = true or userId != null", "userId != null"),
]


@pytest.mark.parametrize(("text", "converted"), FAITHFUL)
def test_what_both_say_alike_is_converted_without_a_word(text: str, converted: str) -> None:
    found = convert(text)
    assert found.text == converted
    assert found.warnings == ()
    assert found.intended is None


WRITTEN: list[tuple[str, str, str | None, str]] = [
    # trigger, converted, intended, warning
    (
        'type = "page" or event = "A" and traits.x = 1',
        'type = "page" and event = "A" and traits.x = 1',
        'type = "page" or event = "A" and traits.x = 1',
        "30: Segment knows no precedence: the last `and` or `or` joins all its group",
    ),
    (
        "type = 'track'",
        "false",
        'type = "track"',
        "8: Segment takes single quotes for part of the text",
    ),
    (
        "event = 'A' or name = \"B\"",
        'event = "\'A\'" or name = "B"',
        'event = "A" or name = "B"',
        "9: Segment takes single quotes for part of the text",
    ),
    (
        'type == "track" and event == "A"',
        "false",
        'type = "track" and event = "A"',
        "7: Segment takes the second `=` of `==` for the value",
    ),
    (
        'type = "track" && event = "A"',
        "false",
        'type = "track" and event = "A"',
        "16: Segment refuses it: `&` begins nothing Segment's triggers know",
    ),
    (
        'type = "page" OR event = "A"',
        'type = "page" and event = "A"',
        'type = "page" or event = "A"',
        "15: Segment passes over `OR`",
    ),
    (
        '!(event = "A")',
        'event = "A"',
        '!(event = "A")',
        "1: Segment passes over `!` except before contains and match",
    ),
    ('not (event = "A")', 'event = "A"', '!(event = "A")', "1: Segment passes over `not`"),
    (
        'event in ["A", "B"] or name = "C"',
        'name = "C"',
        'event in ["A", "B"] or name = "C"',
        "7: `in` never matches in Segment's triggers",
    ),
    (
        'anonymousId = "x"',
        "false",
        'anonymousId = "x"',
        (
            "1: Segment refuses it: `anonymousId` is none of type, event, name, userId,"
            " properties, traits, context"
        ),
    ),
    (
        'lowercase(event) = "a"',
        "false",
        'lowercase(event) = "a"',
        "11: Segment refuses it: no value follows `event`",
    ),
    (
        'match(event, "Ev")',
        'match(event, "*v")',
        'match(event, "Ev")',
        "14: Segment takes this pattern for: ends with `v`",
    ),
    (
        'match(event, "*v*")',
        r'match(event, "\*v*")',
        'match(event, "*v*")',
        "14: Segment takes this pattern for: starts with `*v`",
    ),
    (
        "traits.vip != true",
        'traits.vip != "true"',
        "traits.vip != true",
        "15: Segment compares with the text `true`",
    ),
    (
        "event != null",
        'event != "null"',
        "event != null",
        "10: Segment compares event with the text `null`",
    ),
    ("type =", "false", None, "7: nothing follows the operator; Segment compares with `eos`"),
    ('type = "Track"', "false", None, "1: no message of Segment's has the type `Track`"),
    ('type != "Track"', "true", None, "1: no message of Segment's has the type `Track`"),
    (
        r'event = "a\b"',
        r'event = "a\\b"',
        None,
        r"9: Segment has no escapes in text: each `\` stands for itself",
    ),
    (
        "properties.n = 1e3",
        "properties.n = 1",
        "properties.n = 1000.0",
        "17: Segment passes over `e3`",
    ),
    (
        'properties.list.0 = "a"',
        "false",
        'properties.list.0 = "a"',
        "16: Segment reads no list elements here, nor parts named null, and, or",
    ),
    (
        r'properties.a\.b = "a"',
        'properties.a.b = "a"',
        r'properties.a\.b = "a"',
        "1: Segment's paths break at `.`, escaped or not",
    ),
    ("properties.n < ten", "false", None, "1: Segment compares with what is no number"),
    ("", "false", None, "1: Segment refuses it: there is no condition"),
]


@pytest.mark.parametrize(("text", "converted", "intended", "warning"), WRITTEN)
def test_where_the_writing_says_something_else_both_are_told(
    text: str, converted: str, intended: str | None, warning: str
) -> None:
    found = convert(text)
    assert found.text == converted
    assert found.intended == intended
    assert warning in [f"{w.character}: {w.says}" for w in found.warnings if w.kind == "written"]


DATA = [
    (
        "properties.a.b != null",
        {"a": 0},
        "Segment reads `properties.a` itself where it is 0, false",
    ),
    ("properties.a.b = false", {"a": False}, "Segment reads `properties.a` itself"),
    ("properties.a.b < 10", {"a": 0}, "Segment reads `properties.a` itself"),
    ('properties.a.b != ""', {"a": ""}, "Segment reads `properties.a` itself"),
    ('!contains(properties.a.b, "x")', {"a": ""}, "Segment reads `properties.a` itself"),
    ("properties.a.length > 3", {"a": "long enough"}, "of text Segment reads the length"),
    ("properties.n = 9007199254740993", {"n": 9007199254740993}, "Segment rounds numbers as large"),
]


@pytest.mark.parametrize(("text", "properties", "warning"), DATA)
def test_data_that_would_be_decided_otherwise_is_warned_of(
    text: str, properties: dict[str, Any], warning: str
) -> None:
    found = convert(text)
    assert [note.kind for note in found.warnings] == ["data"]
    assert found.warnings[0].says.startswith(warning)
    event = {"type": "track", "properties": properties}
    assert parse(found.text).matches_payload(event) is not decides(parse_trigger(text), event)


@pytest.mark.parametrize(
    "text",
    [
        "properties.a.b = 5",
        "properties.a.b > 5",
        'properties.a.b = "x"',
        'properties.a.b != "x"',
        "properties.a.b = true",
        'contains(properties.a.b, "x")',
    ],
)
def test_a_nested_path_alone_is_no_reason_to_warn(text: str) -> None:
    assert convert(text).warnings == ()


def test_javascripts_own_names_are_warned_of() -> None:
    (warning,) = convert("properties.constructor != null").warnings
    assert (warning.kind, warning.says) == (
        "data",
        "for Segment `constructor` exists in every object",
    )


UNRECORDED = [
    ('(contains(event, "A"))', "a function stands in parentheses"),
    ('type = "track" and groupId = "x"', "`groupId` stands among conditions"),
    ("event = 5", "event is compared with a number"),
    ("event = true", "event `=` true"),
    ("properties.n < null", "`<` compares with null"),
    ("properties.n < true", "properties `<` true"),
    ("properties.n like 5", "`like` stands in place of an operator"),
    ('event = "A" "B"', '`"B"` stands where nothing takes it'),
    ("event = (", "`(` stands in place of a value"),
    ("contains(event, 5)", "`5` is no text in quotes"),
    ("contains(event", "contains is not written out"),
    ('!event = "A"', "`!` stands before something else than parentheses"),
    ("properties = 5", "properties stands with no or needless names"),
]


@pytest.mark.parametrize(("text", "says"), UNRECORDED)
def test_what_is_not_on_record_is_warned_of(text: str, says: str) -> None:
    found = [note.says for note in convert(text).warnings if note.kind == "unrecorded"]
    assert f"{says}; how Segment reads that is not on record" in found


@settings(max_examples=400)
@given(triggers | wild, events)
def test_without_a_warning_about_data_both_decide_the_same(
    text: str, event: dict[str, Any]
) -> None:
    converted = convert(text)
    if not any(note.kind == "data" for note in converted.warnings):
        expected = decides(parse_trigger(text), event)
        assert parse(converted.text).matches_payload(event) is expected


@given(triggers | wild)
def test_what_is_intended_can_be_used(text: str) -> None:
    converted = convert(text)
    if converted.intended is not None:
        assert any(note.kind == "written" for note in converted.warnings)
        assert converted.intended != converted.text
        parse(converted.intended)


@given(triggers, events)
def test_without_any_warning_the_full_language_reads_the_trigger_alike_or_refuses_it(
    text: str, event: dict[str, Any]
) -> None:
    converted = convert(text)
    if converted.warnings:
        return
    assert decides(parse_trigger(text), event) is parse(converted.text).matches_payload(event)


def test_a_trigger_too_long_for_the_full_language_is_refused() -> None:
    text = " and ".join(f'!contains(event, "{number}")' for number in range(1_500))
    with pytest.raises(SubscribeError, match=r"it is longer than 65,536 bytes"):
        convert(text)
