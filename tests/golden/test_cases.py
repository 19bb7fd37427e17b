"""Cases a marketer can read: mapping blocks and Segment's calls, and the rows Iterable gets.

Each file under `cases` holds one case. `project` is the project type, `mappings` the blocks (left
out: the default ones), `steps` what Segment sends (`messages`, `timestamp` in UTC) and what is sent
to Iterable then (`sent`: rows by endpoint, in their order; nothing else may be sent). A list's rows
carry its `listId`; a subscription's its `action`, `subscriptionGroup` and `subscriptionGroupId`.
Every row is accepted at once.
"""

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.domain.commands import CallKey, Command, Endpoint
from daemon.domain.identity import ProjectType
from daemon.domain.messages import Message
from daemon.domain.profiles import Believed, Profile
from daemon.mapping.blocks import DEFAULT, read
from daemon.mapping.catalog import Catalog
from daemon.mapping.events import has_expired, made_event, matching_events
from daemon.mapping.fold import fold
from daemon.mapping.identity import learn, resolve
from daemon.mapping.mappings import Mappings
from daemon.mapping.project import identity_of
from daemon.mapping.room import Bounds
from daemon.mapping.rows import event_row
from tests.unit.mapping.delivering import deliver

CASES = sorted(Path(__file__).parent.glob("cases/*.yaml"))
CATALOG = Catalog(
    lists={"VIP": 4711, "Segment: churn risk": 4712},
    channels={"Marketing Email": 11, "Marketing SMS": 12, "Marketing Push": 13},
    message_types={"Newsletter": 21},
)
LISTS = (Endpoint.LIST_SUBSCRIBE, Endpoint.LIST_UNSUBSCRIBE)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_iterable_gets_what_the_case_says(path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    blocks = read(case.get("mappings", DEFAULT))
    world = World(blocks.publish(1, ProjectType(case["project"]), CATALOG))
    for step in case["steps"]:
        messages = [spoken(one, number) for number, one in enumerate(step["messages"])]
        sent = world.take(messages, step.get("now"))
        assert sent == step["sent"], case["about"]
        assert list(sent) == list(step["sent"]), "the order of endpoints"


def test_there_are_a_dozen_cases() -> None:
    assert len(CASES) >= 12


def spoken(said: dict[str, Any], number: int) -> Message:
    """A call as Segment sends it, as a message."""
    at = milliseconds(said.get("timestamp", "2026-11-20T10:00:00Z"))
    traits = said.get("traits", {})
    context = said.get("context", {})
    email = traits.get("email") or context.get("traits", {}).get("email")
    return Message(
        type=said["type"],
        message_id=said.get("messageId", f"m{number}"),
        received_at=at,
        effective_at=at,
        index=number,
        source="golden",
        user_id=said.get("userId"),
        email=email.strip().lower() if email else None,
        anonymous_id=said.get("anonymousId"),
        event=said.get("event"),
        traits=traits,
        properties=said.get("properties", {}),
        context=context,
    )


def milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


class World:
    """All users of one Iterable project, as Segue knows them."""

    def __init__(self, mapped: Mappings) -> None:
        self._mapped = mapped
        self._owners: dict[str, str] = {}
        self._profiles: defaultdict[str, Profile] = defaultdict(Profile)
        self._believed: defaultdict[str, Believed] = defaultdict(Believed)

    def take(self, messages: list[Message], now: str | None) -> dict[str, list[dict[str, Any]]]:
        """Fold all messages, converge their users, then emit their events."""
        users = [self._fold(one) for one in messages]
        rows: list[tuple[CallKey, Command]] = []
        for user in dict.fromkeys(users):
            rows += deliver(user, self._profiles[user], self._believed[user], self._mapped)
        for user, one in zip(users, messages, strict=True):
            rows += self._events(user, one, milliseconds(now) if now else one.received_at)
        sent: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for key, command in rows:
            sent[str(key.endpoint)].append(shown(key, command))
        return dict(sent)

    def _fold(self, one: Message) -> str:
        found = resolve(one, self._owners)
        assert not found.losers, "a golden case has no merges"
        profile = self._profiles[found.user]
        self._owners |= found.claims
        for identifier in found.claims:
            learn(profile, identifier)
        fold(profile, one, self._mapped, Bounds())
        return found.user

    def _events(self, user: str, one: Message, now: int) -> list[tuple[CallKey, Command]]:
        identity = identity_of(user, self._profiles[user], self._mapped.project)
        rows = []
        for number, mapping in enumerate(matching_events(one, self._mapped)):
            row = made_event(one, mapping, first=number == 0).row
            if row is not None and identity is not None and not has_expired(one, mapping, now):
                rows.append(event_row(user, identity, self._mapped.project, 1, row))
        return rows


def shown(key: CallKey, command: Command) -> dict[str, Any]:
    if key.endpoint in LISTS:
        return {"listId": key.target, **command.row}
    if key.endpoint is Endpoint.SUBSCRIPTIONS:
        about = {"subscriptionGroup": key.group, "subscriptionGroupId": key.target}
        return {"action": key.action, **about, **command.row}
    return command.row
