"""People as a lane has left them in the store: folded, delivered, and nothing open."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from daemon.domain.identity import IterableIdentity
from daemon.domain.messages import shard_of
from daemon.domain.profiles import Believed, Part, Profile, encode_believed, encode_profile
from daemon.mapping.diff import part_hashes
from daemon.mapping.project import project
from daemon.store import Connection, identifiers, users
from daemon.store.database import Database
from daemon.store.identifiers import Claim
from daemon.store.users import UserRow
from tests.bench.traffic import PUBLISHED, email, traits, user_id

CHUNK = 1000
_LONG_AGO = 1_600_000_000_000


class Person(msgspec.Struct, frozen=True):
    """Somebody's row in the store, their identifiers, and their row for Iterable."""

    row: UserRow
    claims: list[Claim]
    iterable: dict[str, Any]


def person(number: int) -> Person:
    user, address = f"u:{user_id(number)}", email(number)
    stamp = (_LONG_AGO, _LONG_AGO, 0, f"m{number}")
    profile = Profile(
        [stamp],
        {name: (value, 0) for name, value in traits(number).items()},
        emails=[address],
        known_since=_LONG_AGO,
    )
    desired = project(user, profile, PUBLISHED)
    parts = {part: Part(digest, _LONG_AGO) for part, digest in part_hashes(desired).items()}
    believed = Believed(IterableIdentity(address, user_id(number)), parts)
    shard = shard_of(user)
    return Person(
        UserRow(shard, user, encode_profile(profile), encode_believed(believed)),
        [Claim("u", user_id(number), shard, user), Claim("e", address, shard, user)],
        {"email": address, "userId": user_id(number), "dataFields": desired.fields},
    )


def settle(database: Database, count: int) -> Iterator[list[Person]]:
    """Put people into the store; each chunk of them once it is there."""
    for begin in range(0, count, CHUNK):
        made = [person(number) for number in range(begin, min(begin + CHUNK, count))]
        database.write_now(partial(_save, made))
        yield made


def _save(made: Sequence[Person], connection: Connection) -> None:
    users.save(connection, [each.row for each in made])
    identifiers.claim(connection, [claim for each in made for claim in each.claims])
