"""Cases a marketer can read: an action, Segment's call, and the requests Iterable gets.

Each file under `requests` is about one action. `question` is a line of `segue mapping eval`;
`requests`, `left_out` (fields that could not be sent) and `error` are the whole of its answer.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.mapping.actions import ACTIONS
from daemon.mapping.registry.evaluating import answer


class _Plain(yaml.SafeLoader):
    """Text that looks like a time is text, as in JSON."""


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
FOLDER = Path(__file__).parent / "requests"
CASES: list[dict[str, Any]] = [
    case
    for path in sorted(FOLDER.glob("*.yaml"))
    for case in yaml.load(path.read_text(encoding="utf-8"), _Plain)
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['question']['action']}")
def test_iterable_gets_what_the_case_says(case: dict[str, Any]) -> None:
    found = answer(case["question"])
    found.pop("problems", None)
    expected = {key: case[key] for key in ("requests", "left_out", "error") if key in case}
    assert found == expected, case["about"]


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_every_action_and_preset_has_a_case(action: Any) -> None:
    about = [case["question"] for case in CASES if case["question"]["action"] == action.name]
    shown = {question.get("preset") for question in about if "requests" in _case_of(question)}
    first = action.presets[0].name if action.presets else None
    shown |= {first} if any("mapping" not in question for question in about) else set()
    assert about
    assert {preset.name for preset in action.presets} <= shown


def _case_of(question: dict[str, Any]) -> dict[str, Any]:
    return next(case for case in CASES if case["question"] is question)
