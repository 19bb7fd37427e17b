"""Runs a preview over what the store holds: every profile, and the last messages of the log."""

from functools import partial

import msgspec

from daemon.domain.messages import INTERNAL_TYPES
from daemon.domain.profiles import decode_profile
from daemon.mapping.mappings import Mappings
from daemon.mapping.preview import Preview, Sample, Shift
from daemon.outbound.resolving import read_message
from daemon.store import log, users
from daemon.store.database import Database

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


def preview(database: Database, old: Mappings, new: Mappings, *, last: int) -> PreviewReport:
    """Compare two mappings on all profiles and on the `last` messages that are retained.

    Read chunk by chunk, as no read may outlive one beside a daemon that writes (DESIGN §6).
    """
    found = Preview(old, new)
    after: tuple[int, str] | None = None
    while rows := database.read_now(partial(users.scan, after=after, limit=_CHUNK)):
        for row in rows:
            found.profile(row.id, decode_profile(row.profile))
        after = (rows[-1].shard, rows[-1].id)
    _replay(database, found, last)
    return PreviewReport(
        profiles=found.profiles,
        users_changed=found.users_changed,
        users=_lines(found.users),
        messages=found.messages,
        messages_changed=found.messages_changed,
        events=_lines(found.events),
    )


def _replay(database: Database, found: Preview, last: int) -> None:
    """The messages there are now; what comes in meanwhile is not waited for."""
    head = database.read_now(log.head)
    after = max(head - last, 0)
    read = partial(log.read, shards=None, limit=_CHUNK)
    while after < head and (rows := database.read_now(partial(read, after=after))):
        for row in rows:
            message = read_message(row).message if row.position <= head else None
            if message is not None and message.type not in INTERNAL_TYPES:
                found.message(message)
        after = rows[-1].position


def _lines(shifts: dict[str, Shift]) -> list[ShiftLine]:
    return [
        ShiftLine(what, shift.new, shift.changed, shift.left, shift.samples)
        for what, shift in sorted(shifts.items())
    ]
