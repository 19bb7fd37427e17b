"""Who a user seen in Iterable is, beside who Segment says it should be. Pure.

An identity that differs is repaired only where nobody else can be hit by it: no other Iterable user
may hold an identifier this one is to get. What counts as proof depends on what is unique in the
project (iterable.md §5): both identifiers in hybrid projects, else only the project's own key.
"""

import msgspec

from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.profiles import Observed

EMAIL, USER_ID = "e-mail", "userId"


class Acquaintance(msgspec.Struct, frozen=True):
    """What is known of a user before it is read: Desired's identity, the one confirmed, the sight
    of it in this run.
    """

    desired: IterableIdentity
    believed: IterableIdentity | None
    sight: Observed | None

    @property
    def addressed(self) -> IterableIdentity:
        """Whom rows of this user name."""
        return self.believed or self.desired

    def names(self, seen: IterableIdentity, project: ProjectType) -> bool:
        """Whether a user seen is one that rows of this user name, or will."""
        return any(
            one is not None and one.reaches(seen, project) for one in (self.believed, self.desired)
        )


def wanted_over(desired: IterableIdentity, seen: IterableIdentity) -> IterableIdentity:
    """Who the user seen should be: what Segment doesn't name stays."""
    return IterableIdentity(desired.email or seen.email, desired.user_id or seen.user_id)


def addresses(known: Acquaintance, project: ProjectType) -> list[IterableIdentity]:
    """Under which single identifiers to look for a user, the likeliest first.

    In userId-based projects an e-mail finds somebody, not the user: nobody is looked for by it.
    """
    shown = None if known.sight is None else known.sight.identity
    named = [one for one in (known.believed, known.desired, shown) if one is not None]
    found = [_single(one.key(project)) for one in named]
    for one in named if project is not ProjectType.USER_ID else ():
        found += [IterableIdentity(email=one.email), IterableIdentity(user_id=one.user_id)]
    return list(dict.fromkeys(one for one in found if one != IterableIdentity()))


def rivals(
    known: Acquaintance, seen: IterableIdentity, project: ProjectType
) -> list[tuple[str, IterableIdentity]]:
    """Under which identifiers another user may stand in the way, and what they are called."""
    wanted = wanted_over(known.desired, seen)
    if wanted == seen and known.addressed.reaches(seen, project):
        return []
    found = []
    for one in (known.addressed, wanted):
        if one.email not in (None, seen.email) and project is not ProjectType.USER_ID:
            found.append((EMAIL, IterableIdentity(email=one.email)))
        if one.user_id not in (None, seen.user_id):
            found.append((USER_ID, IterableIdentity(user_id=one.user_id)))
    return list(dict.fromkeys(found))


def others_to_begin_with(
    known: Acquaintance, seen: IterableIdentity, project: ProjectType
) -> list[str] | None:
    """Which identifiers further users hold, as far as this run's sights tell.

    Found by its userId in an e-mail-based project, it may be one of several: only a sweep knows.
    """
    if project is not ProjectType.EMAIL or known.addressed.reaches(seen, project):
        return []
    sight = known.sight
    return sight.others if sight is not None and sight.identity == seen else None


def doubt(known: Acquaintance, observed: Observed, project: ProjectType) -> str:
    """Why the user seen must not be given the identity Segment says; empty where it may."""
    seen = observed.identity
    if observed.others is None:
        return "only a sweep can tell whether another user has the same userId"
    if observed.others:
        return f"two Iterable users: another one has the {' and the '.join(observed.others)}"
    other_id = seen.user_id not in (None, known.desired.user_id)
    if other_id and project is ProjectType.USER_ID:
        return "only the e-mail is the same, which proves nothing in this project"
    confirmed = known.believed is not None and known.believed.user_id == known.desired.user_id
    if other_id and project is ProjectType.HYBRID and not confirmed:
        return "it has another userId, and was never confirmed to be this user"
    return ""


def also_seen(before: Observed, observed: Observed) -> Observed:
    """A sight, after another user was seen that may be the same profile's."""
    if before.others is None or before.identity == observed.identity:
        return before
    same_id = before.identity.user_id == observed.identity.user_id
    others = {*before.others, USER_ID if same_id else EMAIL}
    return msgspec.structs.replace(before, others=sorted(others))


def _single(key: dict[str, str] | None) -> IterableIdentity:
    key = key or {}
    return IterableIdentity(email=key.get("email"), user_id=key.get("userId"))
