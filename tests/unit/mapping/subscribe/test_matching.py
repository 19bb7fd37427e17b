"""What a subscribe string matches: operators, precedence, paths, text, and what it reads."""

from typing import Any

import pytest

from daemon.domain.messages import SEGMENT_TYPES, Message
from daemon.mapping.subscribe import SubscribeError, parse
from daemon.mapping.subscribe.roots import ROOTS, Root
from daemon.mapping.subscribe.syntax import OBJECT
from tests.unit.mapping.making import message
from tests.unit.mapping.subscribe.saying import payload_of

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
    (r'traits.first\ name = "Ann"', {"traits": {"first name": "Ann"}}, True),
    (r'traits.a\.b = "Ann"', {"traits": {"a.b": "Ann"}}, True),
    (r'traits.a\.b = "Ann"', {"traits": {"a": {"b": "Ann"}}}, False),
    (r"traits.\$x\\ = 1", {"traits": {"$x\\": 1}}, True),
    ('traits.0.x = "Ann"', {"traits": {"0": {"x": "Ann"}}}, True),
    ("traits.a.00 = 1", {"traits": {"a": [1]}}, True),
    ("traits.a.9999999999 = null", {"traits": {"a": [1]}}, True),
    (r"traits.x = 'a \\ b'", {"traits": {"x": "a \\ b"}}, True),
    ("traits.x = 'line\nbreak'", {"traits": {"x": "line\nbreak"}}, True),
    # a value on the left, a path on the right
    ('"track" = type', {}, True),
    ("3 < traits.n", {"traits": {"n": 4}}, True),
    ("3 < traits.n", {"traits": {"n": 3}}, False),
    ("traits.a = properties.b", {"traits": {"a": 1}, "properties": {"b": 1.0}}, True),
    ("traits.a = properties.b", {"traits": {"a": 1}, "properties": {"b": True}}, False),
    ("traits.a = properties.b", {"traits": {"a": [1, {"x": "y"}]}, "properties": {}}, False),
    (
        "traits.a = properties.b",
        {"traits": {"a": [1, {"x": "y"}]}, "properties": {"b": [1, {"x": "y"}]}},
        True,
    ),
    ("traits.a = properties.b", {"traits": {"a": [1]}, "properties": {"b": [True]}}, False),
    ("traits.a = properties.b", {"traits": {"a": [1]}, "properties": {"b": [1, 2]}}, False),
    ("traits.a = properties.b", {"traits": {"a": {"x": 1}}, "properties": {"b": {"y": 1}}}, False),
    ("traits.a = properties.b", {}, True),
    ("traits.a < properties.b", {"traits": {"a": 1}, "properties": {"b": 2}}, True),
    ("traits.a < properties.b", {"traits": {"a": "1"}, "properties": {"b": 2}}, False),
    # !=
    ('event != "A"', {"event": "B"}, True),
    ('event != "A"', {"event": "A"}, False),
    ('event != "A"', {}, True),
    ("traits.x != null", {"traits": {"x": 0}}, True),
    ("traits.x != null", {"traits": {"x": None}}, False),
    ("traits.x != null", {}, False),
    ("traits.x != 1", {"traits": {"x": 1.0}}, False),
    ("traits.x != 1", {"traits": {"x": True}}, True),
    ("traits.x != true", {"traits": {"x": 1}}, True),
    ("traits.x != true", {"traits": {"x": True}}, False),
    # < <= > >= are for numbers
    ("traits.n > 1", {"traits": {"n": 1.5}}, True),
    ("traits.n > 1", {"traits": {"n": 1}}, False),
    ("traits.n >= 1", {"traits": {"n": 1}}, True),
    ("traits.n < -1", {"traits": {"n": -2}}, True),
    ("traits.n <= 1e2", {"traits": {"n": 100}}, True),
    ("traits.n <= 1e2", {"traits": {"n": 101}}, False),
    ("traits.n > 1", {"traits": {"n": "2"}}, False),
    ("traits.n > 0", {"traits": {"n": True}}, False),
    ("traits.n > 0", {"traits": {"n": [1]}}, False),
    ("traits.n > 0", {}, False),
    ("!(traits.n > 0)", {}, True),
    # in
    ("traits.n in [1, 'a']", {"traits": {"n": 1.0}}, True),
    ("traits.n in [2.0]", {"traits": {"n": 2}}, True),
    ("!(event in ['A'])", {"event": "B"}, True),
    ("traits.x in [1, 'a', null]", {"traits": {"x": []}}, False),
    ("traits.x in [1, 'a', null]", {"traits": {"x": {"a": 1}}}, False),
    # precedence: ! before comparisons, before and, before or
    ('event = "A" or event = "B" and type = "page"', {"event": "A"}, True),
    ('(event = "A" or event = "B") and type = "page"', {"event": "A"}, False),
    ('type = "page" and event = "B" or event = "A"', {"event": "A"}, True),
    ('type = "page" and (event = "B" or event = "A")', {"event": "A"}, False),
    ('!contains(event, "A") or type = "track"', {"event": "A"}, True),
    ('!(contains(event, "A") or type = "track")', {"event": "B"}, False),
    ('!contains(event, "A") = true', {"event": "B"}, True),
    ('!!(event = "A")', {"event": "A"}, True),
    ('(event = "A") = false', {"event": "B"}, True),
    ('((((event)))) = ("A")', {"event": "A"}, True),
    ("true", {}, True),
    ("false", {}, False),
    ('type = "track" and false', {}, False),
    ('type = "track"\n  and\tevent = "A"', {"event": "A"}, True),
    ('event="A"and(type="track")', {"event": "A"}, True),
]


