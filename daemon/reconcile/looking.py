"""Looks at profiles beside what Iterable was seen to hold of them: units of work, read only.

A user with an open mark or in an open call is in flight and isn't judged: its lane is about to make
the two sides agree anyway.
"""

from collections.abc import Sequence

import msgspec

from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.profiles import (
    Believed,
    Desired,
    Observed,
    Profile,
    decode_believed,
    decode_profile,
)
from daemon.mapping.mappings import Mappings
from daemon.mapping.project import project
from daemon.reconcile.compare import Comparison, Finding, Standing, compare
from daemon.reconcile.identities import Acquaintance
from daemon.reconcile.match import keys_of, owner_of
from daemon.reconcile.sights import recall
from daemon.store import Connection, calls, identifiers, marks, users
from daemon.store.users import UserRow

UserKey = tuple[int, str]
"""(shard, id)"""

_OPEN = frozenset({Standing.REPAIRABLE, Standing.REPORTED})


class Lens(msgspec.Struct, frozen=True):
    """By what is compared: the published mapping, and the visibility lag in ms."""

    mappings: Mappings
    lag: int


class Look(msgspec.Struct, frozen=True, gc=False):
    """One profile, looked at. `known`: Iterable once confirmed it. `addressed` False means that
    nothing can be sent for it yet. `reached`: its rows go to the user seen, if one was.
    """

    shard: int
    user: str
    findings: list[Finding]
    in_flight: bool
    addressed: bool
    known: bool
    absent: bool
    reached: bool = True

    @property
    def suspicious(self) -> bool:
        """Whether something is different that isn't settled."""
        return any(one.standing in _OPEN for one in self.findings)

    @property
    def agrees(self) -> bool:
        """Whether Iterable confirmed the user once, and holds now all that it should."""
        return self.known and self.addressed and not (self.findings or self.in_flight)

    @property
    def first(self) -> bool:
        """Whether an opt-out is missing."""
        return any(one.first for one in self.findings)


def states_of(row: UserRow, mappings: Mappings) -> tuple[Desired, Believed]:
    """What Iterable should hold of a stored user, and is believed to hold."""
    profile = decode_profile(row.profile) if row.profile else Profile()
    believed = decode_believed(row.believed) if row.believed else Believed()
    return project(row.id, profile, mappings), believed


def look(row: UserRow, observed: Observed, lens: Lens, *, busy: bool) -> Look:
    """Compare one stored user with what was seen of it."""
    desired, believed = states_of(row, lens.mappings)
    comparison = Comparison()
    project = lens.mappings.project
    addressed = believed.identity or desired.identity
    if not busy:
        comparison = compare(
            desired,
            believed,
            observed,
            project=project,
            lag=lens.lag,
            opt_in_types=lens.mappings.opt_in_types,
        )
    return Look(
        shard=row.shard,
        user=row.id,
        findings=comparison.findings,
        in_flight=busy or (comparison.in_flight > 0 and not comparison.findings),
        addressed=desired.identity is not None,
        known=believed.identity is not None,
        absent=not observed.exists,
        reached=addressed is not None and addressed.reaches(observed.identity, project),
    )


def look_at_chunk(
    run: int,
    as_of: int,
    lens: Lens,
    after: UserKey | None,
    limit: int,
    connection: Connection,
) -> list[Look]:
    """Look at the next `limit` profiles after a (shard, id) beside what `run` saw at `as_of`."""
    rows = users.scan(connection, after, limit)
    seen = recall(connection, run, [row.id for row in rows])
    agreed = {user for user, observed in seen.items() if observed is None}
    busy = _busy(connection, [(row.shard, row.id) for row in rows if row.id not in agreed])
    absent = Observed(as_of=as_of, exists=False, identity=IterableIdentity())
    return [
        _agreed(row)
        if row.id in agreed
        else look(row, seen.get(row.id) or absent, lens, busy=row.id in busy)
        for row in rows
    ]


def _agreed(row: UserRow) -> Look:
    """The look at a user who agreed when the export was taken in."""
    return Look(row.shard, row.id, [], in_flight=False, addressed=True, known=True, absent=False)


def look_again(key: UserKey, observed: Observed, lens: Lens, connection: Connection) -> Look | None:
    """Look at one profile as it is now; None where it is gone."""
    row = users.load(connection, [key]).get(key[1])
    if row is None:
        return None
    return look(row, observed, lens, busy=key[1] in _busy(connection, [key]))


def acquainted(
    run: int, key: UserKey, mappings: Mappings, connection: Connection
) -> Acquaintance | None:
    """What is known of a user before it is read; None where nobody could be addressed."""
    row = users.load(connection, [key]).get(key[1])
    if row is None:
        return None
    desired, believed = states_of(row, mappings)
    if desired.identity is None:
        return None
    sight = recall(connection, run, [key[1]]).get(key[1])
    return Acquaintance(desired.identity, believed.identity, sight)


def is_theirs(
    key: UserKey, observed: Observed, project: ProjectType, connection: Connection
) -> bool:
    """Whether a user seen belongs to this profile, and to no other."""
    keys = keys_of(observed, project)
    owner = owner_of(keys, identifiers.owners(connection, keys))
    return owner is not None and (owner.shard, owner.user) == key


def _busy(connection: Connection, keys: Sequence[UserKey]) -> set[str]:
    """Those of `keys` that have an open mark, or a row in an open call."""
    wanted = {user for _, user in keys}
    open_calls = calls.open_calls(connection, {shard for shard, _ in keys}) if keys else []
    flying = {user for call in open_calls for user in call.rows.users if user in wanted}
    return flying | set(marks.of_users(connection, keys))
