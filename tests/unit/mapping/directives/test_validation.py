"""What is wrong with a mapping is said at once, all of it, with its place."""

import datetime as dt
from typing import Any

import pytest

from daemon.mapping.directives import MappingFailed, MappingInvalid, compile_field, compile_mapping
from daemon.mapping.directives.bounds import MAPPING_DEPTH, MAPPING_PARTS, TEMPLATE_LENGTH
from tests.unit.mapping.directives.evaluating import problems

A = {"@path": "a"}
BOGUS = {"@bogus": 1}
MISTAKES: list[tuple[Any, str]] = [
    (BOGUS, "/: @bogus is no directive; there are @arrayPath, "),
    ({"@": 1}, "/: @ is no directive"),
    ({"@Path": "a"}, "/: @Path is no directive"),
    ({"@toString": "a"}, "/: @toString is no directive"),
    ({"@path": "a", "x": 1}, "/: must hold nothing beside @path"),
    ({"@path": "a", "@case": {}}, "/: must hold one directive, not @case, @path"),
    ({"x": {"_metadata": BOGUS}}, "/x/_metadata: @bogus is no directive"),
    ({1: "x"}, "/: must have text for keys; put `1` in quotes"),
    ({"x": dt.date(2026, 1, 2)}, "/x: must be a JSON value, not a date; put it in quotes"),
    ({"x": float("nan")}, "/x: must be a number JSON has"),
    ({"x": ("a",)}, "/x: must be a JSON value, not a tuple"),
    ([BOGUS], "/0: @bogus is no directive"),
    ({"x": [{"y": BOGUS}]}, "/x/0/y: @bogus is no directive"),
    ({"@path": False}, "/@path: must be text or a directive, not true or false"),
    ({"@path": None}, "/@path: must be text or a directive, not null"),
    ({"@path": {"a": 1}}, "/@path: must be text or a directive, not an object"),
    ({"@path": {"@path": 5}}, "/@path/@path: must be text or a directive, not a number"),
    ({"@path": {"@literal": 5}}, "/@path: must be text, not a number"),
    ({"@template": 5}, "/@template: must be text or a directive, not a number"),
    ({"@template": "x" * (TEMPLATE_LENGTH + 1)}, "/@template: must have at most 10000 characters"),
    ({"@literal": [BOGUS]}, "/@literal/0: @bogus is no directive"),
    ({"@if": "x"}, "/@if: must be an object, not text"),
    ({"@if": A}, "/@if: must be an object, not a directive"),
    ({"@if": {}}, "/@if: must have `exists` or `blank`"),
    ({"@if": {"exists": 0, "then": 1}}, "/@if: must have `exists` or `blank`"),
    ({"@if": {"blank": "", "exists": None}}, "/@if: must have `exists` or `blank`"),
    ({"@if": {"exists": A, "then": BOGUS}}, "/@if/then: @bogus is no directive"),
    ({"@if": {"exists": A, "else": BOGUS}}, "/@if/else: @bogus is no directive"),
    ({"@if": {"exists": A, "blank": BOGUS}}, "/@if/blank: @bogus is no directive"),
    ({"@case": []}, "/@case: must be an object, not a list"),
    ({"@case": {"value": "a"}}, "/@case/operator: must be lower or upper"),
    ({"@case": {"operator": "UPPER", "value": "a"}}, "/@case/operator: must be lower or upper"),
    ({"@case": {"operator": A, "value": "a"}}, "/@case/operator: must be lower or upper"),
    ({"@case": {"operator": "upper", "value": 5}}, "/@case/value: must be text or a directive"),
    ({"@case": {"operator": "upper", "value": None}}, "/@case/value: must be text or a directive"),
    ({"@replace": None}, "/@replace: must be an object, not null"),
    ({"@replace": {"value": A}}, "/@replace: must have `pattern`"),
    ({"@replace": {"pattern": "a"}}, "/@replace: must have `value`"),
    ({"@replace": {"pattern": "", "value": A}}, "/@replace/pattern: must have 1 to 10 characters"),
    ({"@replace": {"pattern": "x" * 11, "value": A}}, "/@replace/pattern: must have 1 to 10"),
    ({"@replace": {"pattern": "😀" * 6, "value": A}}, "/@replace/pattern: must have 1 to 10"),
    ({"@replace": {"pattern": 5, "value": A}}, "/@replace/pattern: must be text, not a number"),
    ({"@replace": {"pattern": A, "value": A}}, "/@replace/pattern: must be text, not a directive"),
    (
        {"@replace": {"pattern": "a", "replacement": None, "value": A}},
        "/@replace/replacement: must be text, not null",
    ),
    (
        {"@replace": {"pattern": "a", "replacement": "x" * 11, "value": A}},
        "/@replace/replacement: must have 0 to 10",
    ),
    (
        {"@replace": {"pattern": "a", "pattern2": "x" * 11, "value": A}},
        "/@replace/pattern2: must have 1 to 10",
    ),
    (
        {"@replace": {"pattern": "a", "pattern2": "x", "replacement2": "x" * 11, "value": A}},
        "/@replace/replacement2: must have 0 to 10",
    ),
    (
        {"@replace": {"pattern": "a", "value": A, "global": "no"}},
        "/@replace/global: must be true or false, not text",
    ),
    (
        {"@replace": {"pattern": "a", "value": A, "ignorecase": None}},
        "/@replace/ignorecase: must be true or false, not null",
    ),
    ({"@replace": {"pattern": "a", "value": ["a"]}}, "/@replace/value: must be text or a dir"),
    ({"@json": []}, "/@json: must be an object, not a list"),
    ({"@json": {"mode": "oops", "value": A}}, "/@json/mode: must be encode or decode"),
    ({"@json": {"value": A}}, "/@json/mode: must be encode or decode"),
    ({"@json": {"mode": "encode"}}, "/@json/value: must be a value that is not empty"),
    ({"@json": {"mode": "encode", "value": 0}}, "/@json/value: must be a value that is not empty"),
    ({"@json": {"mode": "encode", "value": [BOGUS]}}, "/@json/value/0: @bogus is no directive"),
    ({"@arrayPath": "nope"}, "/@arrayPath: must be a list, not text"),
    ({"@arrayPath": []}, "/@arrayPath/0: must be text or a directive, not missing"),
    ({"@arrayPath": [{"a": 1}]}, "/@arrayPath/0: must be text or a directive, not an object"),
    ({"@arrayPath": ["a", BOGUS]}, "/@arrayPath/1: @bogus is no directive"),
    ({"@arrayPath": ["a", {"x": BOGUS}]}, "/@arrayPath/1/x: @bogus is no directive"),
    ({"@flatten": None}, "/@flatten: must be an object, not null"),
    ({"@flatten": {"separator": "."}}, "/@flatten: must have `value`"),
    ({"@flatten": {"value": A}}, "/@flatten/separator: must be text of 1 to 100 characters"),
    ({"@flatten": {"value": A, "separator": ""}}, "/@flatten/separator: must be text of 1 to"),
    ({"@flatten": {"value": A, "separator": A}}, "/@flatten/separator: must be text of 1 to"),
    ({"@flatten": {"value": A, "separator": "x" * 101}}, "/@flatten/separator: must be text of 1"),
    ({"@merge": [{}, 1]}, "/@merge: must be an object, not a list"),
    ({"@merge": {"objects": []}}, "/@merge/direction: must be left or right"),
    ({"@merge": {"direction": "up", "objects": []}}, "/@merge/direction: must be left or right"),
    ({"@merge": {"direction": "left"}}, "/@merge/objects: must be a list, not missing"),
    ({"@merge": {"direction": "left", "objects": A}}, "/@merge/objects: must be a list, not a dir"),
    (
        {"@merge": {"direction": "left", "objects": [{}, 1]}},
        "/@merge/objects/1: must be an object or a directive, not a number",
    ),
    ({"@transform": A}, "/@transform: must be an object, not a directive"),
    ({"@transform": {"mapping": {}}}, "/@transform: must have `apply`"),
    ({"@transform": {"apply": {}}}, "/@transform: must have `mapping`"),
    (
        {"@transform": {"apply": "$.a", "mapping": {}}},
        "/@transform/apply: must be an object or a directive, not text",
    ),
    (
        {"@transform": {"apply": A, "mapping": [A]}},
        "/@transform/mapping: must be an object or a directive, not a list",
    ),
    ({"@excludeWhenNull": [BOGUS]}, "/@excludeWhenNull/0: @bogus is no directive"),
    ({"@liquid": 123}, "/@liquid: must be text, not a number"),
    ({"@liquid": A}, "/@liquid: must be text, not a directive"),
    ({"@liquid": "x" * 1001}, "/@liquid: must have at most 1000 characters"),
    ({"@liquid": "😀" * 501}, "/@liquid: must have at most 1000 characters"),
]


