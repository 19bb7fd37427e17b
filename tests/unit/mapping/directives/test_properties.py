"""What holds for every mapping and every event."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, example, given, settings

from daemon.mapping.directives import (
    Compiled,
    MappingFailed,
    MappingInvalid,
    compile_field,
    compile_mapping,
)
from daemon.mapping.paths import MISSING
from tests.bench.mapping_payloads import CASES
from tests.unit.mapping.directives import naive
from tests.unit.mapping.directives.evaluating import exact
from tests.unit.mapping.directives.generating import any_mappings, events, mappings

GAPS = {
    "@merge": {
        "direction": "right",
        "objects": [{"a": 1, "b": [1]}, {"a": {"@path": "zz"}, "b": [{"@path": "zz"}]}],
    }
}


@settings(max_examples=300, deadline=None)
@given(mapping=mappings(), event=events)
@example(mapping=GAPS, event={})
@example(mapping={"@flatten": {"separator": ".", "value": [{"@path": "zz"}, None]}}, event={})
@example(
    mapping={"@transform": {"apply": [{"@path": "z"}], "mapping": {"a": {"@path": "0"}}}}, event={}
)
@example(
    mapping={
        "@transform": {
            "apply": {"a": {"@path": "zz"}, "b": [{"@path": "zz"}]},
            "mapping": {
                "@merge": {"direction": "right", "objects": [{"a": 1, "b": 1}, {"@path": ""}]}
            },
        }
    },
    event={},
)
def test_the_compiled_mapping_and_the_plain_interpreter_agree(
    mapping: Any, event: dict[str, Any]
) -> None:
    try:
        compiled = compile_mapping(mapping)
    except MappingInvalid:
        assume(False)
    try:
        expected = exact(naive.evaluate(mapping, event))
    except naive.Fails:
        expected = "it fails"
    try:
        found = exact(compiled.evaluate(event))
    except MappingFailed:
        found = "it fails"
    assert found == expected


@settings(max_examples=300, deadline=None)
@given(mapping=any_mappings(), event=events)
def test_evaluating_fails_properly_changes_nothing_and_gives_json(
    mapping: Any, event: dict[str, Any]
) -> None:
    before = json.dumps([mapping, event])
    for compile_it in (compile_mapping, compile_field):
        problems, failure, value, compiled = _tried(compile_it, mapping, event)
        assert all(problem.startswith("f") for problem in problems)
        if failure is not None:
            assert failure.place.startswith("f")
            assert failure.reason
        if compiled is not None and failure is None:
            assert value is MISSING or json.loads(json.dumps(value, allow_nan=False)) == value
            assert compiled.reads or exact(compiled.constant) == exact(value)
    assert json.dumps([mapping, event]) == before


def _tried(
    compile_it: Callable[[Any, str], Compiled], mapping: Any, event: dict[str, Any]
) -> tuple[list[str], MappingFailed | None, Any, Compiled | None]:
    try:
        compiled = compile_it(mapping, "f")
    except MappingInvalid as invalid:
        return invalid.problems, None, MISSING, None
    try:
        return [], None, compiled.evaluate(event), compiled
    except MappingFailed as failed:
        return [], failed, MISSING, compiled


@settings(max_examples=150, deadline=None)
@given(mapping=any_mappings(), event=events)
def test_only_what_is_read_counts(mapping: Any, event: dict[str, Any]) -> None:
    """An event that has nothing but what a mapping reads gives the same value."""
    try:
        compiled = compile_mapping(mapping)
    except MappingInvalid:
        assume(False)
    read = {path.split(".")[0] for path in compiled.reads}
    less = event if "" in read else {name: event[name] for name in event if name in read}
    values = []
    for one in (event, less):
        try:
            values.append(exact(compiled.evaluate(one)))
        except MappingFailed as failed:
            values.append(str(failed))
    assert values[0] == values[1]


@pytest.mark.parametrize(("name", "mapping", "event"), CASES)
def test_what_is_measured_is_right(name: str, mapping: Any, event: dict[str, Any]) -> None:
    assert exact(compile_mapping(mapping).evaluate(event)) == exact(naive.evaluate(mapping, event))
