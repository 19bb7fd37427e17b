"""Runs a preview over what the store holds: every profile, and the last messages of the log."""

from typing import Any

import msgspec

from daemon.domain.messages import INTERNAL_TYPES
from daemon.domain.profiles import decode_profile
from daemon.mapping.mappings import Mappings
from daemon.mapping.preview import Preview, Sample
from daemon.outbound.resolving import read_message
from daemon.store import Connection, log, users

_CHUNK = 1_000


class ShiftLine(msgspec.Struct, frozen=True):
    """How one field, list, choice or event would change. `new`, `changed`, `left` are counts."""

    what: str
    new: int
    changed: int
    left: int
    samples: list[Sample]


class PreviewReport(msgspec.Struct, frozen=True):
    """What a mapping would change: of users by part, of events by name."""

    profiles: int
    users_changed: int
    users: list[ShiftLine]
    messages: int
    messages_changed: int
    events: list[ShiftLine]


def preview(connection: Connection, old: Mappings, new: Mappings, *, last: int) -> PreviewReport:
    """Compare two mappings on all profiles and on the `last` messages that are retained."""
    found = Preview(old, new)
    after: tuple[int, str] | None = None
    while rows := users.scan(connection, after, _CHUNK):
        for row in rows:
            found.profile(row.id, decode_profile(row.profile))
        after = (rows[-1].shard, rows[-1].id)
    _replay(connection, found, last)
    return PreviewReport(
        profiles=found.profiles,
        users_changed=found.users_changed,
        users=_lines(found.users),
        messages=found.messages,
        messages_changed=found.messages_changed,
        events=_lines(found.events),
    )


def _replay(connection: Connection, found: Preview, last: int) -> None:
    after = max(log.head(connection) - last, 0)
    while rows := log.read(connection, after, None, _CHUNK):
        for row in rows:
            message = read_message(row).message
            if message is not None and message.type not in INTERNAL_TYPES:
                found.message(message)
        after = rows[-1].position


def _lines(shifts: dict[str, Any]) -> list[ShiftLine]:
    return [
        ShiftLine(what, shift.new, shift.changed, shift.left, shift.samples)
        for what, shift in sorted(shifts.items())
    ]
