"""Reads the `mappings:` of a configuration, and says everything that is wrong with them.

Reading has two steps: `read` checks the blocks by themselves and lists what they need of Iterable;
`Blocks.publish` turns them into Mappings once a catalog can name ids.
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec

from daemon.domain.commands import Group, SubscriptionTarget
from daemon.domain.identity import ProjectType
from daemon.errors import ConfigurationError
from daemon.mapping.actions import ACTIONS
from daemon.mapping.catalog import WORDS, Catalog, Need
from daemon.mapping.declarations.action import Kind
from daemon.mapping.events import ROOTS, track_events, unknown_roots
from daemon.mapping.mappings import (
    Mappings,
    SubscribeList,
    UpdateSubscriptions,
    UpdateUser,
)
from daemon.mapping.project import ITERABLES_OWN
from daemon.mapping.registry.blocks import Block, read_block
from daemon.mapping.subscribe import Subscribe, SubscribeError, parse

_KEYS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    # action: (required keys, further keys)
    "update_user": (frozenset({"subscribe", "fields"}), frozenset()),
    "subscribe_list": (frozenset({"audience", "list"}), frozenset({"create"})),
    "update_subscriptions": (frozenset({"subscribe", "unsubscribe"}), frozenset({"opt_in"})),
}
EVENTS = tuple(
    action.name for action in ACTIONS.values() if action.kind is Kind.EVENT and action.row
)
"""Actions whose events go by the bulk call."""
DELIVERED = [name for name in ACTIONS if name in _KEYS or name in EVENTS]
"""What can be published so far."""
_TARGETS: dict[str, Group] = {"channels": "messageChannel", "message_types": "messageType"}
DEFAULT: list[dict[str, Any]] = [
    {
        "name": "profiles",
        "subscribe": 'type = "identify"',
        "action": "update_user",
        "fields": {"*": "$.traits"},
    },
    {
        "name": "events",
        "subscribe": 'type = "track"',
        "action": "track_event",
        "preset": "segment",
    },
]
"""What Segment's own destination does with identify and track (segment.md §13.3)."""


class ListBlock(msgspec.Struct, frozen=True):
    """A subscribe_list block before its list has an id."""

    name: str
    audience: str
    reference: str | int
    create: bool
    place: str


class SubscriptionBlock(msgspec.Struct, frozen=True):
    """An update_subscriptions block before its targets have ids."""

    name: str
    opts_out: Subscribe
    opts_in: Subscribe | None
    targets: tuple[tuple[Group, str | int], ...]
    place: str


class Blocks(msgspec.Struct, frozen=True):
    """Mapping blocks that are right by themselves."""

    users: tuple[UpdateUser, ...]
    events: tuple[Block, ...]
    lists: tuple[ListBlock, ...]
    subscriptions: tuple[SubscriptionBlock, ...]

    def needs(self) -> list[Need]:
        """What Iterable must have for these blocks to be published."""
        lists = [Need("emailList", b.reference, f"{b.place}.list", b.create) for b in self.lists]
        targets = [
            Need(group, reference, f"{block.place}.unsubscribe")
            for block in self.subscriptions
            for group, reference in block.targets
        ]
        return lists + targets

    def _lists_named_twice(self, catalog: Catalog) -> list[str]:
        """Two audiences can't both say who is on one list."""
        owners: dict[int | None, str] = {None: ""}
        problems = []
        for block in self.lists:
            owner = owners.setdefault(catalog.find("emailList", block.reference), block.place)
            if owner not in ("", block.place):
                problems.append(f"{block.place}.list: {block.reference!r} is the list of {owner}")
        return problems

    def publish(self, version: int, project: ProjectType, catalog: Catalog) -> Mappings:
        """The mappings with ids for names; raises ConfigurationError for names nobody knows."""
        problems = [
            f"{need.place}: Iterable has no {WORDS[need.group]} called {need.reference!r}"
            for need in self.needs()
            if catalog.find(need.group, need.reference) is None
        ]
        problems += self._lists_named_twice(catalog)
        if problems:
            raise ConfigurationError(problems)
        return Mappings(
            version=version,
            project=project,
            users=self.users,
            events=tuple(
                event for block in self.events for event in track_events(block.ready(catalog))
            ),
            lists=tuple(
                SubscribeList(b.name, b.audience, catalog.find("emailList", b.reference) or 0)
                for b in self.lists
            ),
            subscriptions=tuple(
                UpdateSubscriptions(
                    name=block.name,
                    opts_out=block.opts_out.matches,
                    opts_in=block.opts_in.matches if block.opts_in else None,
                    targets=tuple(
                        SubscriptionTarget(group, catalog.find(group, reference) or 0)
                        for group, reference in block.targets
                    ),
                )
                for block in self.subscriptions
            ),
            opt_in_types=frozenset(catalog.opt_in),
        )


