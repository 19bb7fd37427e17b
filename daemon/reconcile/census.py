"""A sweep's second half: every profile beside what the export showed, and whom to look at again.

An export only raises suspicions; the list of suspects is bounded, missing opt-outs first, so a
sweep's memory doesn't grow with the drift either. Who found no room is counted as unverified.
"""

from collections.abc import Iterable

import msgspec

from daemon.reconcile.compare import Finding, Standing
from daemon.reconcile.looking import Look, UserKey
from daemon.reconcile.report import Counts

MOST_SUSPECTS = 2_000
MOST_SETTLED = 2_000


class Suspects(msgspec.Struct):
    """Users to be looked at again: missing opt-outs, others that differ, those not found."""

    first: list[UserKey] = []
    differing: list[UserKey] = []
    absent: list[UserKey] = []

    def chosen(self, most: int) -> list[UserKey]:
        return (self.first + self.differing + self.absent)[:most]


class Census(msgspec.Struct):
    """What the pass over all profiles came to. `known` were once confirmed by Iterable.

    `settled` holds the first of the differences nobody can or may repair. `suspicious`, `absent`
    count all suspects, and those of them that were known and not found.
    """

    counts: Counts = msgspec.field(default_factory=Counts)
    suspects: Suspects = msgspec.field(default_factory=Suspects)
    settled: list[tuple[str, Finding]] = []
    known: int = 0
    absent: int = 0
    not_found: int = 0
    suspicious: int = 0

    def add(self, looks: Iterable[Look]) -> None:
        for look in looks:
            self._add(look)

    def is_implausible(self, max_share: float) -> bool:
        """Whether more users are missing than can be believed."""
        return self.absent > max_share * self.known

    def forget_absent(self) -> None:
        """Conclude nothing from absence: those not found count as in flight, unjudged."""
        self.suspicious -= self.not_found
        self.counts.in_flight += self.not_found
        self.suspects.absent.clear()

    def _add(self, look: Look) -> None:
        counts = self.counts
        counts.profiles += 1
        self.known += look.known
        if not look.addressed:
            counts.unaddressed += 1
        elif look.in_flight:
            counts.in_flight += 1
        elif look.suspicious:
            self._suspect(look)
        else:
            counts.in_sync += 1
        self._settle(look)

    def _suspect(self, look: Look) -> None:
        self.suspicious += 1
        if look.absent:
            self.not_found += 1
            self.absent += look.known
            room = self.suspects.absent
        else:
            room = self.suspects.first if look.first else self.suspects.differing
        if len(room) < MOST_SUSPECTS:
            room.append((look.shard, look.user))

    def _settle(self, look: Look) -> None:
        """Count what is settled. A suspect's is counted when it is looked at again."""
        if look.suspicious:
            return
        for finding in look.findings:
            count_settled(self.counts, finding)
            if len(self.settled) < MOST_SETTLED:
                self.settled.append((look.user, finding))


def count_settled(counts: Counts, finding: Finding) -> None:
    """Count a difference that is refused by Iterable, or respected."""
    counts.respected += finding.standing is Standing.RESPECTED
    counts.refused += finding.standing is Standing.REFUSED
