"""Short forms are for people's own fields, and only where a value is expected."""

from typing import Any

import pytest

from daemon.mapping.directives import MappingInvalid, compile_field, compile_mapping
from daemon.mapping.paths import MISSING
from tests.unit.mapping.directives.evaluating import exact

EVENT = {
    "userId": "ann",
    "traits": {"plan": "Pro", "n": None, "tags": ["a", "b"]},
    "properties": {"cart_id": 7, "items": [{"sku": "s1"}]},
    "$": "dollar",
}


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("$.traits.plan", "Pro"),
        ("$.traits.tags[1]", "b"),
        ("$.traits.other", MISSING),
        ("$.traits.n", None),
        ("$.", EVENT),
        ("traits.plan", "traits.plan"),
        ("$", "$"),
        ("$5.00", "$5.00"),
        ("plain", "plain"),
        ("", ""),
        (5, 5),
        ("https://shop.example/cart/{{ properties.cart_id }}", "https://shop.example/cart/7"),
        ("{{ $.properties.cart_id }}-{{{ $.userId }}}", "7-ann"),
        ("$.50 for {{ userId }}", "$.50 for ann"),
        ("{{}} {x}", "{{}} {x}"),
        (
            {"a": "$.userId", "b": ["$.traits.plan", "x", "$.gone"]},
            {"a": "ann", "b": ["Pro", "x", None]},
        ),
        ({"@if": {"exists": "$.traits.plan", "then": "$.userId", "else": "x"}}, "ann"),
        ({"@if": {"blank": "$.gone", "then": "x", "else": "{{ $.userId }}!"}}, "ann!"),
        ({"@case": {"operator": "lower", "value": "$.traits.plan"}}, "pro"),
        ({"@replace": {"pattern": "$.", "value": "$.traits.plan"}}, "Pro"),
        ({"@json": {"mode": "encode", "value": "$.traits.tags"}}, '["a","b"]'),
        ({"@merge": {"direction": "right", "objects": ["$.traits", {"plan": 1}]}},
         {"plan": 1, "n": None, "tags": ["a", "b"]}),
        ({"@transform": {"apply": "$.traits", "mapping": {"p": "$.plan"}}}, {"p": "Pro"}),
        ({"@flatten": {"separator": "_", "value": "$.properties"}},
         {"cart_id": 7, "items_0_sku": "s1"}),
        ({"@arrayPath": ["$.properties.items", {"s": "$.sku"}]}, [{"s": "s1"}]),
        ({"@excludeWhenNull": "$.traits"}, {"plan": "Pro", "tags": ["a", "b"]}),
        ({"@literal": "$.userId"}, "$.userId"),
        ({"@literal": ["{{ userId }}", {"@path": "userId"}]}, ["{{ userId }}", "ann"]),
        ({"@path": "userId"}, "ann"),
        ({"@template": "{{ $.userId }}{{ userId }}"}, "ann"),
        ({"@string": "$.properties.cart_id"}, "7"),
        ({"@first": ["$.traits.n", "$.gone", "$.userId"]}, "ann"),
        ({"@number": "$.gone", "default": "$.properties.cart_id"}, 7),
        ({"@lookup": "$.traits.plan", "table": {"Pro": "paid"}}, "paid"),
    ],
)  # fmt: skip
def test_short_forms(raw: Any, value: Any) -> None:
    assert exact(compile_field(raw, "f").evaluate(EVENT)) == exact(value)


@pytest.mark.parametrize("raw", ["$.traits.plan", "{{ userId }}", ["$.userId"]])
def test_in_segments_own_language_text_is_only_text(raw: Any) -> None:
    assert compile_mapping(raw).evaluate(EVENT) == raw


def test_short_forms_say_what_they_read() -> None:
    raw = {"a": "$.traits.plan", "b": "{{ $.userId }} {{ context.ip }}"}
    assert compile_field(raw, "f").reads == {"traits.plan", "userId", "context.ip"}


def test_text_that_is_no_object_is_still_refused_where_an_object_is_needed() -> None:
    with pytest.raises(MappingInvalid, match="f/@merge/objects/0: must be an object"):
        compile_field({"@merge": {"direction": "left", "objects": ["plain"]}}, "f")