@pytest.mark.parametrize(("mapping", "problem"), MISTAKES)
def test_each_mistake_is_named_with_its_place(mapping: Any, problem: str) -> None:
    found = problems(mapping)
    assert len(found) == 1
    assert found[0].startswith(problem)
    within = problems({"k": mapping}, "mappings[2].fields.email")
    assert [line.replace("mappings[2].fields.email/k", "", 1) for line in within] == [
        line.removeprefix("/") if line.startswith("/:") else line for line in found
    ]


def test_all_mistakes_are_named_at_once() -> None:
    mapping = {
        "x": BOGUS,
        "y": [{"@path": 1}, {"@if": {"exists": {"@path": 2}, "then": {"@case": {}}}}],
        "z": {"@replace": {"pattern": "", "ignorecase": 1}},
    }
    places = [problem.split(":")[0] for problem in problems(mapping, "m")]
    assert places == [
        "m/x",
        "m/y/0/@path",
        "m/y/1/@if/exists/@path",
        "m/y/1/@if/then/@case/operator",
        "m/z/@replace",
        "m/z/@replace/ignorecase",
        "m/z/@replace/pattern",
    ]


@pytest.mark.parametrize(
    "mapping",
    [
        {"@path": "a", "_metadata": 5},
        {"@path": "a", "_metadata": {"@bogus": 1}},
        {"@date": {"@path": "a"}, "_metadata": {}},
        {"_metadata": {"x": 1}},
        {"@if": {"exists": A, "more": 1}},
        {"@merge": {"direction": "right", "objects": [], "more": 1}},
        {"@arrayPath": ["a", ["no shape", BOGUS]]},
        {"@replace": {"pattern": "😀" * 5, "value": A}},
        {"@liquid": "x" * 1000},
        {"@flatten": {"separator": "x" * 100, "value": A}},
    ],
)
def test_what_segment_overlooks_is_overlooked(mapping: Any) -> None:
    assert problems(mapping) == []


