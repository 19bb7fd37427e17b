"""Whose messages are: identity is resolved for a whole turn, in the log's order."""

from collections.abc import Sequence

import msgspec

from daemon.domain.messages import INTERNAL_TYPES, LogRow, Message, decode
from daemon.mapping.identity import Resolution, identifiers, is_computed, resolve
from daemon.store import identifiers as identifier_table


class Read(msgspec.Struct, gc=False):
    """A log row with its message; None where the body can't be read."""

    row: LogRow
    message: Message | None


def read_message(row: LogRow) -> Read:
    """The row with its message."""
    try:
        return Read(row, decode(row.body))
    except (msgspec.DecodeError, msgspec.ValidationError):
        return Read(row, None)


def address(message: Message) -> str:
    """The user an internal message names, else the user key."""
    if message.type == "merge":
        return str(message.properties["loser"])
    if message.type == "merged":
        return str(message.properties["winner"])
    return message.user_key


def kind(identifier: str) -> identifier_table.Kind:
    """The kind an identifier's first letter says."""
    match identifier[0]:
        case "u":
            return "u"
        case "e":
            return "e"
        case _:
            return "a"


def names(message: Message) -> list[str]:
    """The identifiers by which a message's user is found."""
    return [address(message)] if message.type in INTERNAL_TYPES else identifiers(message)


def resolve_all(
    reads: Sequence[Read], known: dict[str, str]
) -> tuple[dict[int, Resolution], dict[str, str]]:
    """(resolution by position, what is to be claimed). What a message claims, the next one sees."""
    owners = dict(known)
    claims: dict[str, str] = {}
    resolutions: dict[int, Resolution] = {}
    for read in reads:
        message = read.message
        if message is None:
            continue
        if message.type in INTERNAL_TYPES:
            named = address(message)
            resolutions[read.row.position] = Resolution(owners.get(named, named))
            continue
        resolution = resolve(message, owners)
        resolutions[read.row.position] = resolution
        claims |= resolution.claims
        owners |= resolution.claims
        if not is_computed(message):
            # its own claims may have outlived a turn that never came to its checkpoint
            own = [each for each in identifiers(message) if owners.get(each) == resolution.user]
            resolution.claims |= dict.fromkeys(own, resolution.user)
    return resolutions, claims
