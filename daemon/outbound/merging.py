"""Two users who turn out to be one person: the winner waits, the loser leaves (DESIGN §3).

The winner stands still from the message that shows it until everything of the loser is there, so
that nothing overtakes what the loser was told before. Both sides speak through the log:

- *merge*, to the loser: give what you have to the winner. A loser in flight lands first, and one
  that waits for losers of its own has them first; then `departures` sees it off.
- *merged*, to the winner: the loser's profile, behind copies of its events. Where the loser is
  somebody else's by now, it says whose: the winner settles it with that user instead.

Every merge goes to a stronger user, so no two can wait for each other.
"""

import msgspec

from daemon.domain.messages import Merge, Merged, Message
from daemon.domain.profiles import decode_believed, decode_profile, encode_believed, encode_profile
from daemon.mapping.fold import merge_profiles
from daemon.mapping.identity import learn, merge_of
from daemon.mapping.room import Bounds
from daemon.outbound.converging import Converger
from daemon.outbound.residents import Resident
from daemon.outbound.turn import Turn


class Merging:
    """The merges of one lane. `leaving` are the users to be seen off."""

    def __init__(self, converger: Converger, bounds: Bounds) -> None:
        self._converger = converger
        self._bounds = bounds
        self.leaving: set[str] = set()

    def asked(self, turn: Turn, message: Message, resident: Resident) -> None:
        """A winner asks for a loser: `resident`, or whoever that one is merged into by now."""
        merge = msgspec.convert(message.properties, Merge)
        if resident.id == merge.winner:
            self._end_waiting(turn, resident, merge.loser)
        elif resident.id != merge.loser:
            _refer(turn, merge, resident.id)
        elif resident.profile.leaving not in ("", merge.winner):
            _refer(turn, merge, resident.profile.leaving)
        else:
            resident.profile.leaving = merge.winner
            resident.dirty = True
            self._converger.withdraw(resident)
            self.leaving.add(resident.id)

    def told(self, turn: Turn, message: Message, position: int, resident: Resident) -> None:
        """A loser's answer."""
        merged = msgspec.convert(message.properties, Merged)
        other = merged.owner if merged.owner != resident.id else ""
        pair = merge_of(other, resident.id) if other else None
        if merged.profile:
            loser = decode_profile(bytes.fromhex(merged.profile))
            merge_profiles(resident.profile, loser, self._bounds)
            learn(resident.profile, merged.loser)
        if merged.believed:
            self._take_over(turn, resident, merged.believed)
        if pair == (other, resident.id):
            begin(turn, resident, [other])
        elif pair is not None:
            link = Merged(winner=other, loser=resident.id, owner=resident.id)
            turn.speak(_merged(turn.now, link), other)
        elif other:
            turn.counters["contested identifiers"] += 1
        waiting = [event.position for event in resident.events]
        self._converger.changed(resident, min([position, *waiting]), repair=False)
        self._end_waiting(turn, resident, merged.loser)

    def _take_over(self, turn: Turn, resident: Resident, data: str) -> None:
        """Iterable's user of a loser is the winner's if it has none, or not the one it should.

        What was said of another user, or of nobody, says nothing of this one.
        """
        believed, theirs = resident.believed, decode_believed(bytes.fromhex(data))
        if theirs.identity is None or theirs.identity == believed.identity:
            return
        if believed.identity is None:
            believed.identity = theirs.identity
            believed.parts = theirs.parts
            return
        turn.counters["two Iterable users"] += 1
        project = self._converger.mappings.project
        wanted = self._converger.desired_identity(resident)
        key = wanted.key(project) if wanted else None
        if believed.identity.key(project) != key == theirs.identity.key(project):
            resident.believed = theirs

    def _end_waiting(self, turn: Turn, resident: Resident, loser: str) -> None:
        profile = resident.profile
        profile.merging = [user for user in profile.merging if user != loser]
        resident.dirty = True
        self._converger.enqueue(resident, turn.now)


def begin(turn: Turn, winner: Resident, losers: list[str]) -> None:
    """The winner waits for losers, who are told to leave."""
    for loser in losers:
        if loser not in winner.profile.merging:
            winner.profile.merging.append(loser)
            winner.dirty = True
            turn.counters["merges begun"] += 1
            turn.speak(_internal("merge", turn.now, Merge(loser, winner.id)), loser)


def say_goodbye(turn: Turn, loser: Resident) -> None:
    """All that a leaving user knows, for its winner."""
    last = Merged(
        winner=loser.profile.leaving,
        loser=loser.id,
        profile=encode_profile(loser.profile).hex(),
        believed=encode_believed(loser.believed).hex(),
    )
    turn.speak(_merged(turn.now, last), last.winner)


def _refer(turn: Turn, merge: Merge, owner: str) -> None:
    answer = Merged(winner=merge.winner, loser=merge.loser, owner=owner)
    turn.speak(_merged(turn.now, answer), merge.winner)


def _merged(now: int, merged: Merged) -> Message:
    return _internal("merged", now, merged)


def _internal(kind: str, now: int, said: Merge | Merged) -> Message:
    return Message(
        type=kind,
        message_id=kind,
        received_at=now,
        effective_at=now,
        source="segue",
        properties=msgspec.to_builtins(said),
    )
