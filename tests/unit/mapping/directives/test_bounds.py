"""Neither a mapping nor a message can make evaluating cost more than is bounded."""

import json
from typing import Any

import pytest

from daemon.mapping.directives import MappingFailed, compile_mapping
from daemon.mapping.directives.bounds import (
    ITEM_PARTS,
    KEYS_LENGTH,
    TEMPLATE_LENGTH,
    TEXT_LENGTH,
    VALUE_DEPTH,
)
from daemon.mapping.directives.javascript import TooDeep, check_depth, json_text, text_of
from daemon.mapping.directives.liquid_values import checked, joined
from daemon.mapping.directives.reshaping import flattened, without_gaps, without_nulls
from daemon.mapping.directives.templates import TooLong
from daemon.mapping.paths import MISSING
from tests.unit.mapping.directives.evaluating import evaluated, outcome

LARGE = "x" * 30_000
V = {"@path": "v"}


def nested(levels: int) -> Any:
    value: Any = "x"
    for level in range(levels):
        value = [value] if level % 2 else {"k": value}
    return value


def failure(mapping: Any, event: dict[str, Any]) -> str:
    compiled = compile_mapping(mapping, "f")
    with pytest.raises(MappingFailed) as caught:
        compiled.evaluate(event)
    return str(caught.value)


WALKING = [
    {"@template": "{{v}}"},
    {"@replace": {"pattern": "x", "value": {"@template": "{{v}}"}}},
    {"@json": {"mode": "encode", "value": V}},
    {"@flatten": {"separator": ".", "value": V}},
    {"@excludeWhenNull": V},
    {"@merge": {"direction": "right", "objects": [{"a": [V, {"@path": "gone"}]}]}},
    {"@transform": {"apply": {"a": [{"@path": "gone"}], "b": V}, "mapping": {"@path": ""}}},
]


@pytest.mark.parametrize("mapping", WALKING)
def test_a_value_is_walked_so_deep_and_no_deeper(mapping: Any) -> None:
    lists: Any = "x"
    objects: Any = "x"
    for _ in range(VALUE_DEPTH * 2):
        lists, objects = [lists], {"k": objects}
    assert "the value is nested too deeply" in failure(
        mapping, {"v": objects if "excludeWhenNull" in str(mapping) else [lists, objects]}
    )
    evaluated(mapping, {"v": nested(VALUE_DEPTH - 5)})


@pytest.mark.parametrize(
    "walk",
    [
        text_of,
        json_text,
        check_depth,
        lambda value: without_gaps(value, keep_items=False),
        lambda value: flattened(value, ".", omit_arrays=False),
    ],
)
@pytest.mark.parametrize("kind", ["lists", "objects"])
def test_the_deepest_value_is_of_exactly_so_many_levels(walk: Any, kind: str) -> None:
    value: Any = "x"
    for _ in range(VALUE_DEPTH):
        value = [value] if kind == "lists" else {"k": value}
    walk(value)
    if walk is not text_of or kind == "lists":
        with pytest.raises(TooDeep):
            walk([value] if kind == "lists" else {"k": value})


def test_objects_without_nulls_are_of_exactly_so_many_levels() -> None:
    value: Any = "x"
    for _ in range(VALUE_DEPTH):
        value = {"k": value}
    without_nulls(value)
    with pytest.raises(TooDeep):
        without_nulls({"k": value})


