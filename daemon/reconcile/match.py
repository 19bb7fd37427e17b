"""Which profile a user seen in Iterable belongs to. Pure.

The identifier that is unique in the project says it for certain; the other one only where no
profile is found by the first, and only while nobody certain comes along.
"""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from daemon.domain.identity import ProjectType
from daemon.domain.profiles import Observed
from daemon.store.identifiers import Owner

IdentifierKey: TypeAlias = tuple[str, str]
"""(kind, value) as in the store's table of identifiers: kind is `u`, `e` or `a`."""


class Match(msgspec.Struct, frozen=True, gc=False):
    """The profile a row belongs to. `certain`: found by the project's own key."""

    shard: int
    user: str
    certain: bool


def keys_of(observed: Observed, project: ProjectType) -> list[IdentifierKey]:
    """The identifiers by which to look for the profile, the project's own key first."""
    email, user_id = observed.identity.email, observed.identity.user_id
    by_email = [("e", email)] if email else []
    by_user_id = [("u", user_id)] if user_id else []
    return by_email + by_user_id if project is ProjectType.EMAIL else by_user_id + by_email


def owner_of(keys: list[IdentifierKey], owners: Mapping[IdentifierKey, Owner]) -> Match | None:
    """The profile found by the first of a row's keys that has an owner."""
    for place, key in enumerate(keys):
        owner = owners.get(key)
        if owner is not None:
            return Match(owner.shard, owner.user, certain=place == 0)
    return None
