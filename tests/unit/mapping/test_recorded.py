"""Segment's documented samples, where they are at hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.domain.identity import ProjectType
from daemon.domain.messages import Message
from daemon.domain.profiles import Believed
from daemon.mapping.blocks import DEFAULT, read
from daemon.mapping.catalog import Catalog
from daemon.mapping.events import made_event, matching_events
from tests.unit.mapping.delivering import deliver
from tests.unit.mapping.making import profile_of

CASES = Path(__file__).parents[4] / "shared" / "cases"


def recorded(name: str) -> list[dict[str, Any]]:
    path = CASES / name
    if not path.exists():
        pytest.skip("the recorded cases are not at hand")
    cases: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cases"]
    return cases


def heard(said: dict[str, Any]) -> Message:
    known = {"traits", "properties", "context", "event", "name"}
    more = {key: said[key] for key in known if said.get(key)}
    return Message(
        type=said.get("type", ""),
        message_id=said.get("messageId", "m"),
        received_at=1,
        effective_at=1,
        source="web",
        user_id=said.get("userId"),
        anonymous_id=said.get("anonymousId"),
        **more,
    )


@pytest.mark.parametrize("kind", list(ProjectType))
def test_every_documented_sample_is_delivered_and_then_settled(kind: ProjectType) -> None:
    mapped = read(DEFAULT).publish(1, kind, Catalog())
    taken = 0
    for case in recorded("segment_docs.json"):
        if case["call_type"] not in ("identify", "track") or not isinstance(case["json"], dict):
            continue
        one = heard({**case["json"], "type": case["call_type"]})
        taken += 1
        believed = Believed()
        profile = profile_of([one], mapped)
        rows = deliver("u:u1", profile, believed, mapped)
        assert deliver("u:u1", profile, believed, mapped) == []
        if one.type == "track":
            sent = [
                made_event(one, mapping, first=True).row for mapping in matching_events(one, mapped)
            ]
            assert [row is not None for row in sent] == [bool(one.event)]
        elif kind is not ProjectType.EMAIL and set(one.traits) - {"email"}:
            assert len(rows) == 1 or "personas" in one.context
    assert taken > 50
