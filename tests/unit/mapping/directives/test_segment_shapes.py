"""Edge cases of Segment's directives for objects and lists, as its own framework answers them."""

from typing import Any

import pytest

from daemon.mapping.directives import compile_mapping
from daemon.mapping.paths import MISSING
from tests.unit.mapping.directives.evaluating import FAILED, REFUSED, exact, outcome

EVENT: dict[str, Any] = {
    "a": {"b": [1, 2.5, None], "s": "hello", "nul": None},
    "n": None,
    "z": 0,
    "e": "",
    "t": True,
    "fa": False,
    "num": 7,
    "o": {},
    "ea": [],
    "userId": "ann",
    "arr": [[1, [2]], None, {"q": 1}, {}],
    "items": [{"id": 1, "n": None}, {"id": 2}, 5, None, "s", [{"id": 9}], 0, ""],
}


def path(name: str) -> dict[str, Any]:
    return {"@path": name}


def merged(*objects: Any) -> dict[str, Any]:
    return {"@merge": {"direction": "right", "objects": list(objects)}}


SHAPE = {"i": path("id"), "j": path("$.n")}
EACH = [
    {"i": 1, "j": None},
    {"i": 2},
    {},
    {"i": None, "j": None},
    {},
    {},
    {"i": 0, "j": 0},
    {"i": "", "j": ""},
]

ARRAYS: list[tuple[list[Any], Any]] = [
    (["$.items"], EVENT["items"]),
    (["items", SHAPE], EACH),
    ([path("items"), SHAPE], EACH),
    (["a.$.b"], [1, 2.5, None]),
    (["$.items", path("id")], [1, 2, None, None, None, None, 0, ""]),
    (["$.items", path("$.id")], [1, 2, None, None, None, None, 0, ""]),
    (["$.items", {"c": "const"}], [{"c": "const"}] * 8),
    (["$.items", {"@literal": 0}], [0] * 8),
    (
        ["$.items", {"k": {"m": path("id")}}],
        [{"k": k} for k in ({"m": 1}, {"m": 2}, {}, {"m": None}, {}, {}, {"m": 0}, {"m": ""})],
    ),
    (["$.items", {}], EVENT["items"]),
    (["$.items", None], EVENT["items"]),
    (["$.items", [path("id")]], EVENT["items"]),
    (["$.items", 5], EVENT["items"]),
    (["a", SHAPE], [{}]),
    (["a", path("s")], ["hello"]),
    (["ea", SHAPE], []),
    (["n", SHAPE], None),
    (["zz", SHAPE], MISSING),
    (["z", SHAPE], 0),
    (["e", SHAPE], ""),
    (["t", SHAPE], True),
    (["userId", SHAPE], "ann"),
    (["items", SHAPE, "more"], EACH),
    ([{"@literal": [{"id": 4}]}, SHAPE], [{"i": 4}]),
    ([{"@literal": [{"a": path("zz"), "b": 1}]}, {"@liquid": "{{ a }}{{ b }}"}], ["1"]),
    (["$.", {"k": path("num")}], [{"k": 7}]),
]


@pytest.mark.parametrize(("argument", "value"), ARRAYS)
def test_array_path(argument: list[Any], value: Any) -> None:
    assert exact(outcome({"@arrayPath": argument}, EVENT)) == exact(value)


@pytest.mark.parametrize(
    ("value", "more", "expected"),
    [
        (path("a"), {}, {"b_0": 1, "b_1": 2.5, "b_2": None, "s": "hello", "nul": None}),
        (path("a"), {"omitArrays": True}, {"b": [1, 2.5, None], "s": "hello", "nul": None}),
        (path("a"), {"omitArrays": "x"}, {"b": [1, 2.5, None], "s": "hello", "nul": None}),
        (
            path("a"),
            {"omitArrays": None},
            {"b_0": 1, "b_1": 2.5, "b_2": None} | {"s": "hello"} | {"nul": None},
        ),
        (path("arr"), {}, {"0_0": 1, "0_1_0": 2, "1": None, "2_q": 1}),
        (path("arr"), {"omitArrays": True}, {"": EVENT["arr"]}),
        (path("o"), {}, {}),
        (path("ea"), {}, {}),
        ({"a": [], "b": {}}, {"omitArrays": True}, {"a": []}),
        (path("n"), {}, {"": None}),
        (path("z"), {}, {"": 0}),
        ("xy", {}, {"": "xy"}),
        (path("zz"), {}, {}),
        ({"a": {"b": path("zz"), "c": None, "d": [path("zz"), {}]}}, {}, {"a_c": None}),
        ([path("zz"), 1], {}, {"1": 1}),
        ({"a_b": 1, "a": {"b": 2}}, {}, {"a_b": 2}),
        ({"b": {"": 1}, "": {"": 2}}, {}, {"b_": 1, "": 2}),
    ],
)
def test_flatten(value: Any, more: dict[str, Any], expected: Any) -> None:
    mapping = {"@flatten": {"separator": "_", "value": value, **more}}
    assert exact(outcome(mapping, EVENT)) == exact(expected)


