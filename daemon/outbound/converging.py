"""Which rows a user's difference becomes, and in which order they may fly (DESIGN §3, converge).

Identity first and alone; then opt-outs, fields, lists, opt-ins. Queues hold users, not rows: a row
is built when its call is opened, so that ten changes to one user are one row.
"""

import heapq
from collections.abc import Iterator

import msgspec

from daemon.domain.commands import CallKey, Command, Endpoint
from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.profiles import Believed, Certainty, Choice, Wish
from daemon.mapping.diff import IDENTITY, UNSUBSCRIBED, Difference, diff, still_open
from daemon.mapping.mappings import Mappings
from daemon.mapping.project import identity_of, project
from daemon.mapping.rows import (
    creating_row,
    field_row,
    identity_row,
    list_row,
    subscription_row,
)
from daemon.outbound.residents import NEVER, Resident

FIELDS = "fields"
LISTS = "lists"
CHOICES = "choices"


class Sent(msgspec.Struct, gc=False):
    """A state row in flight: what to believe if it is accepted.

    `whole`: it carries every field the user lacks. `chosen` is when each choice was made, ms.
    """

    resident: Resident
    kind: str
    command: Command
    identity: IterableIdentity
    whole: bool = True
    chosen: dict[str, int] = {}


class Queue:
    """Users waiting for one kind of call, in order; those with only repairs come last."""

    def __init__(self) -> None:
        self.live: dict[str, Resident] = {}
        self.repair: dict[str, Resident] = {}

    def __len__(self) -> int:
        return len(self.live) + len(self.repair)

    def add(self, resident: Resident) -> None:
        """Add a user, or move one that waited behind repairs and has changed since."""
        if not resident.repair:
            self.repair.pop(resident.id, None)
            self.live.setdefault(resident.id, resident)
        elif resident.id not in self.live:
            self.repair.setdefault(resident.id, resident)

    def pop(self) -> Resident:
        waiting = self.live or self.repair
        return waiting.pop(next(iter(waiting)))

    def remove(self, user: str) -> None:
        self.live.pop(user, None)
        self.repair.pop(user, None)


