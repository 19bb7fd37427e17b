"""The part of the subscribe language that exists: `=`, `in`, `or`; all else refused in words."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.mapping.subscribe import SubscribeError, parse
from tests.unit.mapping.making import message

ORDER = {"event": "Order Completed"}

MATCHES: list[tuple[str, dict[str, Any], bool]] = [
    ('type = "track"', {}, True),
    ("type = 'track'", {}, True),
    ('  type="track"  ', {}, True),
    ('$.type = "track"', {}, True),
    ('type = "identify"', {}, False),
    ('type in ["identify", "track"]', {}, True),
    ('type in ["identify", "page"]', {}, False),
    ('event = "Order Completed"', ORDER, True),
    ('event = "order completed"', ORDER, False),
    ('event = "Order Completed"', {}, False),
    ('event in ["Order Completed"]', ORDER, True),
    ("event in ['A', \"Order Completed\"]", ORDER, True),
    ('event = "A" or event = "Order Completed"', ORDER, True),
    ('event = "Order Completed" or event = "A"', ORDER, True),
    ('event = "A" or event = "B"', ORDER, False),
    ('event = "A" or event = "B" or type = "track"', ORDER, True),
    ('event = "A or B"', {"event": "A or B"}, True),
    (r'event = "a \"b\" c"', {"event": 'a "b" c'}, True),
    (r"event = 'it\'s'", {"event": "it's"}, True),
    ('userId = "u1"', {}, True),
    ('userId = "u1"', {"user": None, "anonymous": "a"}, False),
    ('anonymousId = "a"', {"anonymous": "a"}, True),
    ("traits.ok = false", {"traits": {"ok": False}}, True),
    ("traits.ok = false", {"traits": {"ok": "false"}}, False),
    ("traits.ok = false", {"traits": {"ok": 0}}, False),
    ("traits.ok = false", {"traits": {"ok": None}}, False),
    ("traits.ok = false", {}, False),
    ("traits.ok = true", {"traits": {"ok": True}}, True),
    ("traits.ok = true", {"traits": {"ok": 1}}, False),
    ("traits.ok = 1", {"traits": {"ok": True}}, False),
    ('traits.ok = "true"', {"traits": {"ok": True}}, False),
    ("traits.n = 1", {"traits": {"n": 1}}, True),
    ("traits.n = 1", {"traits": {"n": 1.0}}, True),
    ("traits.n = 1.5", {"traits": {"n": 1.5}}, True),
    ("traits.n = -2", {"traits": {"n": -2}}, True),
    ("traits.n = 1", {"traits": {"n": "1"}}, False),
    ("traits.n in [1, 2.5, true]", {"traits": {"n": 2.5}}, True),
    ("traits.n in [1, 2.5, true]", {"traits": {"n": True}}, True),
    ("traits.n in [1, 2.5]", {"traits": {"n": True}}, False),
    ("traits.x = null", {"traits": {"x": None}}, True),
    ("traits.x = null", {}, True),
    ("traits.x.y = null", {"traits": {"x": 1}}, True),
    ('traits.x in ["a", null]', {}, True),
    ("userId = null", {"user": None, "anonymous": "a"}, True),
    ("userId = null", {}, False),
    ("traits.x = null", {"traits": {"x": ""}}, False),
    (
        'properties.cart.items.0.sku = "s"',
        {"properties": {"cart": {"items": [{"sku": "s"}]}}},
        True,
    ),
    (
        'properties.cart.items.1.sku = "s"',
        {"properties": {"cart": {"items": [{"sku": "s"}]}}},
        False,
    ),
    ('context.page.path = "/"', {"context": {"page": {"path": "/"}}}, True),
    ('traits.first_name = "Ann"', {"traits": {"first_name": "Ann"}}, True),
    ('traits.first-name = "Ann"', {"traits": {"first-name": "Ann"}}, True),
]


@pytest.mark.parametrize(("text", "said", "matches"), MATCHES)
def test_a_subscribe_string_matches_what_it_says(
    text: str, said: dict[str, Any], matches: bool
) -> None:
    assert parse(text).matches(message(**said)) is matches


REFUSED = [
    ('type = "track" and event = "A"', 16, "expected `or`, found `and`; so far there are"),
    ('type != "track"', 6, "`!=` is not available; so far there are `=`, `in` and `or`"),
    ('event == "A"', 7, "`==` is not available; so far there are `=`, `in` and `or`"),
    ("traits.n > 3", 10, "`>` is not available"),
    ("traits.n <= 3", 10, "`<=` is not available"),
    ('(type = "track")', 1, "`(` is not available: no parentheses, functions or negation"),
    ('type = "track" or (event = "A")', 19, "`(` is not available: no parentheses"),
    ('contains(event, "A")', 1, "`contains` is not available: no parentheses, functions"),
    ('lowercase(event) = "a"', 1, "`lowercase` is not available"),
    ('not event = "A"', 1, "`not` is not available"),
    ('!event = "A"', 1, "`!` is not available"),
    ('event = "A', 9, 'the text that begins with " is not closed'),
    ("event = 'A", 9, "the text that begins with ' is not closed"),
    ('event in ["A", "B]', 16, 'the text that begins with " is not closed'),
    ("event = A", 9, "expected text in quotes, a number, true, false or null, found `A`"),
    ("event = True", 9, "found `True`"),
    ('event in "A"', 10, 'expected `[`, found `"A"`'),
    ("event in []", 11, "found `]`"),
    ('event in ["A",]', 15, "found `]`"),
    ('event in ["A" "B"]', 15, 'expected `,` or `]`, found `"B"`'),
    ('event in ["A"', 14, "it ends too early"),
    ("event", 6, "it ends too early"),
    ("event =", 8, "it ends too early"),
    ('event = "A" or', 15, "it ends too early"),
    ("", 1, "it ends too early"),
    ("   ", 4, "it ends too early"),
    ('event = "A" event = "B"', 13, "expected `or`, found `event`"),
    ('event = "A" OR event = "B"', 13, "expected `or`, found `OR`"),
    ('"track" = type', 1, "expected a path such as type or traits.plan"),
    ('plan = "pro"', 1, "`plan` is no part of a message; use one of type, event, name"),
    ('user.plan = "pro"', 1, "`user.plan` is no part of a message"),
    ('event.name = "A"', 1, "`event.name` is no part of a message"),
    ('traits..plan = "A"', 1, "`traits..plan` is no part of a message"),
    ('type = "trak"', 8, "type is one of alias, delete, group, identify, page, screen, track"),
    ("type = true", 8, "type is one of"),
    ('type in ["track", "Identify"]', 29, "type is one of"),
    ("event = #", 9, "`#` is not understood"),
]


@pytest.mark.parametrize(("text", "character", "sentence"), REFUSED)
def test_what_is_not_available_is_refused_with_its_place(
    text: str, character: int, sentence: str
) -> None:
    with pytest.raises(SubscribeError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"at character {character}: ")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "types", "operands"),
    [
        ('type = "track"', {"track"}, {"type"}),
        ('$.type in ["track", "page"]', {"track", "page"}, {"type"}),
        ('type = "track" or type = "page"', {"track", "page"}, {"type"}),
        ('type = "track" or event = "A"', None, {"type", "event"}),
        ("$.traits.ok = false", None, {"traits.ok"}),
    ],
)
def test_the_types_that_can_match_are_known_beforehand(
    text: str, types: set[str] | None, operands: set[str]
) -> None:
    read = parse(text)
    assert read.types == types
    assert read.operands == operands
    assert read.text == text


PIECES = st.sampled_from(
    [
        "type",
        "event",
        "traits.x",
        "=",
        "in",
        "or",
        "and",
        "(",
        ")",
        "[",
        "]",
        ",",
        '"',
        "'",
        '"track"',
        "'a'",
        "1",
        "-1.5",
        "true",
        "null",
        "!",
        "!=",
        "==",
        "$",
        "\\",
        ".",
        "\n",
        "é",
    ]
)


@given(st.lists(PIECES, max_size=10).map(" ".join) | st.text(max_size=30))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with suppress(SubscribeError):
        assert parse(text).matches(message(event="a")) in (True, False)
