"""What is compiled decides as the naive reading does, whatever the string and the message."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.mapping.subscribe import SubscribeError, parse
from daemon.mapping.subscribe.cursor import MAX_NESTING
from daemon.mapping.subscribe.parser import MAX_LIST, read
from daemon.mapping.subscribe.roots import ROOTS
from daemon.mapping.subscribe.syntax import Node
from daemon.mapping.subscribe.tokens import MAX_BYTES
from daemon.mapping.subscribe.writing import write
from tests.unit.mapping.making import message
from tests.unit.mapping.subscribe.naive import holds
from tests.unit.mapping.subscribe.saying import conditions, message_of, payloads

CHARACTERS = st.characters(exclude_categories=())
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(CHARACTERS, max_size=5)
    | st.just(10**400),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3)
    ),
    max_leaves=6,
)


@given(conditions, payloads)
def test_the_compiled_form_agrees_with_a_naive_reading(
    condition: Node, payload: dict[str, Any]
) -> None:
    read_text = parse(write(condition))
    expected = holds(condition, payload)
    assert read_text.matches_payload(payload) is expected
    assert read_text.matches(message_of(payload)) is expected


@given(conditions, payloads)
def test_what_matches_is_among_what_can_match(condition: Node, payload: dict[str, Any]) -> None:
    read_text = parse(write(condition))
    if read_text.matches_payload(payload):
        assert read_text.types is None or payload["type"] in read_text.types
        assert read_text.events is None or payload.get("event") in read_text.events


@given(conditions)
def test_a_condition_that_is_written_is_read_as_the_same(condition: Node) -> None:
    once = read(write(condition), ROOTS)
    assert repr(read(write(once), ROOTS)) == repr(once)


@given(conditions, st.dictionaries(st.sampled_from([root.name for root in ROOTS]), ANY_JSON))
def test_no_json_makes_it_raise(condition: Node, payload: dict[str, Any]) -> None:
    read_text = parse(write(condition))
    assert read_text.matches_payload(payload) in (True, False)


def test_deeply_nested_values_are_compared() -> None:
    deep: Any = []
    other: Any = []
    for _ in range(100_000):
        deep, other = [deep], [other]
    equal = parse("traits.a = properties.a")
    assert equal.matches(message(traits={"a": deep}, properties={"a": other}))
    assert not equal.matches(message(traits={"a": deep}, properties={"a": [other]}))


PIECES = st.sampled_from(
    [
        *("type", "event", "traits.x", r"traits.\ ", "$.", "contains", "match", "length", "typeof"),
        *("=", "!=", "<", ">=", "==", "&&", "||", "in", "or", "and", "AND", "not", "!", "is"),
        *("(", ")", "((((", "[", "]", ",", '"', "'", '"track"', "'a'", '"[a"', '"*"', "\\", "."),
        *("1", "-1.5", "1e999", "9" * 50, "true", "null", "$", "\n", "é", "“", "\ud800", "~"),
    ]
)


@given(st.lists(PIECES, max_size=14).map(" ".join) | st.text(CHARACTERS, max_size=30))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with suppress(SubscribeError):
        assert parse(text).matches(message(event="a")) in (True, False)


@given(st.text(st.sampled_from("type=\"track'!()[]andor .\\<>,*5$"), max_size=40))
def test_any_mixture_of_signs_is_read_or_refused_on_one_line(text: str) -> None:
    refused: list[SubscribeError] = []
    try:
        parse(text)
    except SubscribeError as error:
        refused.append(error)
    for each in refused:
        assert 1 <= each.character <= len(text) + 1
        assert "\n" not in str(each)
        assert str(each).encode()


@pytest.mark.parametrize(
    "text",
    [
        "(" * 60_000,
        "!" * 60_000,
        "lowercase(" * 6_000,
        "[" * 60_000,
        '"' + "\\" * 60_000,
        "a." * 30_000,
        "-" * 60_000,
        "traits" + ".a" * 30_000,
        "event = " + "9" * 60_000,
        'match(event, "' + "*" * 60_000 + '")',
        "true and " * 7_000,
    ],
)
def test_a_monstrous_string_is_refused(text: str) -> None:
    with pytest.raises(SubscribeError):
        parse(text)


def test_bounds_are_wide_enough_and_kept() -> None:
    most = ", ".join(['"a"'] * MAX_LIST)
    assert parse(f"event in [{most}]").matches(message(event="a"))
    with pytest.raises(SubscribeError, match=r"a list holds at most 1,000 values"):
        parse(f'event in [{most}, "b"]')
    deepest = "(" * MAX_NESTING + 'event = "a"' + ")" * MAX_NESTING
    assert parse(deepest).matches(message(event="a"))
    with pytest.raises(SubscribeError, match=r"at character 33: it is nested more than 32 deep"):
        parse(f"({deepest})")
    longest = 'event = "a"' + " " * (MAX_BYTES - 11)
    assert parse(longest).matches(message(event="a"))
    with pytest.raises(SubscribeError, match=r"character 65537: it is longer than 65,536 bytes"):
        parse(longest + " ")
    with pytest.raises(SubscribeError, match=r"character 32769: it is longer"):
        parse("é" * 40_000)


def test_many_conditions_are_read() -> None:
    text = " or ".join(f'event = "{number}"' for number in range(3_000))
    read_text = parse(text)
    assert read_text.matches(message(event="2999"))
    assert read_text.events == frozenset(str(number) for number in range(3_000))
