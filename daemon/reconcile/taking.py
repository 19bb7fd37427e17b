"""The units of work of a sweep's first half: lines of an export, matched and stored."""

from collections.abc import Sequence
from typing import Any

import msgspec

from daemon.clients.iterable.users import parse_user
from daemon.domain.identity import ProjectType
from daemon.domain.profiles import Observed
from daemon.reconcile.match import IdentifierKey, Match, keys_of, owner_of
from daemon.store import Connection, identifiers, runs
from daemon.store.identifiers import Owner
from daemon.store.runs import ObservedRow

_read_line = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Observed).decode


class Taken(msgspec.Struct):
    """Users out of some lines: `unknown` have no profile, `broken` lines can't be read."""

    users: list[tuple[Match, Observed]] = []
    observed: int = 0
    unknown: int = 0
    broken: int = 0


def match_lines(
    lines: Sequence[bytes], project: ProjectType, as_of: int, connection: Connection
) -> Taken:
    """Read the lines of an export as users seen at `as_of` (ms), and find their profiles."""
    taken = Taken()
    found = []
    for line in lines:
        observed = _parse(line, as_of)
        if observed is None:
            taken.broken += 1
        else:
            found.append((observed, keys_of(observed, project)))
    taken.observed = len(found)
    owners = _owners(connection, [keys for _, keys in found])
    for observed, keys in found:
        match = owner_of(keys, owners)
        if match is None:
            taken.unknown += 1
        else:
            taken.users.append((match, observed))
    return taken


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


def store_users(run: int, found: Sequence[tuple[Match, Observed]], connection: Connection) -> None:
    """Keep users of a run.

    One found by the project's own key stands above one found by the other identifier.
    """
    uncertain = {match.user: seen for match, seen in found if not match.certain}
    known = runs.observed_of(connection, run, uncertain) if uncertain else {}
    rows = {user: seen for user, seen in uncertain.items() if user not in known}
    rows |= {match.user: seen for match, seen in found if match.certain}
    keep_observed(connection, run, rows)


def keep_observed(connection: Connection, run: int, observed: dict[str, Observed]) -> None:
    """Keep what was seen of users; what was kept before of the same run is overwritten."""
    rows = [ObservedRow(user, _encode(seen)) for user, seen in observed.items()]
    runs.add_observed(connection, run, rows)


def observed_of(connection: Connection, run: int, users: Sequence[str]) -> dict[str, Observed]:
    """What a run saw of these users; users it didn't see are left out."""
    return {user: _decode(body) for user, body in runs.observed_of(connection, run, users).items()}
