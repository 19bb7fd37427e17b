"""The units of work of a sweep's first half: lines of an export, matched and stored."""

from collections.abc import Sequence
from typing import Any

import msgspec

from daemon.clients.iterable.users import parse_user
from daemon.domain.profiles import Observed
from daemon.reconcile.looking import Lens, look
from daemon.reconcile.match import IdentifierKey, Match, keys_of, owner_of
from daemon.reconcile.sights import keep, recall
from daemon.store import Connection, identifiers, users
from daemon.store.identifiers import Owner
from daemon.store.users import UserRow

_read_line = msgspec.json.Decoder(dict[str, Any]).decode


class Sight(msgspec.Struct, frozen=True, gc=False):
    """A user seen, and whose profile it is. `agrees`: it holds all that it should."""

    match: Match
    observed: Observed
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
    agrees = match.certain and row is not None and look(row, observed, lens, busy=False).agrees
    return Sight(match, observed, agrees)


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

    One found by the project's own key stands above one found by the other identifier.
    """
    uncertain = {one.match.user: one.observed for one in sights if not one.match.certain}
    known = recall(connection, run, uncertain) if uncertain else {}
    rows: dict[str, Observed | None] = {
        user: observed for user, observed in uncertain.items() if user not in known
    }
    for one in sights:
        if one.match.certain:
            rows[one.match.user] = None if one.agrees else one.observed
    keep(connection, run, rows)
