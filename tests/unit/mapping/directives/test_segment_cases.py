"""Segment's own cases, where they are at hand: transforming, validating, and the parts of both."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.mapping.directives import MappingFailed, MappingInvalid, compile_mapping
from daemon.mapping.paths import MISSING
from tests.unit.mapping.directives.evaluating import evaluated, exact, problems

CASES = Path(__file__).parents[5] / "shared" / "cases"
ROOTS_NOT_AN_OBJECT = {"mk-0000": ["cool"], "mk-0001": 123, "mk-0003": "neat"}
"""What we return as it is and the original spreads; see `test_differences`."""


def recorded(name: str) -> list[dict[str, Any]]:
    path = CASES / name
    if not path.exists():
        pytest.skip("the recorded cases are not at hand")
    cases: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cases"]
    return cases


def without_undefined(value: Any) -> Any:
    """A recorded mapping or payload; what is undefined there is not written here."""
    if isinstance(value, dict):
        return {
            key: without_undefined(item)
            for key, item in value.items()
            if not (isinstance(item, dict) and "$js" in item)
        }
    return [without_undefined(item) for item in value] if isinstance(value, list) else value


def expected_of(case: dict[str, Any]) -> Any:
    if case["id"] in ROOTS_NOT_AN_OBJECT:
        return ROOTS_NOT_AN_OBJECT[case["id"]]
    return MISSING if case.get("expected_undefined") else case.get("expected")


def check_refusal(case: dict[str, Any], payload: Any) -> None:
    with pytest.raises((MappingInvalid, MappingFailed)) as caught:
        evaluated(case["mapping"], payload)
    for error in case["throws"].get("errors", []):
        place = error["message"].split(" ")[0]
        assert any(line.startswith(place) for line in str(caught.value).splitlines()), case["id"]


def test_mappings_are_evaluated_as_segment_evaluates_them() -> None:
    evaluations = refusals = 0
    for case in recorded("mapping_kit_transform.json"):
        payload = {} if case["payload"] is None else case["payload"]
        payloads = payload if case["fn"] == "transformBatch" else [payload]
        mapping = without_undefined(case["mapping"])
        if "throws" in case:
            check_refusal(case, payloads[0])
            refusals += 1
            continue
        results = [evaluated(mapping, without_undefined(payload)) for payload in payloads]
        expected = expected_of(case)
        found = results if case["fn"] == "transformBatch" else results[0]
        assert exact(found) == exact(without_undefined(expected)), case["id"]
        evaluations += 1
    assert (evaluations, refusals) == (169, 50)


def test_mappings_are_validated_as_segment_validates_them() -> None:
    for case in recorded("mapping_kit_validate.json"):
        found = problems(case["mapping"])
        assert (found == []) is case["valid"], case["id"]
        for error in case.get("errors", []):
            place = error.split(" ")[0]
            assert any(line.startswith(place) for line in found), (case["id"], found)


def test_paths_templates_and_flattening_agree_part_by_part() -> None:
    asked: dict[str, int] = {}
    for case in recorded("mapping_kit_helpers.json"):
        mapping = as_mapping(case)
        if mapping is None:
            continue
        asked[case["fn"]] = asked.get(case["fn"], 0) + 1
        raw, event = mapping
        found = evaluated(raw, without_undefined(event))
        assert exact(found) == exact(without_undefined(expected_of(case))), case["id"]
    assert asked == {"get": 16, "flattenObject": 7, "render": 10}


def as_mapping(case: dict[str, Any]) -> tuple[Any, Any] | None:
    """A call of one of the original's functions as the mapping that makes it."""
    arguments = case["args"]
    if case["fn"] == "get" and isinstance(arguments[1], str):
        return {"@path": arguments[1]}, arguments[0]
    if case["fn"] == "flattenObject":
        separator = arguments[2] if len(arguments) > 2 else "."
        options = {"separator": separator, "omitArrays": len(arguments) > 3 and arguments[3]}
        return {"@flatten": {**options, "value": {"@path": "in"}}}, {"in": arguments[0]}
    if case["fn"] == "render" and isinstance(arguments[0], str):
        return {"@template": arguments[0]}, arguments[1] if len(arguments) > 1 else {}
    return None


def test_what_a_mapping_reads_is_what_segment_says_it_reads() -> None:
    """Less `@arrayPath`, where Segment also counts what is read of each item."""
    asked = 0
    for case in recorded("mapping_kit_helpers.json"):
        raw = case["args"][0]
        if case["fn"] != "getFieldValueKeys" or (isinstance(raw, dict) and "@arrayPath" in raw):
            continue
        asked += 1
        expected = {path.removeprefix("$.") for path in case["expected"]}
        assert compile_mapping(raw).reads == expected, case["id"]
    assert asked == 12