@pytest.mark.parametrize(
    ("direction", "objects", "expected"),
    [
        ("right", [{"a": 1, "b": 2}, {"b": 3, "a": None}], {"a": None, "b": 3}),
        ("left", [{"a": 1, "b": 2}, {"b": 3, "c": 4}], {"a": 1, "b": 2, "c": 4}),
        ("RIGHT", [{"a": 1}, {"a": 2}], {"a": 2}),
        ("LEFT", [{"a": 1}, {"a": 2}], {"a": 2}),
        ("right", [{"a": {"x": 1}}, {"a": {"y": 1}}], {"a": {"y": 1}}),
        ("right", [{"a": 1}, {"a": path("zz")}], {}),
        ("left", [{"a": path("zz")}, {"a": 1}], {}),
        ("right", [{"a": 1}, {"@if": {"exists": 1, "then": {"a": path("zz")}}}], {}),
        ("right", [path("n"), path("zz"), path("num"), path("t"), {"q": 1}], {"q": 1}),
        ("right", [{"a": 1}, merged({"a": path("zz")})], {}),
        ("right", [path("userId")], {"0": "a", "1": "n", "2": "n"}),
        ("right", [path("userId"), path("a.b")], {"0": 1, "1": 2.5, "2": None}),
        ("right", [{"a": [path("zz")]}], {"a": [None]}),
        ("right", [], {}),
    ],
)
def test_merge(direction: str, objects: list[Any], expected: Any) -> None:
    mapping = {"@merge": {"direction": direction, "objects": objects}}
    assert exact(outcome(mapping, EVENT)) == exact(expected)


def test_merging_does_not_write_into_the_event() -> None:
    event = {"a": {"x": 1}, "b": {"y": 2}}
    mapping = {"@merge": {"direction": "right", "objects": [path("a"), path("b"), {"z": 3}]}}
    assert outcome(mapping, event) == {"x": 1, "y": 2, "z": 3}
    assert event == {"a": {"x": 1}, "b": {"y": 2}}


@pytest.mark.parametrize(
    ("apply", "mapping", "expected"),
    [
        (path("a"), {"x": path("s"), "y": path("userId")}, {"x": "hello"}),
        (path("a"), {"@template": "{{ s }} {{  }}"}, "hello [object Object]"),
        (path("a"), {"@liquid": "{{ s }}{{ userId }}"}, "hello"),
        (path("n"), {"x": path("s")}, {"x": None}),
        (path("zz"), {"x": path("s"), "w": path("")}, {}),
        (path("zz"), {"@template": "{{ }}"}, "[object Object]"),
        (path("num"), path(""), 7),
        (path("userId"), path("0"), "a"),
        (path("userId"), {"@liquid": "{{ s }}!"}, "!"),
        (path("items"), path("0.id"), 1),
        ({"l": [path("zz")]}, {"o": path("l.0"), "p": path("l")}, {"p": [None]}),
        ({"a": path("zz"), "l": [path("zz")]}, {"@liquid": "{{ a }}{{ l[0] }}|"}, "|"),
        (
            {"a": path("zz")},
            {"@merge": {"direction": "right", "objects": [{"a": 1}, path("")]}},
            {"a": 1},
        ),
        (path("userId"), {"@transform": {"apply": {}, "mapping": {}}}, FAILED),
        (path("zz"), {"@transform": {"apply": {"k": path("q")}, "mapping": path("")}}, {}),
    ],
)
def test_transform(apply: Any, mapping: Any, expected: Any) -> None:
    found = outcome({"@transform": {"apply": apply, "mapping": mapping}}, EVENT)
    assert exact(found) == exact(expected)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (None, MISSING),
        (path("n"), MISSING),
        (path("zz"), MISSING),
        (0, 0),
        (path("e"), ""),
        (path("a"), {"b": [1, 2.5, None], "s": "hello"}),
        (path("arr"), EVENT["arr"]),
        (
            {"a": None, "b": {"c": None, "d": [None, {"e": None}]}},
            {"b": {"d": [None, {"e": None}]}},
        ),
        ([None, 1], [None, 1]),
        ({"a": path("zz")}, {}),
        ({"a": [path("zz")]}, {"a": [None]}),
    ],
)
def test_exclude_when_null(argument: Any, expected: Any) -> None:
    assert exact(outcome({"@excludeWhenNull": argument}, EVENT)) == exact(expected)


