"""Compares what Iterable was seen to hold of one user with what it should hold. Pure.

Only parts of Desired are looked at: what Segment has never said anything about is unknown, and
never a difference (DESIGN §2). Each difference gets its cause out of Believed, and a standing that
says whether a plan may name it. A part confirmed within the visibility lag is not judged.
"""

from enum import StrEnum
from typing import Any

import msgspec

from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.profiles import Believed, Certainty, Choice, Desired, Observed, Part, Wish
from daemon.mapping.canonical import value_hash
from daemon.mapping.diff import (
    IDENTITY,
    MEMBER,
    NO_MEMBER,
    SUBSCRIBED,
    UNSUBSCRIBED,
    choice_hash,
    next_identity,
)
from daemon.mapping.observe import USER, observed_hash
from daemon.reconcile.identities import Acquaintance, doubt, wanted_over

EXISTS, MISSING = "exists", "missing"
IS_MEMBER, IS_NO_MEMBER = "member", "not member"
_SCALARS = frozenset({str, int, bool})


class Cause(StrEnum):
    """Why the two sides differ, as far as Believed tells."""

    EDITED = "edited in Iterable"
    DELETED = "deleted in Iterable"
    REMOVED = "removed in Iterable"
    ADDED = "added in Iterable"
    RESUBSCRIBED = "re-subscribed after opt-out"
    UNSUBSCRIBED = "unsubscribed in Iterable"
    REFUSED = "refused by Iterable"
    NOT_DELIVERED = "not delivered"
    MAPPING_CHANGED = "mapping changed"
    IDENTITY = "identity differs"


