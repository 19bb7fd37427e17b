"""The units of work of a sweep's first half: lines of an export, matched and stored."""

from collections.abc import Sequence
from typing import Any

import msgspec

from daemon.clients.iterable.users import parse_user
from daemon.domain.profiles import Observed
from daemon.reconcile.identities import also_seen
from daemon.reconcile.looking import Lens, look
from daemon.reconcile.match import IdentifierKey, Match, keys_of, owner_of
from daemon.reconcile.sights import keep, recall
from daemon.store import Connection, identifiers, users
from daemon.store.identifiers import Owner
from daemon.store.users import UserRow

_read_line = msgspec.json.Decoder(dict[str, Any]).decode


class Sight(msgspec.Struct, frozen=True, gc=False):
    """A user seen, and whose profile it is. `own`: it is the one that rows of the profile name.

    `agrees`: it holds all that it should.
    """

    match: Match
    observed: Observed
    own: bool
    agrees: bool


class Taken(msgspec.Struct):
    """Users out of some lines: `unknown` have no profile, `broken` lines can't be read."""

    users: list[Sight] = []
    observed: int = 0
    unknown: int = 0
    broken: int = 0


def take_lines(lines: Sequence[bytes], lens: Lens, as_of: int, connection: Connection) -> Taken:
    """Read the lines of an export as users seen at `as_of` (ms), beside their profiles."""
    taken = Taken()
    found = []
    for line in lines:
        observed = _parse(line, as_of)
        if observed is None:
            taken.broken += 1
        else:
            found.append((observed, keys_of(observed, lens.mappings.project)))
    taken.observed = len(found)
    owners = _owners(connection, [keys for _, keys in found])
    matched = [(owner_of(keys, owners), observed) for observed, keys in found]
    pairs = [(match, observed) for match, observed in matched if match is not None]
    taken.unknown = len(found) - len(pairs)
    rows = users.load(connection, [(match.shard, match.user) for match, _ in pairs])
    taken.users = [_sight(match, observed, rows.get(match.user), lens) for match, observed in pairs]
    return taken


def _sight(match: Match, observed: Observed, row: UserRow | None, lens: Lens) -> Sight:
    if row is None or not match.certain:
        return Sight(match, observed, own=match.certain, agrees=False)
    seen = look(row, observed, lens, busy=False)
    own = seen.reached or not seen.addressed
    return Sight(match, observed, own, agrees=own and seen.agrees)


def _owners(
    connection: Connection, rows: Sequence[list[IdentifierKey]]
) -> dict[IdentifierKey, Owner]:
    """Who owns the first key of each row; the others are asked for only where nobody does."""
    owners = identifiers.owners(connection, [keys[0] for keys in rows])
    others = [key for keys in rows if keys[0] not in owners for key in keys[1:]]
    return owners | identifiers.owners(connection, others) if others else owners


def _parse(line: bytes, as_of: int) -> Observed | None:
    try:
        observed = parse_user(_read_line(line), as_of)
    except (ValueError, RecursionError):
        return None
    return observed if observed.exists else None


def store_sights(run: int, sights: Sequence[Sight], connection: Connection) -> None:
    """Keep what was seen in a run.

    The user that a profile's rows name stands above one found by another identifier. Of the latter
    the first is kept, and that it isn't the only one.
    """
    strange = [one for one in sights if not one.own]
    rows: dict[str, Observed | None] = {}
    known = recall(connection, run, [one.match.user for one in strange]) if strange else {}
    for one in strange:
        user = one.match.user
        if user not in rows and user not in known:
            rows[user] = msgspec.structs.replace(one.observed, others=[])
            continue
        before = rows.get(user, known.get(user))
        if before is not None:
            rows[user] = also_seen(before, one.observed)
    for one in sights:
        if one.own:
            rows[one.match.user] = None if one.agrees else one.observed
    keep(connection, run, rows)
