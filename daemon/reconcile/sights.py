"""What a run saw of users, in the store. Whoever was seen to agree leaves no copy of their data."""

from collections.abc import Iterable, Mapping

import msgspec

from daemon.domain.profiles import Observed
from daemon.store import Connection, runs
from daemon.store.runs import ObservedRow

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Observed).decode


def keep(connection: Connection, run: int, seen: Mapping[str, Observed | None]) -> None:
    """Keep what was seen of users, None for one that agreed in every part.

    What was kept of a user before in the same run is overwritten.
    """
    rows = [ObservedRow(user, _encode(one) if one else b"") for user, one in seen.items()]
    runs.add_observed(connection, run, rows)


def recall(connection: Connection, run: int, users: Iterable[str]) -> dict[str, Observed | None]:
    """What a run saw of these users, None for one that agreed; users it didn't see are left out."""
    bodies = runs.observed_of(connection, run, users)
    return {user: _decode(body) if body else None for user, body in bodies.items()}
