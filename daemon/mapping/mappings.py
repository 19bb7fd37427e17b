"""A published mapping: what every message means for Iterable, ready to be evaluated.

Each action has its own kind; a lane holds one `Mappings` at a time and changes it only between
turns (DESIGN §3).
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from daemon.domain.commands import SubscriptionTarget
from daemon.domain.identity import ProjectType
from daemon.domain.messages import Message


class UpdateUser(msgspec.Struct, frozen=True):
    """Traits become profile fields. `everything` takes all of them under their own names.

    `fields` maps a field to the names that lead to its value in the traits.
    """

    name: str
    types: frozenset[str]
    everything: bool
    fields: dict[str, tuple[str, ...]]


class Made(msgspec.Struct, frozen=True):
    """What a mapping made of a message: a row, or why there is none.

    `left_out` are the fields the row lacks, as their values could not be had or sent.
    """

    row: dict[str, Any] | None
    left_out: tuple[str, ...] = ()
    reason: str = ""


class TrackEvent(msgspec.Struct, frozen=True):
    """A message becomes a custom event. `make` makes its row without its user.

    `expires_after` is in ms; None means an event is delivered however old it is.
    """

    name: str
    matches: Callable[[Message], bool]
    types: frozenset[str] | None
    make: Callable[[Message], Made]
    expires_after: int | None


class SubscribeList(msgspec.Struct, frozen=True):
    """An audience becomes a list."""

    name: str
    audience: str
    list_id: int


class UpdateSubscriptions(msgspec.Struct, frozen=True):
    """Messages that opt a person out of `targets`, and those that alone opt in again."""

    name: str
    opts_out: Callable[[Message], bool]
    opts_in: Callable[[Message], bool] | None
    targets: tuple[SubscriptionTarget, ...]


class Mappings(msgspec.Struct, frozen=True):
    """All mappings of one version.

    `opt_in_types` are message types somebody gets only if Iterable lists them as subscribed; all
    others they get unless listed as unsubscribed (iterable.md §10, an inference).
    """

    version: int
    project: ProjectType
    users: tuple[UpdateUser, ...] = ()
    events: tuple[TrackEvent, ...] = ()
    lists: tuple[SubscribeList, ...] = ()
    subscriptions: tuple[UpdateSubscriptions, ...] = ()
    opt_in_types: frozenset[int] = frozenset()

    def audiences(self, key: str) -> Iterator[SubscribeList]:
        return (mapping for mapping in self.lists if mapping.audience == key)

    def names(self) -> list[str]:
        every: tuple[Any, ...] = (*self.users, *self.events, *self.lists, *self.subscriptions)
        return [mapping.name for mapping in every]