def test_liquid_joins_and_checks_up_to_exactly_the_bound() -> None:
    half = "x" * (TEXT_LENGTH // 2 - 1)
    assert len(joined([half, half], "ab")) == TEXT_LENGTH
    assert len(checked("x" * TEXT_LENGTH)) == TEXT_LENGTH
    for make in (lambda: joined([half, half], "abc"), lambda: checked("x" * (TEXT_LENGTH + 1))):
        with pytest.raises(TooLong):
            make()


def test_the_longest_template_is_of_exactly_so_many_characters() -> None:
    assert evaluated({"@template": "x" * TEMPLATE_LENGTH}, {}) == "x" * TEMPLATE_LENGTH


def test_a_deep_value_that_is_only_handed_on_is_no_matter() -> None:
    deep = nested(900)
    assert outcome({"a": V}, {"v": deep})["a"] is deep


def test_json_that_is_nested_deeply_fails_or_stays_text() -> None:
    decode = {"@json": {"mode": "decode", "value": V}}
    for levels in (VALUE_DEPTH + 1, 900):
        text = "[" * levels + "]" * levels
        assert "nested too deeply" in failure(decode, {"v": text})
    text = "[" * 100_000 + "]" * 100_000
    assert outcome(decode, {"v": text}) == text
    assert outcome(decode, {"v": "[" * 50 + "]" * 50}) == json.loads("[" * 50 + "]" * 50)


def test_text_is_made_so_long_and_no_longer() -> None:
    many = {"@template": "{{v}}" * 20}
    assert failure(many, {"v": LARGE}) == "f/@template: what it makes is too long"
    half = {"v": "x" * (TEXT_LENGTH // 2)}
    assert len(evaluated({"@template": "{{v}}{{v}}"}, half)) == TEXT_LENGTH
    assert "too long" in failure({"@template": "{{v}}{{v}}!"}, half)
    ten = {"pattern": "x", "replacement": "1234567890", "value": V}
    for more in ({}, {"ignorecase": True}, {"replacement": "$'"}, {"replacement": "$`"}):
        assert "too long" in failure({"@replace": {**ten, **more}}, {"v": LARGE})


def test_keys_are_made_so_long_and_no_longer() -> None:
    deep: Any = {f"leaf{index}": 1 for index in range(2_500)}
    for _ in range(VALUE_DEPTH - 2):
        deep = {"k" * 10: deep}
    flat = {"@flatten": {"separator": "_", "value": V}}
    assert KEYS_LENGTH < 2_500 * 10 * VALUE_DEPTH
    assert "too long" in failure(flat, {"v": deep})


def test_lists_are_shaped_so_far_and_no_further() -> None:
    shape = {f"k{index}": index for index in range(999)}
    most = ITEM_PARTS // 1_000
    mapping = {"@arrayPath": ["v", {**shape, "v": {"@path": "gone"}}]}
    assert len(evaluated(mapping, {"v": [1] * (most - 10)})) == most - 10
    assert "the list has more than" in failure(mapping, {"v": [1] * (most + 1)})


def test_paths_and_templates_from_the_event_are_bounded() -> None:
    for name in ("@path", "@template"):
        assert "has more than 10000 characters" in failure({name: V}, {"v": LARGE})
        evaluated({name: V}, {"v": "a." * (TEMPLATE_LENGTH // 2)})


@pytest.mark.parametrize(("digits", "exact"), [(400, "1" + "0" * 400), (5_000, "Infinity")])
def test_numbers_too_large_for_javascript_harm_nothing(digits: int, exact: str) -> None:
    number = 10**digits
    event = {"v": number}
    assert outcome({"@template": "{{v}}"}, event) == exact
    in_json = "null" if exact == "Infinity" else exact
    assert outcome({"@json": {"mode": "encode", "value": [V]}}, event) == f"[{in_json}]"
    assert outcome({"@liquid": "{{ v | plus: 1 }}"}, event) == "Infinity"
    assert outcome({"@liquid": "{{ v }}"}, event) == exact
    assert outcome({"@date": V, "on_error": "drop"}, event) is MISSING
    assert outcome({"@string": V}, event) == exact
    assert outcome({"@number": V}, event) == number
    assert outcome({"@boolean": V, "on_error": "drop"}, event) is MISSING
    assert outcome({"@replace": {"pattern": "-", "value": V}}, event) == exact
    assert outcome({"@if": {"blank": V, "then": 1}}, event) == 1
    assert outcome({"@template": "{{v}}"}, {"v": -(10**5_000)}) == "-Infinity"


def test_a_number_in_a_path_may_be_any() -> None:
    event = {"v": [1, 2], "t": "text"}
    for name in ("v.99999999999999999999", "t.99999999999999999999", "v.²", "t.٣"):
        assert outcome({"a": {"@path": name}}, event) == {}
