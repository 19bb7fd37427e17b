"""The fold stage of a turn: messages find their users and enter their profiles. Local; it never
waits for Iterable.

Identity is resolved for the whole turn first, since claims must be committed before folding
(DESIGN §3). Most messages need no look-up: their user is there and knows all their identifiers.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import msgspec

from daemon.domain.messages import (
    INTERNAL_TYPES,
    LogRow,
    Message,
    MessageClass,
    shard_of,
)
from daemon.domain.profiles import (
    Observation,
    Profile,
    decode_profile,
)
from daemon.mapping.diff import IDENTITY, part_hashes
from daemon.mapping.fold import fold
from daemon.mapping.identity import Resolution, is_computed, knows, learn
from daemon.mapping.observe import apply_observation
from daemon.mapping.project import project
from daemon.mapping.room import Bounds
from daemon.outbound.converging import FIELDS, LISTS, Converger, unproven
from daemon.outbound.emitting import Fate
from daemon.outbound.merging import Merging, begin
from daemon.outbound.residents import Resident, Residents
from daemon.outbound.resolving import Read, address, kind, names, resolve_all
from daemon.outbound.turn import Turn
from daemon.store import Connection, marks, users, waiting
from daemon.store import identifiers as identifier_table
from daemon.store.database import Database

log = logging.getLogger(__name__)

Done: TypeAlias = tuple[Read, Resident | Fate | None]
"""A message, and whose it is, or what became of it; None where nothing is left to be done."""


class Folder:
    """Resolves and folds for one lane, which owns `shards`."""

    def __init__(
        self,
        database: Database,
        residents: Residents,
        converger: Converger,
        *,
        shards: frozenset[int],
        bounds: Bounds,
        lag: int,
        max_hops: int,
        unproven_found: Callable[[Resident], None],
    ) -> None:
        self._database = database
        self._residents = residents
        self._converger = converger
        self._shards = shards
        self._bounds = bounds
        self._lag = lag
        self._max_hops = max_hops
        self._unproven_found = unproven_found
        self.merging = Merging(converger, bounds)
        self._resolutions: dict[int, Resolution] = {}

    async def find_users(self, reads: Sequence[Read]) -> dict[int, str]:
        """Whose every message is, by position; claims are committed, their users resident.

        Raises StoreUnavailable. Internal messages are the users' they name.
        """
        messages = [read for read in reads if read.message is not None]
        await self._load({address(read.message) for read in messages if read.message})
        self._resolutions = {}
        found: dict[int, str] = {}
        unknown: list[Read] = []
        for read in messages:
            user = self._own(read)
            if user is None:
                unknown.append(read)
            else:
                found[read.row.position] = user
        if unknown:
            found |= await self._resolve(unknown)
        return found

    def _own(self, read: Read) -> str | None:
        """The user of a message that needs no look-up."""
        message = read.message
        if message is None:
            return None
        user = address(message)
        resident = self._residents.get(user)
        if resident is None or resident.fresh:
            return None
        if message.type in INTERNAL_TYPES or is_computed(message):
            return user
        return user if knows(resident.profile, message) else None

    async def _resolve(self, reads: Sequence[Read]) -> dict[int, str]:
        wanted = {
            identifier
            for read in reads
            if read.message is not None
            for identifier in names(read.message)
        }
        keys = [(identifier[0], identifier[2:]) for identifier in sorted(wanted)]
        owners = await self._database.read(lambda c: identifier_table.owners(c, keys))
        known = {f"{kind}:{value}": owner.user for (kind, value), owner in owners.items()}
        while True:
            resolutions, claims = resolve_all(reads, known)
            lost = await self._claim(claims)
            if not lost:
                break
            known |= lost
        await self._load({resolution.user for resolution in resolutions.values()})
        self._resolutions = resolutions
        return {position: resolution.user for position, resolution in resolutions.items()}

    async def _claim(self, claims: dict[str, str]) -> dict[str, str]:
        """Claim identifiers; returns those that somebody else had claimed meanwhile."""
        if not claims:
            return {}
        rows = [
            identifier_table.Claim(kind(identifier), identifier[2:], shard_of(user), user)
            for identifier, user in claims.items()
        ]

        def claim(connection: Connection) -> dict[tuple[str, str], identifier_table.Owner]:
            identifier_table.claim(connection, rows)
            return identifier_table.owners(connection, [(row.kind, row.value) for row in rows])

        owners = await self._database.write(claim)
        after = {f"{kind}:{value}": owner.user for (kind, value), owner in owners.items()}
        return {name: user for name, user in after.items() if claims[name] != user}

    async def _load(self, wanted: set[str]) -> None:
        """Make users of our shards resident, with their marks."""
        absent = self._residents.absent({user for user in wanted if shard_of(user) in self._shards})
        if not absent:
            return
        keys = [(shard_of(user), user) for user in sorted(absent)]

        def load(
            connection: Connection,
        ) -> tuple[dict[str, users.UserRow], dict[str, marks.MarkRow]]:
            return users.load(connection, keys), marks.of_users(connection, keys)

        rows, found = await self._database.read(load)
        for shard, user in keys:
            row = rows.get(user)
            resident = self._residents.enter(
                Resident(shard, user, row.profile if row else b"", row.believed if row else b"")
            )
            self._unproven_found(resident)
            if resident.profile.leaving:
                self.merging.leaving.add(user)
        for mark in found.values():
            self._open(mark)

    def _open(self, mark: marks.MarkRow) -> None:
        """Give a resident back what its mark says is open."""
        resident = self._residents.get(mark.user)
        if resident is None:
            return
        resident.marked_since = mark.since
        resident.repair = mark.message_class is MessageClass.REPAIR
        difference = self._converger.compare(resident)
        if difference.touches_fields:
            resident.barrier = mark.barrier if mark.barrier is not None else mark.since
        if difference.touches_more or unproven(resident.believed):
            resident.rest = mark.since
        if mark.due:
            resident.retry = dict.fromkeys((IDENTITY, FIELDS, LISTS), mark.due)

    async def load(self, wanted: Iterable[str]) -> None:
        """Make these users resident."""
        await self._load(set(wanted))

    def fold_all(self, turn: Turn, reads: Sequence[Read], found: dict[int, str]) -> list[Done]:
        """Fold a turn's messages in order; says whose each one is, or what became of it instead.

        A message our rules stumble over stands alone: it becomes a dead letter with the reason
        *bug*, and its user's profile is as if it had never come.
        """
        done: list[Done] = []
        for read in reads:
            turn.messages += 1
            whose = self.place(turn, read, found)
            if isinstance(whose, Resident):
                try:
                    self._fold_one(turn, read, whose)
                except Exception as error:  # noqa: BLE001 -- whatever our own rules do wrong
                    self._restore(whose, [earlier for earlier, of in done if of is whose])
                    whose = self._bury(turn, read.row, whose.id, type(error).__name__)
            done.append((read, whose))
        return done

    def place(self, turn: Turn, read: Read, found: dict[int, str]) -> Resident | Fate:
        """The resident a message belongs to; elsewhere, it is handed over, or buried."""
        user = found.get(read.row.position)
        if user is None:
            return self._bury(turn, read.row, "", "unreadable")
        resident = self._residents.get(user)
        if resident is not None:
            return resident
        internal = read.message is not None and read.message.type in INTERNAL_TYPES
        if read.row.hops >= self._max_hops and not internal:
            return self._bury(turn, read.row, user, "handed over too often")
        turn.hand_over(read.row, user)
        turn.counters["handed over"] += 1
        return Fate.HANDED

    def _fold_one(self, turn: Turn, read: Read, resident: Resident) -> None:
        message, position = read.message, read.row.position
        if message is None:
            return
        if message.type in INTERNAL_TYPES:
            self._hear(turn, message, position, resident)
            return
        emails = len(resident.profile.emails)
        self._apply_resolution(turn, self._resolutions.get(position), resident)
        profile = resident.profile
        if not profile.known_since:
            profile.known_since = message.received_at
            resident.dirty = True
        folded = fold(profile, message, self._converger.mappings, self._bounds)
        for mapping, effect in folded.effects.items():
            turn.verdict(mapping, effect)
        if folded.written:
            resident.dirty = True
        for reason in folded.rejected.values():
            turn.counters[f"traits rejected, {reason}"] += 1
        if folded.changed or len(profile.emails) > emails:
            repair = read.row.message_class is not MessageClass.LIVE
            self._converger.changed(resident, position, repair=repair)
            self._converger.enqueue(resident, turn.now)

    def _apply_resolution(
        self, turn: Turn, resolution: Resolution | None, resident: Resident
    ) -> None:
        if resolution is None:
            return
        for identifier, user in resolution.claims.items():
            if user == resident.id:
                learn(resident.profile, identifier)
                resident.dirty = True
        begin(turn, resident, resolution.losers)
        turn.counters["contested identifiers"] += len(resolution.contested)

    def _hear(self, turn: Turn, message: Message, position: int, resident: Resident) -> None:
        """Messages lanes and the reconciler send each other."""
        match message.type:
            case "merge":
                self.merging.asked(turn, message, resident)
            case "merged":
                self.merging.told(turn, message, position, resident)
            case _:
                self._observe(turn, message, position, resident)

    def _observe(self, turn: Turn, message: Message, position: int, resident: Resident) -> None:
        observation = msgspec.convert(message.properties, Observation)
        mappings = self._converger.mappings
        desired = part_hashes(project(resident.id, resident.profile, mappings))
        planned = set(observation.desired) or {"user"}
        calm = {
            part: digest
            for part, digest in observation.desired.items()
            if part not in resident.flying
        }
        seen = msgspec.structs.replace(observation, desired=calm)
        opt_in = mappings.opt_in_types
        left = set(apply_observation(resident.believed, seen, desired, self._lag, opt_in))
        left |= set(observation.desired) - set(calm)
        turn.repairs[position] = "superseded" if left >= planned else "applied"
        resident.dirty = True
        self._converger.changed(resident, position, repair=True)
        self._converger.enqueue(resident, turn.now)

    def _restore(self, resident: Resident, reads: Sequence[Read]) -> None:
        """Fold again what came before a message that failed half way."""
        resident.profile = decode_profile(resident.stored) if resident.stored else Profile()
        quiet = Turn(0, 0)
        for read in reads:
            self._fold_one(quiet, read, resident)

    def _bury(self, turn: Turn, row: LogRow, user: str, reason: str) -> Fate:
        log.error("message at position %d is set aside: %s", row.position, reason)
        turn.counters["dead"] += 1
        turn.waiting_add.append(
            waiting.WaitingRow(
                shard=row.shard,
                user=user,
                position=row.position,
                kind=waiting.WaitingKind.DEAD,
                endpoint="",
                due=0,
                since_at=turn.now,
                attempts=0,
                reason=f"bug: {reason}",
                mapping_version=turn.version,
                body=row.body,
                begun_at=None,
            )
        )
        return Fate.DEAD