class Converger:
    """Knows every queue, and what each resident may send next. `longest_wait` is in ms.

    `subscriptions_missing`: Iterable has said that the project has no incremental calls. Each run
    asks again, as the feature may have been enabled since.
    """

    def __init__(self, mappings: Mappings, *, longest_wait: int = NEVER) -> None:
        self.mappings = mappings
        self.longest_wait = longest_wait
        self.subscriptions_missing = False
        self.queues: dict[CallKey, Queue] = {}
        self._delayed: list[tuple[int, str]] = []

    def compare(self, resident: Resident) -> Difference:
        """Diff afresh, and close what is no longer open."""
        desired = project(resident.id, resident.profile, self.mappings)
        return self._open(resident, diff(desired, resident.believed))

    def narrow(self, resident: Resident) -> Difference:
        """What `compare` would find after nothing but fields were settled: less of what it found.

        Whatever changes Desired compares anew, so it is what it was.
        """
        difference = resident.difference
        if difference is None or difference.identity is not None or difference.creates:
            return self.compare(resident)
        return self._open(resident, still_open(difference, resident.believed))

    def _open(self, resident: Resident, difference: Difference) -> Difference:
        resident.difference = difference or None
        if not difference.touches_fields and resident.flying.isdisjoint((FIELDS, IDENTITY)):
            resident.barrier = NEVER
        if not difference.touches_more and not unproven(resident.believed):
            resident.rest = NEVER
        return difference

    def changed(self, resident: Resident, position: int, *, repair: bool) -> bool:
        """Something was folded at `position`: say whether anything has to be sent for it."""
        before = (resident.barrier, resident.rest)
        difference = self.compare(resident)
        if not resident.flying.isdisjoint((FIELDS, IDENTITY)):
            resident.later = min(resident.later, position)
        if not difference:
            return False
        if resident.since == NEVER:
            resident.repair = repair
        elif not repair:
            resident.repair = False
        if difference.touches_fields:
            resident.barrier = min(before[0], position)
        if difference.touches_more:
            resident.rest = min(before[1], position)
        return True

    def keep_open(self, resident: Resident, barrier: int, rest: int) -> None:
        """Mark what is open again, since the positions it was open from before, if it was."""
        difference = resident.difference
        if difference is None:
            return
        earliest = min(barrier, rest)
        known = earliest if earliest != NEVER else 0
        if difference.touches_fields and resident.barrier == NEVER:
            resident.barrier = barrier if barrier != NEVER else known
        if difference.touches_more and resident.rest == NEVER:
            resident.rest = known

    def enqueue(self, resident: Resident, now: int) -> None:
        """Put the user into every queue it may be in now; what must wait is woken when due."""
        if resident.merging or resident.difference is None:
            return
        for kind, key in self._next(resident):
            due = min(resident.retry.get(kind, 0), now + self.longest_wait)
            if due > now:
                resident.retry[kind] = due
                heapq.heappush(self._delayed, (due, resident.id))
            else:
                resident.queued.add(key)
                self.queues.setdefault(key, Queue()).add(resident)

    def delay(self, user: str, due: int) -> None:
        heapq.heappush(self._delayed, (due, user))

    def woken(self, now: int) -> Iterator[str]:
        """Users whose waiting time is over, or was to end later than it ever may: the clock was set
        back.
        """
        latest = now + self.longest_wait
        if self._delayed and self._delayed[0][0] > latest:
            self._delayed = [(min(due, latest), user) for due, user in self._delayed]
        while self._delayed and self._delayed[0][0] <= now:
            yield heapq.heappop(self._delayed)[1]

    def next_due(self) -> int:
        return self._delayed[0][0] if self._delayed else NEVER

    def withdraw(self, resident: Resident) -> None:
        """Take the user out of every queue."""
        for key in resident.queued:
            self.queues[key].remove(resident.id)
        resident.queued.clear()

    def build(self, key: CallKey, resident: Resident) -> Sent | None:
        """The row for this user now; None where it is no longer needed. Its parts are in flight."""
        resident.queued.discard(key)
        difference = resident.difference
        allowed = {allowed for _, allowed in self._next(resident)}
        if difference is None or key not in allowed or resident.merging:
            return None
        sent = self._row(key, resident, difference)
        resident.flying.update(sent.command.parts)
        resident.flying.add(sent.kind)
        if sent.kind == FIELDS and sent.whole:
            resident.later = NEVER
        return sent

    def _next(self, resident: Resident) -> list[tuple[str, CallKey]]:
        """(kind, call) of everything that may be sent now, were it due."""
        difference, flying = resident.difference, resident.flying
        if difference is None or IDENTITY in flying:
            return []
        confirmed = resident.believed.identity
        choices = self._choices(difference.opt_outs, flying)
        if difference.identity is not None:
            if flying:
                return []
            waits = resident.retry.get(IDENTITY, 0) > 0
            return [(IDENTITY, self._identity_key(resident)), *(choices if waits else [])]
        opting_out = bool(difference.opt_outs) and resident.retry.get(CHOICES, 0) == 0
        if opting_out:
            return choices
        found = list(choices)
        if difference.touches_fields and FIELDS not in flying:
            found.append((FIELDS, CallKey(Endpoint.BULK_UPDATE)))
        if difference.touches_fields and (confirmed is None or resident.retry.get(FIELDS, 0) == 0):
            return found
        lists = self._lists(difference, flying)
        if lists:
            return found + lists
        return found + self._choices(difference.opt_ins, flying)

    def _identity_key(self, resident: Resident) -> CallKey:
        wanted = resident.difference.identity if resident.difference else None
        current = resident.believed.identity
        if wanted is None or current is None:
            return CallKey(Endpoint.BULK_UPDATE)
        return identity_row(resident.id, current, wanted, self.mappings.project)[0]

    def _choices(self, wishes: list[Wish], flying: set[str]) -> list[tuple[str, CallKey]]:
        open_wishes = [wish for wish in wishes if wish.target.part not in flying]
        if self.subscriptions_missing:
            together = CallKey(Endpoint.UPDATE_SUBSCRIPTIONS)
            return [(CHOICES, together)] if open_wishes and CHOICES not in flying else []
        return [(CHOICES, _choice_key(wish)) for wish in open_wishes]

    def _lists(self, difference: Difference, flying: set[str]) -> list[tuple[str, CallKey]]:
        enter = [CallKey(Endpoint.LIST_SUBSCRIBE, target=i) for i in difference.subscribe]
        leave = [CallKey(Endpoint.LIST_UNSUBSCRIBE, target=i) for i in difference.unsubscribe]
        return [(LISTS, key) for key in enter + leave if f"list:{key.target}" not in flying]

    def _row(self, key: CallKey, resident: Resident, difference: Difference) -> Sent:
        kind = self.mappings.project
        address = self.address(resident)
        if key.endpoint in (Endpoint.LIST_SUBSCRIBE, Endpoint.LIST_UNSUBSCRIBE):
            member = key.endpoint is Endpoint.LIST_SUBSCRIBE
            _, command = list_row(resident.id, address, kind, key.target, member=member)
            return Sent(resident, LISTS, command, address)
        if key.endpoint in (Endpoint.SUBSCRIPTIONS, Endpoint.UPDATE_SUBSCRIPTIONS):
            return self._choice_row(key, resident, difference, address)
        return _profile_row(resident, difference, address, kind)

    def _choice_row(
        self, key: CallKey, resident: Resident, difference: Difference, address: IterableIdentity
    ) -> Sent:
        wishes = [
            wish
            for wish in difference.opt_outs + difference.opt_ins
            if key.endpoint is Endpoint.UPDATE_SUBSCRIPTIONS or _choice_key(wish) == key
        ]
        rows = [
            subscription_row(resident.id, address, self.mappings.project, wish)[1]
            for wish in wishes
        ]
        parts = {part: digest for row in rows for part, digest in row.parts.items()}
        return Sent(
            resident,
            CHOICES,
            msgspec.structs.replace(rows[0], parts=parts),
            address,
            chosen={wish.target.part: wish.chosen for wish in wishes},
        )

    def address(self, resident: Resident) -> IterableIdentity:
        """Whom rows of this user name: the identity last confirmed, before that Desired's."""
        identity = resident.believed.identity or self.desired_identity(resident)
        return identity or IterableIdentity()

    def addressable(self, resident: Resident) -> bool:
        """Whether rows can name this user."""
        return self.address(resident).key(self.mappings.project) is not None

    def opt_outs(self, resident: Resident) -> dict[str, int]:
        """Every subscription Desired opts out of, as parts."""
        desired = project(resident.id, resident.profile, self.mappings)
        out = [wish for wish in desired.subscriptions if wish.choice is Choice.OUT]
        return {wish.target.part: UNSUBSCRIBED for wish in out}

    def desired_identity(self, resident: Resident) -> IterableIdentity | None:
        return identity_of(resident.id, resident.profile, self.mappings.project)


