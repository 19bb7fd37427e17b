"""Finds destination subscriptions in an export, whatever they are wrapped in.

Segment's documentation at hand describes what a subscription holds (segment.md §11-13), not the
exact JSON of its exports. So what is taken for one is any object, at any depth, that has a trigger
(`trigger` or `subscribe`, text) and a mapping (`settings` or `mapping`, an object or that object
as JSON text, as Terraform keeps it). Its action is named by `partnerAction`, `actionSlug` or
`action`, else guessed from the fields it maps; `name` and `enabled` may be missing.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

_TRIGGERS = ("trigger", "subscribe")
_MAPPINGS = ("mapping", "settings")
_SLUGS = ("partnerAction", "partner_action", "actionSlug", "action_slug", "action")
_DEEPEST = 40


class Subscription(msgspec.Struct, frozen=True):
    """A subscription of Segment's. `slug` is its action's, "" where the export doesn't say."""

    name: str
    enabled: bool
    slug: str
    trigger: str
    mapping: dict[str, Any]


def subscriptions_in(document: Any) -> Iterator[Subscription]:
    """The subscriptions in a decoded export, in their order."""
    waiting: list[tuple[Any, int]] = [(document, 0)]
    while waiting:
        value, depth = waiting.pop()
        found = _subscription(value) if isinstance(value, dict) else None
        if found is not None:
            yield found
        elif depth < _DEEPEST and isinstance(value, dict | list):
            inner = list(value.values()) if isinstance(value, dict) else value
            waiting += [(each, depth + 1) for each in reversed(inner)]


def _subscription(value: dict[str, Any]) -> Subscription | None:
    trigger = next((value[key] for key in _TRIGGERS if isinstance(value.get(key), str)), None)
    mapping = next(
        (each for each in (_object(value.get(key)) for key in _MAPPINGS) if each is not None), None
    )
    if trigger is None or mapping is None:
        return None
    slug = next((value[key] for key in _SLUGS if isinstance(value.get(key), str)), "")
    name = value.get("name")
    return Subscription(
        name=name if isinstance(name, str) else "",
        enabled=value.get("enabled") is not False,
        slug=slug,
        trigger=trigger,
        mapping=mapping,
    )


def _object(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None
    return value if isinstance(value, dict) else None