class Standing(StrEnum):
    """What may be done about a difference."""

    REPAIRABLE = "repairable"
    RESPECTED = "respected"  # an opt-out only Iterable knows of: never undone (promise 5)
    REFUSED = "refused"  # settled: Iterable doesn't take this value
    REPORTED = "reported"  # a person has to look at it


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One difference. `first`: a missing opt-out, repaired before all else.

    `in_iterable` and `should_be` are the values of a field, or words. `at` is when Iterable last
    changed the user (ms, 0 where unknown); `reason` is Iterable's, for a refused part.
    """

    part: str
    in_iterable: Any
    should_be: Any
    cause: Cause
    standing: Standing = Standing.REPAIRABLE
    first: bool = False
    at: int = 0
    reason: str = ""


class Comparison(msgspec.Struct):
    """The differences of one user, and how many parts are too young to be judged."""

    findings: list[Finding] = []
    in_flight: int = 0


def compare(
    desired: Desired,
    believed: Believed,
    observed: Observed,
    *,
    project: ProjectType,
    lag: int,
    opt_in_types: frozenset[int],
) -> Comparison:
    """Compare one user that has no open mark or call. `lag` is the visibility lag in ms.

    A user that can't be addressed, or of which nothing is known, has no differences.
    """
    comparison = Comparison()
    if desired.identity is None:
        return comparison
    horizon = observed.as_of - lag
    if not observed.exists:
        _compare_existence(comparison, desired, believed, horizon)
        return comparison
    judge = _Judge(comparison, believed, observed, horizon, opt_in_types)
    if not judge.identity(desired.identity, project):
        return comparison
    for name, value in desired.fields.items():
        judge.field(name, value)
    for list_id, member in desired.lists.items():
        judge.list(list_id, member=member)
    for wish in desired.subscriptions:
        judge.subscription(wish)
    if judge.holds_opt_in:
        comparison.findings = [_held_back(finding) for finding in comparison.findings]
    return comparison


def expects_user(desired: Desired) -> bool:
    """Whether Iterable should have this user: it can be addressed and something is known of it."""
    return desired.identity is not None and bool(
        desired.lists
        or desired.subscriptions
        or any(v is not None for v in desired.fields.values())
    )


def _compare_existence(
    comparison: Comparison, desired: Desired, believed: Believed, horizon: int
) -> None:
    if not expects_user(desired):
        return
    if any(part.at > horizon for part in believed.parts.values()):
        comparison.in_flight += 1
        return
    refused = believed.parts.get(IDENTITY)
    if refused is not None and refused.certainty == Certainty.REFUSED:
        cause, standing, reason = Cause.REFUSED, Standing.REFUSED, refused.reason
    else:
        cause = Cause.NOT_DELIVERED if believed.identity is None else Cause.DELETED
        standing, reason = Standing.REPAIRABLE, ""
    comparison.findings.append(
        Finding(USER, MISSING, EXISTS, cause, standing=standing, reason=reason)
    )


def _held_back(finding: Finding) -> Finding:
    """Repairing anything of a user sends all it lacks: also the opt-in that must not be sent."""
    if finding.standing is not Standing.REPAIRABLE:
        return finding
    return msgspec.structs.replace(
        finding, standing=Standing.REPORTED, reason="held back: would undo an opt-out"
    )


class _Judge:
    """Adds the findings of one user, part by part."""

    def __init__(
        self,
        comparison: Comparison,
        believed: Believed,
        observed: Observed,
        horizon: int,
        opt_in_types: frozenset[int],
    ) -> None:
        self._comparison = comparison
        self._believed = believed
        self._observed = observed
        self._horizon = horizon
        self._opt_in_types = opt_in_types
        self.holds_opt_in = False

    def identity(self, desired: IterableIdentity, project: ProjectType) -> bool:
        """Judge who it is. Whether rows of this user reach the one seen, if need be once that is
        repaired: else there is nothing to compare further.
        """
        seen, known = self._observed.identity, self._believed.parts.get(IDENTITY)
        known_as = Acquaintance(desired, self._believed.identity, None)
        reached = known_as.addressed.reaches(seen, project)
        wanted = wanted_over(desired, seen)
        if wanted == seen and reached:
            return True
        if self._too_young(known):
            self._comparison.in_flight += 1
            return reached
        cause = Cause.EDITED if self._believed.identity == wanted else Cause.IDENTITY
        standing, reason = Standing.REPAIRABLE, doubt(known_as, self._observed, project)
        if known is not None and _stays_refused(desired, seen, known):
            cause, standing, reason = Cause.REFUSED, Standing.REFUSED, known.reason
        elif reason:
            standing = Standing.REPORTED
        self._add(IDENTITY, _words(seen), _words(desired), cause, standing, reason=reason)
        return reached or standing is Standing.REPAIRABLE

    def field(self, name: str, value: Any) -> None:
        seen = self._observed.fields.get(name)
        kind = type(value)
        if kind in _SCALARS and type(seen) is kind and seen == value:
            return
        digest = value_hash(value)
        if digest != value_hash(seen):
            self._differs("field:" + name, digest, seen, value, Cause.EDITED)

    def list(self, list_id: int, *, member: bool) -> None:
        part = f"list:{list_id}"
        digest = MEMBER if member else NO_MEMBER
        if digest == observed_hash(self._observed, part, self._opt_in_types):
            return
        words = (IS_NO_MEMBER, IS_MEMBER) if member else (IS_MEMBER, IS_NO_MEMBER)
        self._differs(part, digest, *words, Cause.REMOVED if member else Cause.ADDED)

    def subscription(self, wish: Wish) -> None:
        part = wish.target.part
        if choice_hash(wish.choice) == observed_hash(self._observed, part, self._opt_in_types):
            return
        if wish.choice is Choice.OUT:
            words = (str(Choice.IN), str(Choice.OUT))
            self._differs(part, UNSUBSCRIBED, *words, Cause.RESUBSCRIBED, first=True)
            return
        known = self._believed.parts.get(part)
        if self._too_young(known):
            self._comparison.in_flight += 1
        elif self._is_later_opt_in(wish, known):
            self._add(
                part, str(Choice.OUT), str(Choice.IN), Cause.NOT_DELIVERED, Standing.REPAIRABLE
            )
        else:
            would_be_sent = known is None or known.hash != SUBSCRIBED or known.chosen < wish.chosen
            self.holds_opt_in = self.holds_opt_in or would_be_sent
            self._add(part, str(Choice.OUT), str(Choice.IN), Cause.UNSUBSCRIBED, Standing.RESPECTED)

    def _is_later_opt_in(self, wish: Wish, known: Part | None) -> bool:
        """Whether the opt-out seen is the one we sent, and the person opted in after it."""
        return (
            known is not None
            and known.hash == UNSUBSCRIBED
            and known.chosen < wish.chosen
            and 0 < self._observed.profile_updated_at <= wish.chosen
        )

    def _too_young(self, known: Part | None) -> bool:
        return known is not None and known.at > self._horizon

    def _differs(
        self, part: str, digest: int, seen: Any, wanted: Any, cause: Cause, *, first: bool = False
    ) -> None:
        """A part that differs: `cause` holds where Iterable is known to have had it right."""
        known = self._believed.parts.get(part)
        standing, reason = Standing.REPAIRABLE, ""
        if self._too_young(known):
            self._comparison.in_flight += 1
            return
        if known is None or known.certainty in {Certainty.UNKNOWN, Certainty.ACCEPTED}:
            cause = Cause.NOT_DELIVERED
        elif _refused(known, digest):
            cause, standing, reason = Cause.REFUSED, Standing.REFUSED, known.reason
        elif known.hash != digest:
            cause = Cause.MAPPING_CHANGED
        self._add(part, seen, wanted, cause, standing, first=first, reason=reason)

    def _add(
        self,
        part: str,
        seen: Any,
        wanted: Any,
        cause: Cause,
        standing: Standing,
        *,
        first: bool = False,
        reason: str = "",
    ) -> None:
        at = self._observed.profile_updated_at
        self._comparison.findings.append(
            Finding(part, seen, wanted, cause, standing, first, at, reason)
        )


def _stays_refused(desired: IterableIdentity, seen: IterableIdentity, known: Part) -> bool:
    """Whether the change from who was seen to who it should be was refused before."""
    refused = known.certainty == Certainty.REFUSED
    return refused and next_identity(desired, Believed(seen, {IDENTITY: known})) is None


def _refused(known: Part | None, digest: int) -> bool:
    return known is not None and known.certainty == Certainty.REFUSED and known.hash == digest


def _words(identity: IterableIdentity) -> dict[str, str | None]:
    return {"email": identity.email, "userId": identity.user_id}