def read(blocks: Sequence[object]) -> Blocks:
    """Read all blocks; raises ConfigurationError with one line for each mistake and its place."""
    reader = _Reader()
    for number, block in enumerate(blocks):
        reader.block(block, f"mappings[{number}]")
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return Blocks(
        users=tuple(reader.users),
        events=tuple(reader.events),
        lists=tuple(reader.lists),
        subscriptions=tuple(reader.subscriptions),
    )


class _Reader:
    """Collects what it could read, and every problem on the way."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.users: list[UpdateUser] = []
        self.events: list[Block] = []
        self.lists: list[ListBlock] = []
        self.subscriptions: list[SubscriptionBlock] = []
        self._names: dict[str, str] = {}

    def block(self, block: object, place: str) -> None:
        if not isinstance(block, Mapping):
            self._wrong(place, "must be a block with name, action and more")
            return
        if "action" not in block:
            self._wrong(f"{place}.action", f"is required; use one of {', '.join(DELIVERED)}")
            return
        action = block["action"]
        if isinstance(action, str) and action in EVENTS:
            self._event(block, place)
            return
        if not isinstance(action, str) or action not in _KEYS:
            self._wrong(f"{place}.action", _one_of(action, DELIVERED))
            self._conditions(block, place)
            return
        if not self._keys(block, action, place):
            self._conditions(block, place)
            return
        name = self._name(block, place)
        readers: dict[str, Callable[[Mapping[str, Any], str, str], None]] = {
            "update_user": self._update_user,
            "subscribe_list": self._subscribe_list,
            "update_subscriptions": self._update_subscriptions,
        }
        readers[action](block, name, place)

    def _conditions(self, block: Mapping[str, Any], place: str) -> None:
        """What can be judged of a block that can't be read: all mistakes are told at once."""
        for key in ("subscribe", "opt_in"):
            if key in block:
                self._subscribe(block[key], f"{place}.{key}")

    def _keys(self, block: Mapping[str, Any], action: str, place: str) -> bool:
        required, further = _KEYS[action]
        allowed = {"name", "action", *required, *further}
        for key in block:
            if key not in allowed:
                self._wrong(f"{place}.{key}", _one_of(key, sorted(allowed)))
        missing = sorted({"name", *required} - set(block))
        for key in missing:
            self._wrong(f"{place}.{key}", f"is required for {action}")
        return not missing

    def _name(self, block: Mapping[str, Any], place: str) -> str:
        name = block["name"]
        if not isinstance(name, str) or not name.strip() or "/" in name:
            self._wrong(f"{place}.name", "must be text without a slash")
            return ""
        self._take_name(name, place)
        return name

    def _take_name(self, name: str, place: str) -> None:
        if name in self._names:
            self._wrong(f"{place}.name", f"{name!r} is already the name of {self._names[name]}")
        self._names[name] = place

    def _event(self, block: Mapping[str, Any], place: str) -> None:
        read = read_block(block, place, self.problems)
        if read is None:
            return
        if read.name:
            self._take_name(read.name, place)
        for name, field in read.own.compiled.items():
            for root in unknown_roots(field.reads):
                allowed = ", ".join(ROOTS)
                self._wrong(
                    f"{place}.fields.{name}",
                    f"$.{root} is no part of a message that is kept; these are: {allowed}",
                )
        self.events.append(read)

    def _update_user(self, block: Mapping[str, Any], name: str, place: str) -> None:
        subscribe = self._subscribe(block["subscribe"], f"{place}.subscribe")
        only = (frozenset({"identify"}), frozenset({"type"}))
        if subscribe and (subscribe.types, subscribe.operands) != only:
            self._wrong(f"{place}.subscribe", 'update_user takes `type = "identify"` only')
        everything = False
        fields: dict[str, tuple[str, ...]] = {}
        for target, source in self._fields(block, place).items():
            words = source.removeprefix("$.").split(".")
            if target == "*":
                everything = source == "$.traits"
                if not everything:
                    self._wrong(f"{place}.fields.*", "can only be $.traits")
            elif "." in target or target in ITERABLES_OWN:
                self._wrong(f"{place}.fields.{target}", "is no field of yours to write")
            elif words[0] != "traits" or len(words) == 1 or "" in words:
                self._wrong(f"{place}.fields.{target}", "must be a path into $.traits")
            else:
                fields[target] = tuple(words[1:])
        self.users.append(UpdateUser(name, frozenset({"identify"}), everything, fields))

    def _subscribe_list(self, block: Mapping[str, Any], name: str, place: str) -> None:
        audience, reference = block["audience"], block["list"]
        if not isinstance(audience, str) or not audience or audience == "*":
            self._wrong(f"{place}.audience", "must be the key of one audience")
        self._reference(reference, f"{place}.list")
        create = block.get("create", False)
        if not isinstance(create, bool):
            self._wrong(f"{place}.create", "must be true or false")
        self.lists.append(ListBlock(name, str(audience), reference, bool(create), place))

    def _update_subscriptions(self, block: Mapping[str, Any], name: str, place: str) -> None:
        opts_out = self._subscribe(block["subscribe"], f"{place}.subscribe")
        opts_in = None
        if "opt_in" in block:
            opts_in = self._subscribe(block["opt_in"], f"{place}.opt_in")
        targets: list[tuple[Group, str | int]] = []
        wanted = block["unsubscribe"]
        if not isinstance(wanted, Mapping) or not wanted or not set(wanted) <= set(_TARGETS):
            self._wrong(f"{place}.unsubscribe", "must hold channels or message_types, as lists")
            return
        if not any(wanted.values()):
            self._wrong(f"{place}.unsubscribe", "must name at least one channel or message type")
        for key, references in wanted.items():
            for reference in references if isinstance(references, list) else [references]:
                self._reference(reference, f"{place}.unsubscribe.{key}")
                targets.append((_TARGETS[key], reference))
        if opts_out:
            self.subscriptions.append(
                SubscriptionBlock(name, opts_out, opts_in, tuple(targets), place)
            )

    def _subscribe(self, text: object, place: str) -> Subscribe | None:
        if not isinstance(text, str):
            self._wrong(place, 'must be text, such as: type = "track"')
            return None
        try:
            return parse(text)
        except SubscribeError as error:
            self._wrong(place, str(error))
            return None

    def _fields(self, block: Mapping[str, Any], place: str) -> dict[str, str]:
        fields = block.get("fields", {})
        if not isinstance(fields, Mapping):
            self._wrong(f"{place}.fields", "must be a block of `field: $.path` lines")
            return {}
        found: dict[str, str] = {}
        for target, source in fields.items():
            if isinstance(source, str) and source.startswith("$."):
                found[str(target)] = source
            else:
                self._wrong(f"{place}.fields.{target}", "must be a path such as $.traits.plan")
        return found

    def _reference(self, reference: object, place: str) -> None:
        right = isinstance(reference, int) or (isinstance(reference, str) and reference)
        if isinstance(reference, bool) or not right:
            self._wrong(place, "must be a name or an id")

    def _wrong(self, place: str, what: str) -> None:
        self.problems.append(f"{place}: {what}")


def _one_of(found: object, allowed: list[str]) -> str:
    close = get_close_matches(str(found), allowed, 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{found!r} is not available; use one of {', '.join(allowed)}{hint}"
