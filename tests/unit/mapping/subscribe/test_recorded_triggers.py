"""Segment's own cases of its trigger dialect, where they are at hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.mapping.subscribe import SubscribeError, convert, decides, parse, parse_trigger

CASES = Path(__file__).parents[5] / "shared" / "cases"
DELIBERATE: dict[str, str] = {}
"""Cases that are decided otherwise here on purpose, each with the reason."""


def recorded(name: str) -> list[dict[str, Any]]:
    path = CASES / name
    if not path.exists():
        pytest.skip("the recorded cases are not at hand")
    cases: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cases"]
    return [case for case in cases if case["id"] not in DELIBERATE]


def text_of(case: dict[str, Any]) -> str | None:
    """The trigger as it was written, or as Segment's own writer spells it where that is as good."""
    generated = case.get("fql_generated") if case.get("fql_generated_same_verdict") else None
    return case["fql"] or generated


def test_every_recorded_string_is_read_as_segment_reads_it() -> None:
    cases = recorded("fql_parse.json")
    for case in cases:
        found = parse_trigger(case["fql"])
        if "ast" in case:
            assert found == case["ast"], case["id"]
        else:
            assert list(found) == ["error"], case["id"]
    assert len(cases) == 48


def test_every_recorded_verdict_is_ours() -> None:
    cases = recorded("fql_validate.json")
    from_text = 0
    for case in cases:
        assert decides(case["ast"], case["event"]) is case["expected"], case["id"]
        text = text_of(case)
        if text is None:
            continue
        from_text += 1
        found = parse_trigger(text)
        assert decides(found, case["event"]) is case["expected"], case["id"]
        if case["fql"] or case["fql_generated_same_ast"]:
            assert found == case["ast"], case["id"]
    assert (len(cases), from_text) == (200, 195)


def test_every_recorded_trigger_is_converted_to_what_decides_the_same() -> None:
    asked = 0
    for case in recorded("fql_validate.json"):
        text = text_of(case)
        if text is None or not isinstance(case["event"], dict):
            continue
        asked += 1
        converted = convert(text)
        assert converted.warnings == (), case["id"]
        assert parse(converted.text).matches_payload(case["event"]) is case["expected"], case["id"]
    assert asked == 194


def test_read_as_it_stands_the_full_language_parts_from_triggers_only_for_numbers_as_text() -> None:
    parted = []
    for case in recorded("fql_validate.json"):
        text = text_of(case)
        if text is None or not isinstance(case["event"], dict):
            continue
        try:
            read_text = parse(text)
        except SubscribeError:
            continue
        if read_text.matches_payload(case["event"]) is not case["expected"]:
            parted.append((text, case["event"]))
    assert len(parted) == 3
    assert all(
        "!=" in text and isinstance(event["properties"]["value"], str) for text, event in parted
    )