def test_a_mapping_that_is_too_deep_or_too_large_is_refused_once() -> None:
    deep: Any = A
    for _ in range(MAPPING_DEPTH + 20):
        deep = {"x": [deep]}
    (problem,) = problems(deep)
    assert problem.endswith(f"must not be nested deeper than {MAPPING_DEPTH} levels")
    (problem,) = problems([A] * (MAPPING_PARTS + 20), "m")
    assert problem == f"m/{MAPPING_PARTS - 1}: is too much: a mapping has at most 5000 values"


def test_what_can_only_fail_is_refused_and_what_may_work_is_not() -> None:
    assert problems({"@template": {"@literal": 5}})
    assert problems({"x": {"@date": "yesterday"}}) == [
        "/x/@date: text that is not a date; it would fail for every message"
    ]
    assert problems({"@template": {"@path": "x"}}) == []


@pytest.mark.parametrize("payload", [[], 5, None, "x"])
def test_a_message_must_be_an_object(payload: Any) -> None:
    compiled = compile_mapping({"a": 1})
    with pytest.raises(MappingFailed, match="must be an object, not"):
        compiled.evaluate(payload)


def test_an_error_says_where_and_why_without_the_messages_values() -> None:
    compiled = compile_mapping({"x": {"@path": {"@path": "secret"}}}, "fields.email")
    with pytest.raises(MappingFailed) as caught:
        compiled.evaluate({"secret": 4711})
    assert caught.value.place == "fields.email/x/@path"
    assert caught.value.reason == "expected text, found a number"
    assert str(caught.value) == "fields.email/x/@path: expected text, found a number"


def test_a_refusal_lists_its_problems() -> None:
    with pytest.raises(MappingInvalid) as caught:
        compile_field({"a": BOGUS, "b": BOGUS}, "f")
    assert len(caught.value.problems) == 2
    assert str(caught.value) == "\n".join(caught.value.problems)
