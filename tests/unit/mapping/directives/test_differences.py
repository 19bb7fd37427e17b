"""Each way in which we differ from Segment on purpose, with what its framework was seen to give."""

from typing import Any, NamedTuple

import pytest

from daemon.mapping.directives.javascript import HALF
from daemon.mapping.paths import MISSING
from tests.unit.mapping.directives.evaluating import FAILED, REFUSED, exact, outcome
from tests.unit.mapping.directives.test_readme import README

THROWS = "Segment's framework throws"
A = {"@path": "a"}
WHOLE = {"@path": ""}


class Difference(NamedTuple):
    name: str
    mapping: Any
    event: dict[str, Any]
    there: Any
    here: Any


DIFFERENCES = [
    Difference("prototypes", {"@path": "a.constructor.name"}, {"a": {}}, "Object", MISSING),
    Difference("prototypes", {"@template": "{{a.at.name}}"}, {"a": "x"}, "at", ""),
    Difference(
        "inserted braces",
        {"@template": "{{{a}}} {{{b}}}"},
        {"a": "{{userId}}", "b": "{{a", "userId": "u"},
        "u {{a",
        "{{userId}} {{a",
    ),
    Difference(
        "inserted braces",
        {"@template": "{{b.{{{a}}}}}"},
        {"a": "c", "b": {"c": "found"}},
        "found",
        "{{b.c}}",
    ),
    Difference("other roots", [A, 2], {"a": 1}, {"0": 1, "1": 2}, [1, 2]),
    Difference("other roots", "neat", {}, {"0": "n", "1": "e", "2": "a", "3": "t"}, "neat"),
    Difference("other roots", 123, {}, {}, 123),
    Difference("other roots", None, {}, THROWS, None),
    Difference(
        "early mistakes",
        {"@if": {"exists": A, "then": 1, "else": [{"@bogus": 1}]}},
        {"a": 1},
        1,
        REFUSED,
    ),
    Difference(
        "early mistakes", {"@case": {"operator": "UPPER", "value": A}}, {"a": 1}, 1, REFUSED
    ),
    Difference(
        "early mistakes",
        {"@replace": {"pattern": "a", "pattern2": "x" * 11, "value": A}},
        {},
        "",
        REFUSED,
    ),
    Difference(
        "early mistakes",
        {"@if": {"exists": A, "then": {"@template": {"@literal": 5}}}},
        {},
        MISSING,
        REFUSED,
    ),
    Difference(
        "whole numbers",
        {"@template": "{{a}}"},
        {"a": 12345678901234567890},
        "12345678901234567000",
        "12345678901234567890",
    ),
    Difference(
        "key order",
        {"@json": {"mode": "encode", "value": A}},
        {"a": {"b": 1, "2": 2, "1": 3}},
        '{"1":3,"2":2,"b":1}',
        '{"b":1,"2":2,"1":3}',
    ),
    Difference("half characters", {"@path": "a.0"}, {"a": "😀x"}, "\ud83d", HALF),
    Difference(
        "half characters",
        {"@merge": {"direction": "left", "objects": [A]}},
        {"a": "😀x"},
        {"0": "\ud83d", "1": "\ude00", "2": "x"},
        {"0": HALF, "1": HALF, "2": "x"},
    ),
    Difference(
        "odd JSON",
        {"@json": {"mode": "decode", "value": A}},
        {"a": '"\\ud83d"'},
        "\ud83d",
        '"\\ud83d"',
    ),
    Difference(
        "odd JSON", {"@json": {"mode": "decode", "value": A}}, {"a": "1e400"}, None, "1e400"
    ),
    Difference("bounds", {"@template": "{{a}}{{a}}"}, {"a": "x" * 200_000}, "x" * 400_000, FAILED),
    Difference(
        "bounds", {"@flatten": {"separator": "." * 101, "value": A}}, {"a": 1}, {"": 1}, REFUSED
    ),
    Difference("liquid grammar", {"@liquid": "{{ a == 1 }}"}, {"a": 1}, "true", REFUSED),
    Difference("liquid grammar", {"@liquid": "{{ a upcase }}"}, {"a": "x"}, "x", REFUSED),
    Difference("liquid grammar", {"@liquid": "{% cycle 'a', 'b' %}"}, {}, "a", REFUSED),
    Difference(
        "liquid grammar", {"@liquid": "{% if a > '5' %}y{% endif %}"}, {"a": 7}, "y", FAILED
    ),
    Difference("liquid filters", {"@liquid": "{{ a | bogus }}"}, {"a": 1}, "1", REFUSED),
    Difference("liquid filters", {"@liquid": "{{ a | slugify }}"}, {"a": "A b"}, "a-b", REFUSED),
    Difference("liquid clock", {"@liquid": "{{ 'now' | date: '%C' }}"}, {}, "20", REFUSED),
    Difference(
        "liquid clock",
        {"@liquid": "{{ a | date: '%Y' }}"},
        {"a": "Jan 5, 2026"},
        "2026",
        "Jan 5, 2026",
    ),
]


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
def test_where_we_differ_we_differ_on_purpose(difference: Difference) -> None:
    found = outcome(difference.mapping, difference.event)
    assert exact(found) == exact(difference.here)
    assert exact(found) != exact(difference.there)


def test_the_page_names_each_difference_and_there_are_few() -> None:
    table = README.partition("## Where we differ from Segment")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")]
    assert rows[2:] == list(dict.fromkeys(difference.name for difference in DIFFERENCES))
    assert len(rows[2:]) <= 12
