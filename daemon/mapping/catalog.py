"""What the names in a configuration are called by Iterable: ids of lists, channels, message types.

Names are resolved once, when a mapping is published; rows, Believed and drift speak of ids only,
so that renaming something in Iterable changes nothing.
"""

from typing import Final

import msgspec

from daemon.domain.commands import Group

WORDS: Final[dict[Group, str]] = {
    "emailList": "list",
    "messageChannel": "channel",
    "messageType": "message type",
}
"""What people call what Iterable names."""


class Catalog(msgspec.Struct, frozen=True):
    """Ids by name, as Iterable listed them; `opt_in` are the message types of that policy."""

    lists: dict[str, int] = {}
    channels: dict[str, int] = {}
    message_types: dict[str, int] = {}
    opt_in: list[int] = []

    def find(self, group: Group, reference: str | int) -> int | None:
        """The id a configuration means: a number is one, a name is looked up."""
        if isinstance(reference, int):
            return reference
        names = {
            "emailList": self.lists,
            "messageChannel": self.channels,
            "messageType": self.message_types,
        }
        return names[group].get(reference)

    def name(self, group: Group, identifier: int) -> str | None:
        """What people call an id; None where the catalog doesn't know it."""
        names = {
            "emailList": self.lists,
            "messageChannel": self.channels,
            "messageType": self.message_types,
        }
        return next((name for name, known in names[group].items() if known == identifier), None)


class Need(msgspec.Struct, frozen=True):
    """Something a configuration names and Iterable must have. `create`: make it if it's missing."""

    group: Group
    reference: str | int
    place: str
    create: bool = False