def test_missing_members_vanish_nulls_stay_and_lists_keep_their_places() -> None:
    mapping = {"deep": [path("zz"), {"q": path("zz"), "n": path("n")}], "gone": path("zz")}
    assert outcome(mapping, EVENT) == {"deep": [None, {"n": None}]}


ROOT = "__segment_internal_directive"


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ({"@transform": {"apply": {"q": path("a")}}}, {"x": "hello"}),
        ({"@transform": {"apply": {"q": path("a")}, "mapping": {"other": 1}}}, {"x": "hello"}),
        ({"@merge": {"direction": "right", "objects": [path("o")]}}, {}),
        ({"@path": "a"}, REFUSED),
        ({}, REFUSED),
        ({"x": 1}, REFUSED),
        (5, REFUSED),
        (None, REFUSED),
        ([], REFUSED),
        ({"@transform": {"apply": {}}, "_metadata": 1}, REFUSED),
        ({"@bogus": {}}, REFUSED),
    ],
)
def test_a_directive_at_the_root_takes_the_other_keys_as_its_mapping(
    root: Any, expected: Any
) -> None:
    assert outcome({ROOT: root, "x": path("q.s")}, EVENT) == expected


def test_only_a_root_has_a_root_directive() -> None:
    assert outcome({"w": {ROOT: {"@path": "num"}}}, EVENT) == {"w": {ROOT: 7}}


@pytest.mark.parametrize(
    ("mapping", "reads"),
    [
        ({"@path": "$.traits.plan"}, {"traits.plan"}),
        ({"@path": "items[0]['sku']"}, {"items.0.sku"}),
        ({"@path": "$."}, {""}),
        ({"@path": {"@path": "name"}}, {"", "name"}),
        ({"@template": "{{ a.b }} {{{ c }}}"}, {"a.b", "c"}),
        ({"@template": {"@path": "t"}}, {"", "t"}),
        ({"a": [{"@path": "x"}], "b": {"@path": "y"}}, {"x", "y"}),
        ({"@if": {"exists": path("a"), "then": path("b"), "else": path("c")}}, {"a", "b", "c"}),
        ({"@arrayPath": ["items", {"x": path("id")}]}, {"items"}),
        ({"@transform": {"apply": {"a": path("b")}, "mapping": path("a")}}, {"b"}),
        ({"@transform": {"apply": {"a": 1}, "mapping": path("a")}}, set()),
        ({"@merge": {"direction": "left", "objects": [path("a"), {"b": path("c")}]}}, {"a", "c"}),
        ({"@liquid": "{{ a.b[0].c | append: d }}{% if e.f %}{{ g[h.i] }}{% endif %}"},
         {"a.b.0.c", "d", "e.f", "g", "h.i"}),
        ({"@liquid": "{% assign x = a %}{{ x.y }}"}, {"a"}),
        ({"@date": path("d"), "default": path("e")}, {"d", "e"}),
        ({"@first": [path("a"), path("b")], "default": path("c")}, {"a", "b", "c"}),
        ("$.a", set()),
    ],
)  # fmt: skip
def test_what_a_mapping_reads_is_known(mapping: Any, reads: set[str]) -> None:
    assert compile_mapping(mapping).reads == reads


@pytest.mark.parametrize(
    ("mapping", "value"),
    [
        (5, 5),
        (None, None),
        ({"a": [1, {"@literal": "x"}]}, {"a": [1, "x"]}),
        ({"@template": "no braces"}, "no braces"),
        ({"@case": {"operator": "upper", "value": "a"}}, "A"),
        ({"@transform": {"apply": {"a": 1}, "mapping": path("a")}}, 1),
        ({"@path": "a"}, MISSING),
        ({"a": 1, "b": {"@path": "a"}}, MISSING),
    ],
)
def test_what_reads_nothing_is_a_constant(mapping: Any, value: Any) -> None:
    assert exact(compile_mapping(mapping).constant) == exact(value)