@pytest.mark.parametrize(("text", "said", "matches"), MATCHES)
def test_a_subscribe_string_matches_what_it_says(
    text: str, said: dict[str, Any], matches: bool
) -> None:
    one = message(**said)
    assert parse(text).matches(one) is matches
    assert parse(text).matches_payload(payload_of(one)) is matches


@pytest.mark.parametrize(
    ("text", "types", "events", "operands"),
    [
        ('type = "track"', {"track"}, None, {"type"}),
        ('$.type in ["track", "page"]', {"track", "page"}, None, {"type"}),
        ('type = "track" or type = "page"', {"track", "page"}, None, {"type"}),
        ('type = "track" or event = "A"', None, None, {"type", "event"}),
        ('type = "track" and event = "A"', {"track"}, {"A"}, {"type", "event"}),
        ("$.traits.ok = false", None, None, {"traits.ok"}),
        ('type != "track"', SEGMENT_TYPES - {"track"}, None, {"type"}),
        ('!(type != "track")', {"track"}, None, {"type"}),
        ('!(type = "track" or event = "A")', SEGMENT_TYPES - {"track"}, None, {"type", "event"}),
        ('match(type, "*t*")', {"track", "identify", "delete"}, None, {"type"}),
        ('lowercase(type) in ["page"]', {"page"}, None, {"type"}),
        ("length(type) = 5", {"track", "group", "alias"}, None, {"type"}),
        ('type = "track" and type = "page"', set(), None, {"type"}),
        ('type = "track" and traits.x = type', {"track"}, None, {"type", "traits.x"}),
        ('(type = "track") = false', SEGMENT_TYPES - {"track"}, None, {"type"}),
        ("false", set(), set(), set()),
        ("true", None, None, set()),
        ('type = "track" and (false or event in ["A", "B"])', {"track"}, {"A", "B"}, None),
        ('event in ["A", "B"] and event != "B"', None, {"A"}, {"event"}),
        ('!(event != "A" and event != "B")', None, {"A", "B"}, {"event"}),
        ('event = "A" and contains(event, "B")', None, {"A"}, {"event"}),
        ('event in ["A", null]', None, {"A", None}, {"event"}),
        ('event = "A" or name = "B"', None, None, {"event", "name"}),
        ('"A" = event', None, {"A"}, {"event"}),
        ("event = traits.x", None, None, {"event", "traits.x"}),
        ('contains(event, traits.x) and event = "A"', None, {"A"}, {"event", "traits.x"}),
        (r'traits.first\ name = "a"', None, None, {r"traits.first\ name"}),
    ],
)
def test_what_can_match_is_known_beforehand(
    text: str,
    types: set[str] | None,
    events: set[str | None] | None,
    operands: set[str] | None,
) -> None:
    read = parse(text)
    assert read.types == types
    assert read.events == events
    assert operands is None or read.operands == operands
    assert read.text == text


@pytest.mark.parametrize("root", [root.name for root in ROOTS])
def test_every_root_is_read_alike_in_a_message_and_in_json(root: str) -> None:
    one = Message(
        type="track",
        message_id="m",
        received_at=1,
        effective_at=1,
        source="web",
        user_id="u",
        anonymous_id="a",
        event="e",
        name="n",
        category="c",
        group_id="g",
        traits={"x": "t"},
        properties={"x": "p"},
        context={"x": "k"},
    )
    of_its_own = {"traits": "t", "properties": "p", "context": "k"}
    expected = of_its_own.get(root, payload_of(one)[root])
    path = f"{root}.x" if root in of_its_own else root
    read = parse(f'{path} = "{expected}"')
    assert read.matches(one)
    assert read.matches_payload(payload_of(one))


@pytest.mark.parametrize("payload", [None, [], "track", 1, True, {}, {"traits": 5}])
def test_what_is_no_message_reads_as_empty(payload: Any) -> None:
    assert parse("traits.x != null").matches_payload(payload) is False
    assert parse("traits.x = null").matches_payload(payload) is isinstance(payload, dict)


def test_a_further_root_can_be_read_where_there_is_one() -> None:
    plans = Root("profile", OBJECT, lambda _: {"plan": "pro"}, lambda json: json["profile"])
    read = parse('$.profile.plan = "pro" and type = "track"', roots=(*ROOTS, plans))
    assert read.operands == {"profile.plan", "type"}
    assert read.types == frozenset({"track"})
    assert read.matches(message())
    assert read.matches_payload({"type": "track", "profile": {"plan": "pro"}})
    assert not read.matches_payload({"type": "track", "profile": {}})
    with pytest.raises(SubscribeError, match=r"`profile.plan` is no part of a message"):
        parse('profile.plan = "pro"')
