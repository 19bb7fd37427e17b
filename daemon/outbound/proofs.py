"""Point reads that prove what an answer did not.

A 202 of the subscription calls proves no row: once the visibility lag is over, the user is read
and the choice confirmed or sent again. A change of the identifier that rows name, if it failed or
stayed without an answer, is looked for under the new one (DESIGN §3): sent again blindly, it could
make a second user of the old one.
"""

from collections.abc import Callable

import anyio
import msgspec
from anyio.abc import TaskGroup

from daemon.clients.iterable.client import IterableClient
from daemon.domain.identity import IterableIdentity
from daemon.domain.ports import Clock
from daemon.domain.profiles import Certainty, Observed, Part
from daemon.errors import ServiceError
from daemon.mapping.diff import IDENTITY, identity_hash
from daemon.mapping.observe import observed_hash
from daemon.outbound.converging import CHOICES, Converger, unproven
from daemon.outbound.landing import ABSENT, Patience
from daemon.outbound.residents import Resident, Residents
from daemon.outbound.turn import Turn

_MOST_READS = 16
_AGAIN = 5_000
_PROVING = "proving"
_PATIENCE = 600_000
"""How long (ms) a change is not sent again while nobody can tell whether it was made."""


class _Seen(msgspec.Struct):
    """A read that is over; `observed` is None where it failed.

    `asked` is false where there was nobody to ask for: then nothing is proven.
    """

    resident: Resident
    wanted: IterableIdentity | None
    observed: Observed | None
    asked: bool = True


class Proofs:
    """The reads of one lane, a bounded number at once."""

    def __init__(
        self, client: IterableClient, converger: Converger, clock: Clock, patience: Patience
    ) -> None:
        self._client = client
        self._converger = converger
        self._clock = clock
        self._patience = patience
        self._due: dict[str, int] = {}
        self._moved: dict[str, tuple[int, IterableIdentity]] = {}
        self._seen: list[_Seen] = []
        self.flying = 0

    def expect(self, resident: Resident) -> None:
        """Read this user when the lag is over, if a choice of theirs is unproven."""
        parts = resident.believed.parts
        times = [parts[name].at for name in unproven(resident.believed)]
        if times and resident.id not in self._due:
            due = max(times) + self._patience.lag
            self._due[resident.id] = due
            self._converger.delay(resident.id, due)

    def check_identity(self, resident: Resident, wanted: IterableIdentity, due: int) -> None:
        """A change of the identity that did not succeed may have been made all the same.

        Where rows would name another user after it, it is looked for when `due` (ms), and only then
        sent again.
        """
        project, current = self._converger.mappings.project, resident.believed.identity
        if current is None or current.key(project) == wanted.key(project):
            return
        self._moved[resident.id] = (due, wanted)
        resident.retry[IDENTITY] = due + _PATIENCE
        self._converger.delay(resident.id, due)

    def start(
        self, group: TaskGroup, residents: Residents, now: int, nudge: Callable[[], None]
    ) -> None:
        """Start the reads that are due."""
        for user, (due, wanted) in list(self._moved.items()):
            resident = residents.get(user)
            if resident is None:
                del self._moved[user]
            elif due <= now and self.flying < _MOST_READS and _PROVING not in resident.flying:
                del self._moved[user]
                self._fly(group, resident, wanted, nudge)
        for user, due in list(self._due.items()):
            resident = residents.get(user)
            if resident is None:
                del self._due[user]
            elif due <= now and self.flying < _MOST_READS and _PROVING not in resident.flying:
                del self._due[user]
                self._fly(group, resident, None, nudge)

    def _fly(
        self,
        group: TaskGroup,
        resident: Resident,
        wanted: IterableIdentity | None,
        nudge: Callable[[], None],
    ) -> None:
        self.flying += 1
        resident.flying.add(_PROVING)
        group.start_soon(self._read, resident, wanted, nudge)

    async def _read(
        self, resident: Resident, wanted: IterableIdentity | None, nudge: Callable[[], None]
    ) -> None:
        project = self._converger.mappings.project
        identity = wanted or self._converger.address(resident)
        if identity.key(project) is None:
            nobody = Observed(as_of=self._clock.now(), exists=False, identity=identity)
            self._seen.append(_Seen(resident, wanted, nobody, asked=False))
            nudge()
            return
        try:
            observed = await self._client.get_user(identity, project, self._clock.now())
        except ServiceError:
            await anyio.sleep(_AGAIN / 1000)
            self._seen.append(_Seen(resident, wanted, None))
        else:
            self._seen.append(_Seen(resident, wanted, observed))
        nudge()

    def land(self, turn: Turn) -> None:
        """Apply what was read."""
        seen, self._seen = self._seen, []
        for look in seen:
            self.flying -= 1
            look.resident.flying.discard(_PROVING)
            if look.observed is None:
                self._repeat(look, turn.now)
            elif look.wanted is not None:
                self._land_identity(look.resident, look.wanted, look.observed)
            else:
                self._land_choices(look.resident, look.observed, turn, asked=look.asked)
            look.resident.dirty = True
            before = look.resident.barrier, look.resident.rest
            self._converger.compare(look.resident)
            self._converger.keep_open(look.resident, *before)
            self._converger.enqueue(look.resident, turn.now)

    def _repeat(self, look: _Seen, now: int) -> None:
        if look.wanted is not None:
            self.check_identity(look.resident, look.wanted, now)
        else:
            self._due[look.resident.id] = now

    def _land_identity(
        self, resident: Resident, wanted: IterableIdentity, observed: Observed
    ) -> None:
        """The identity is there. Whether it is the user we knew, or another one who had it before,
        shows in what that user holds: whatever differs is sent again, but for what was refused.
        """
        resident.retry.pop(IDENTITY, None)
        if observed.identity != wanted or not observed.exists:
            return
        resident.believed.identity = wanted
        parts, opt_in = resident.believed.parts, self._converger.mappings.opt_in_types
        for name, part in parts.items():
            if name == IDENTITY or part.certainty == Certainty.REFUSED:
                continue
            if observed_hash(observed, name, opt_in) != part.hash:
                parts[name] = msgspec.structs.replace(part, certainty=Certainty.UNKNOWN)
        parts[IDENTITY] = Part(identity_hash(wanted), observed.as_of)

    def _land_choices(
        self, resident: Resident, observed: Observed, turn: Turn, *, asked: bool
    ) -> None:
        parts, opt_in = resident.believed.parts, self._converger.mappings.opt_in_types
        for name in unproven(resident.believed):
            part = parts[name]
            if part.at > observed.as_of - self._patience.lag:
                self.expect(resident)
                continue
            absent = asked and not observed.exists
            there = absent or (
                observed.exists and observed_hash(observed, name, opt_in) == part.hash
            )
            certainty = Certainty.CONFIRMED if there else Certainty.UNKNOWN
            reason = ABSENT if absent else ""
            parts[name] = msgspec.structs.replace(part, certainty=certainty, reason=reason)
            turn.counters["choices proven" if there else "choices sent again"] += 1
            if there:
                resident.tries.pop(_PROVING, None)
            else:
                self._send_later(resident, turn.now)

    def _send_later(self, resident: Resident, now: int) -> None:
        """A choice that can't be seen is sent again: at once, then after growing pauses."""
        tries = resident.tries.get(_PROVING, 0)
        resident.tries[_PROVING] = tries + 1
        if tries:
            wait = self._patience.first * 2 ** min(tries, 20)
            resident.retry[CHOICES] = now + min(wait, self._patience.longest)
