"""Which user an identifier belongs to. The first claim holds; only a merge moves it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

import msgspec
from sqlalchemy import Connection, select, update

from daemon.domain.messages import shard_of
from daemon.store.schema import IDENTIFIER, USER
from daemon.store.statements import among, chunks, put_new, structs

Kind: TypeAlias = Literal["u", "e", "a"]
"""userId, e-mail, anonymousId"""


class Claim(msgspec.Struct, frozen=True, order=True, gc=False):
    """`user` of `shard` names this identifier as its own."""

    kind: Kind
    value: str
    shard: int
    user: str


class Owner(msgspec.Struct, frozen=True, gc=False):
    """Whose identifier it is."""

    shard: int
    user: str


_OWNERS = select(IDENTIFIER.c.value, IDENTIFIER.c.shard, IDENTIFIER.c.user)


def claim(connection: Connection, claims: Sequence[Claim]) -> None:
    """Note each claim whose identifier is free. Sorted, so that two lanes can't deadlock."""
    put_new(connection, IDENTIFIER, [msgspec.structs.asdict(each) for each in sorted(claims)])


def owners(connection: Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Owner]:
    """The owners of those identifiers (kind, value) that have one."""
    of_kind: defaultdict[str, list[str]] = defaultdict(list)
    for kind, value in dict.fromkeys(keys):
        of_kind[kind].append(value)
    return {
        (kind, value): Owner(shard, user)
        for kind, values in of_kind.items()
        for chunk in chunks(values)
        for value, shard, user in connection.execute(
            _OWNERS.where(IDENTIFIER.c.kind == kind, among(connection, IDENTIFIER.c.value, chunk))
        )
    }


def ownerless(connection: Connection) -> Iterator[Claim]:
    """The identifiers whose user is not there: not yet, or lost. For `audit`: it scans."""
    there = (USER.c.shard == IDENTIFIER.c.shard) & (USER.c.id == IDENTIFIER.c.user)
    statement = select(IDENTIFIER).join_from(IDENTIFIER, USER, there, isouter=True)
    for row in connection.execute(statement.where(USER.c.id.is_(None))):
        yield Claim(*row)


def repoint(connection: Connection, from_user: str, to_shard: int, to_user: str) -> int:
    """Give all identifiers of a user to another. How many there were."""
    statement = (
        update(IDENTIFIER)
        .where(IDENTIFIER.c.shard == shard_of(from_user), IDENTIFIER.c.user == from_user)
        .values(shard=to_shard, user=to_user)
    )
    return connection.execute(statement).rowcount


def of_user(connection: Connection, user: str) -> list[Claim]:
    """The identifiers of a user, sorted."""
    statement = select(IDENTIFIER).where(
        IDENTIFIER.c.shard == shard_of(user), IDENTIFIER.c.user == user
    )
    return sorted(structs(Claim, connection.execute(statement)))