def _profile_row(
    resident: Resident,
    difference: Difference,
    address: IterableIdentity,
    project_type: ProjectType,
) -> Sent:
    if difference.identity is not None:
        _, command = identity_row(resident.id, address, difference.identity, project_type)
        return Sent(resident, IDENTITY, command, difference.identity, whole=False)
    narrow = resident.narrow or list(difference.fields)
    fields = {name: value for name, value in difference.fields.items() if name in narrow}
    fields = fields or difference.fields
    hashes = {"field:" + name: difference.hashes["field:" + name] for name in fields}
    whole = len(fields) == len(difference.fields)
    if resident.believed.identity is None:
        refused = resident.believed.parts.get(IDENTITY)
        if refused is not None and refused.certainty == Certainty.REFUSED:
            address = address.only_key(project_type)
        _, command = creating_row(resident.id, address, project_type, fields, hashes)
    else:
        _, command = field_row(resident.id, address, project_type, fields, hashes)
    return Sent(resident, FIELDS, command, address, whole=whole)


def _choice_key(wish: Wish) -> CallKey:
    action = "unsubscribe" if wish.choice is Choice.OUT else "subscribe"
    return CallKey(Endpoint.SUBSCRIPTIONS, wish.target.id, wish.target.group, action)


def unproven(believed: Believed) -> list[str]:
    """Parts that were accepted by an answer which proves no row."""
    return [name for name, part in believed.parts.items() if part.certainty == Certainty.ACCEPTED]
