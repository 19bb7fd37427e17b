"""Delivers a user's difference the way a lane does, every row accepted at once."""

from daemon.domain.commands import CallKey, Command
from daemon.domain.identity import IterableIdentity
from daemon.domain.profiles import Believed, Desired, Part, Profile
from daemon.mapping.diff import IDENTITY, Difference, diff
from daemon.mapping.mappings import Mappings
from daemon.mapping.project import project
from daemon.mapping.rows import (
    creating_row,
    field_row,
    identity_row,
    list_row,
    subscription_row,
)

Rows = list[tuple[CallKey, Command]]
MOST_ROUNDS = 4


def deliver(user: str, profile: Profile, believed: Believed, mapped: Mappings) -> Rows:
    """The rows sent until Believed is Desired; raises AssertionError if that takes for ever."""
    desired = project(user, profile, mapped)
    sent: Rows = []
    for _ in range(MOST_ROUNDS):
        difference = diff(desired, believed)
        if not difference:
            return sent
        rows = rows_of(user, difference, desired, believed, mapped)
        sent.extend(rows)
        confirm(rows, difference, desired, believed)
    raise AssertionError(f"{diff(desired, believed)} is left after {MOST_ROUNDS} rounds")


def rows_of(
    user: str, difference: Difference, desired: Desired, believed: Believed, mapped: Mappings
) -> Rows:
    """One round: a change of identity alone, else opt-outs, fields, lists, opt-ins."""
    kind = mapped.project
    current = believed.identity or desired.identity
    assert current is not None
    if difference.identity is not None:
        return [identity_row(user, current, difference.identity, kind)]
    rows = [subscription_row(user, current, kind, wish) for wish in difference.opt_outs]
    if difference.fields or difference.creates:
        build = creating_row if believed.identity is None else field_row
        rows.append(build(user, current, kind, difference.fields, difference.hashes))
    rows += [list_row(user, current, kind, one, member=True) for one in difference.subscribe]
    rows += [list_row(user, current, kind, one, member=False) for one in difference.unsubscribe]
    rows += [subscription_row(user, current, kind, wish) for wish in difference.opt_ins]
    return rows


def confirm(
    rows: Rows, difference: Difference, desired: Desired, believed: Believed, at: int = 1
) -> None:
    """Believe what the rows' parts say."""
    chosen = {wish.target.part: wish.chosen for wish in difference.opt_outs + difference.opt_ins}
    for _, command in rows:
        for part, digest in command.parts.items():
            if part != IDENTITY:
                believed.parts[part] = Part(digest, at, chosen=chosen.get(part, 0))
    believed.identity = next_identity(difference, desired, believed)


def next_identity(
    difference: Difference, desired: Desired, believed: Believed
) -> IterableIdentity | None:
    return difference.identity or believed.identity or desired.identity
