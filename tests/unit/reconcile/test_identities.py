"""Who a user seen is, who it should be, and where that may be repaired (iterable.md §5)."""

import msgspec
import pytest

from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.profiles import Observed
from daemon.reconcile.identities import (
    EMAIL,
    USER_ID,
    Acquaintance,
    addresses,
    also_seen,
    doubt,
    others_to_begin_with,
    rivals,
    wanted_over,
)

ByEmail, ById, Hybrid = ProjectType.EMAIL, ProjectType.USER_ID, ProjectType.HYBRID
ANN = IterableIdentity("ann@x.org", "1")
BOB = IterableIdentity("bob@x.org", "1")
ONLY_EMAIL, ONLY_ID = IterableIdentity("ann@x.org"), IterableIdentity(user_id="1")
OTHER_ID = IterableIdentity("ann@x.org", "7")


def seen(identity: IterableIdentity, others: list[str] | None = None) -> Observed:
    return Observed(1, exists=True, identity=identity, others=others)


def known(
    desired: IterableIdentity = ANN,
    believed: IterableIdentity | None = ANN,
    sight: Observed | None = None,
) -> Acquaintance:
    return Acquaintance(desired, believed, sight)


@pytest.mark.parametrize(
    ("one", "other", "reached"),
    [
        (ANN, BOB, {Hybrid, ById}),
        (ANN, OTHER_ID, {ByEmail}),
        (ONLY_EMAIL, OTHER_ID, {ByEmail, Hybrid}),
        (ANN, ONLY_EMAIL, {ByEmail}),
        (ONLY_ID, ANN, {ById, Hybrid}),
        (IterableIdentity(), ANN, set()),
        (ONLY_EMAIL, ONLY_ID, set()),
    ],
)
def test_rows_reach_whoever_holds_the_projects_key(
    one: IterableIdentity, other: IterableIdentity, reached: set[ProjectType]
) -> None:
    assert {project for project in ProjectType if one.reaches(other, project)} == reached


def test_what_segment_does_not_name_stays() -> None:
    assert wanted_over(ANN, BOB) == ANN
    assert wanted_over(ONLY_EMAIL, OTHER_ID) == OTHER_ID
    assert wanted_over(ONLY_ID, BOB) == BOB


@pytest.mark.parametrize(
    ("who", "project", "under"),
    [
        (known(), Hybrid, [ONLY_ID, ONLY_EMAIL]),
        (known(), ById, [ONLY_ID]),
        (known(), ByEmail, [ONLY_EMAIL, ONLY_ID]),
        (known(believed=None), Hybrid, [ONLY_ID, ONLY_EMAIL]),
        (known(desired=ONLY_EMAIL, believed=None), Hybrid, [ONLY_EMAIL]),
        (
            known(believed=BOB),
            ByEmail,
            [IterableIdentity("bob@x.org"), ONLY_EMAIL, ONLY_ID],
        ),
        (
            known(sight=seen(BOB)),
            ByEmail,
            [ONLY_EMAIL, IterableIdentity("bob@x.org"), ONLY_ID],
        ),
        (
            known(sight=seen(OTHER_ID)),
            ById,
            [ONLY_ID, IterableIdentity(user_id="7")],
        ),
    ],
)
def test_a_user_is_looked_for_under_its_own_key_first(
    who: Acquaintance, project: ProjectType, under: list[IterableIdentity]
) -> None:
    assert addresses(who, project) == under


@pytest.mark.parametrize(
    ("who", "found", "project", "asked"),
    [
        (known(), ANN, Hybrid, []),
        (known(), BOB, Hybrid, [(EMAIL, ONLY_EMAIL)]),
        (known(), BOB, ById, []),
        (known(), BOB, ByEmail, [(EMAIL, ONLY_EMAIL)]),
        (known(), OTHER_ID, Hybrid, [(USER_ID, ONLY_ID)]),
        (known(), OTHER_ID, ByEmail, [(USER_ID, ONLY_ID)]),
        (known(), OTHER_ID, ById, [(USER_ID, ONLY_ID)]),
        # Desired as it is, but rows still name the address before
        (known(believed=BOB), ANN, ByEmail, [(EMAIL, IterableIdentity("bob@x.org"))]),
    ],
)
def test_before_an_identity_is_repaired_others_who_hold_it_are_looked_for(
    who: Acquaintance,
    found: IterableIdentity,
    project: ProjectType,
    asked: list[tuple[str, IterableIdentity]],
) -> None:
    assert rivals(who, found, project) == asked


@pytest.mark.parametrize(
    ("who", "found", "project", "others"),
    [
        (known(), BOB, Hybrid, []),
        (known(), OTHER_ID, ByEmail, []),
        (known(), BOB, ByEmail, None),
        (known(sight=seen(BOB, [])), BOB, ByEmail, []),
        (known(sight=seen(BOB, [USER_ID])), BOB, ByEmail, [USER_ID]),
        (known(sight=seen(OTHER_ID, [])), BOB, ByEmail, None),
    ],
)
def test_of_a_user_id_that_need_not_be_unique_only_a_sweep_knows_who_else_has_it(
    who: Acquaintance, found: IterableIdentity, project: ProjectType, others: list[str] | None
) -> None:
    assert others_to_begin_with(who, found, project) == others


@pytest.mark.parametrize(
    ("who", "found", "project", "reason"),
    [
        (known(), seen(BOB, []), Hybrid, ""),
        (known(), seen(BOB, []), ByEmail, ""),
        (known(), seen(BOB, []), ById, ""),
        (known(), seen(BOB), ByEmail, "only a sweep can tell"),
        (known(), seen(BOB, [EMAIL]), Hybrid, "two Iterable users: another one has the e-mail"),
        (known(), seen(BOB, [EMAIL, USER_ID]), ByEmail, "the e-mail and the userId"),
        (known(), seen(OTHER_ID, []), ById, "proves nothing"),
        (known(), seen(OTHER_ID, []), Hybrid, ""),
        (known(), seen(OTHER_ID, []), ByEmail, ""),
        (known(believed=None), seen(OTHER_ID, []), Hybrid, "never confirmed"),
        (known(believed=ONLY_EMAIL), seen(OTHER_ID, []), Hybrid, "never confirmed"),
        (known(believed=None), seen(OTHER_ID, []), ByEmail, ""),
        (known(believed=None), seen(ONLY_EMAIL, []), Hybrid, ""),
    ],
)
def test_an_identity_is_repaired_only_where_nobody_else_can_be_hit(
    who: Acquaintance, found: Observed, project: ProjectType, reason: str
) -> None:
    found_reason = doubt(who, found, project)
    assert reason in found_reason
    assert bool(reason) is bool(found_reason)


def test_a_second_user_of_the_same_profile_is_noted_once() -> None:
    first, again = seen(BOB, []), seen(IterableIdentity("cy@x.org", "1"))
    assert also_seen(first, seen(BOB)) == first
    twice = also_seen(first, again)
    assert twice == msgspec.structs.replace(first, others=[USER_ID])
    assert also_seen(twice, again) == twice
    assert also_seen(first, seen(OTHER_ID)).others == [EMAIL]
    own = seen(ANN)
    assert also_seen(own, again) == own
