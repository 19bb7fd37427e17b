"""What the demo's traffic should come to, worked out naively from the messages alone.

It shares nothing with the rules it checks: one dict a person, one pass over what was said.
"""

from typing import Any

import msgspec

from daemon.cli.demonstration.traffic import (
    AUDIENCE,
    MAPPED_EVENTS,
    NOBODY,
    OPT_OUT,
    Say,
    Traffic,
)

_MISSING = object()


class Expected(msgspec.Struct):
    """The figures, and what Iterable should hold. `fields` is by userId, without the e-mail.

    `events` are the ids of delivered events, `waiting` of those whose person nobody knows.
    `left` have been in the list; `members` still are.
    """

    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    applied: int = 0
    unchanged: int = 0
    filtered: int = 0
    superseded: int = 0
    events: set[str] = set()
    waiting: set[str] = set()
    fields: dict[str, dict[str, Any]] = {}
    members: set[str] = set()
    left: set[str] = set()
    opted_out: set[str] = set()


def expect(traffic: Traffic) -> Expected:
    """What the traffic should come to."""
    model = _Model()
    for act in traffic.acts:
        for _ in range(act.times):
            for say in act.says:
                model.hear(say)
    return model.finish()


class _Model:
    """Hears messages in order."""

    def __init__(self) -> None:
        self._expected = Expected()
        self._heard: set[str] = set()
        self._known_visitors: set[str] = set()
        self._anonymous_events: dict[str, str] = {}

    def hear(self, say: Say) -> None:
        expected = self._expected
        if say.user_id == NOBODY or not (say.user_id or say.anonymous_id):
            expected.rejected += 1
        elif say.message_id in self._heard:
            expected.duplicates += 1
        else:
            self._heard.add(say.message_id)
            expected.accepted += 1
            self._take(say)

    def finish(self) -> Expected:
        for message_id, visitor in self._anonymous_events.items():
            known = visitor in self._known_visitors
            (self._expected.events if known else self._expected.waiting).add(message_id)
        return self._expected

    def _take(self, say: Say) -> None:
        user_id, expected = say.user_id, self._expected
        if say.event == OPT_OUT and user_id:
            self._count(news=user_id not in expected.opted_out)
            expected.opted_out.add(user_id)
        elif say.event in MAPPED_EVENTS and user_id:
            expected.events.add(say.message_id)
        elif say.event in MAPPED_EVENTS and say.anonymous_id:
            self._anonymous_events[say.message_id] = say.anonymous_id
        elif "personas" in say.context and user_id:
            self._membership(user_id, say.traits[AUDIENCE])
        elif user_id:
            self._profile(user_id, say)

    def _membership(self, user_id: str, value: Any) -> None:
        expected = self._expected
        if not isinstance(value, bool):
            expected.filtered += 1
            return
        self._count(news=value != (user_id in expected.members))
        if value:
            expected.members.add(user_id)
        else:
            expected.members.discard(user_id)
            expected.left.add(user_id)

    def _profile(self, user_id: str, say: Say) -> None:
        if say.anonymous_id:
            self._known_visitors.add(say.anonymous_id)
        if say.late:
            self._expected.superseded += 1
            return
        held = self._expected.fields.setdefault(user_id, {})
        said = {name: _read_back(v) for name, v in say.traits.items() if name != "email"}
        self._count(news=any(held.get(name, _MISSING) != value for name, value in said.items()))
        held.update(said)

    def _count(self, *, news: bool) -> None:
        if news:
            self._expected.applied += 1
        else:
            self._expected.unchanged += 1


def _read_back(value: Any) -> Any:
    """A date as Iterable shows it (iterable.md §6.2); anything else as it is."""
    if isinstance(value, str) and value.endswith("T09:30:00Z"):
        return value.replace("T", " ").replace("Z", " +00:00")
    return value
