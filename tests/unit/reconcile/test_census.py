"""What a sweep counts, whom it looks at again, and when it doesn't believe what it saw."""

import pytest

from daemon.reconcile import census as census_module
from daemon.reconcile.census import Census
from daemon.reconcile.compare import Cause, Finding, Standing
from daemon.reconcile.looking import Look

EDITED = Finding("field:plan", "free", "pro", Cause.EDITED)
OPT_OUT = Finding("channel:1", "subscribed", "unsubscribed", Cause.RESUBSCRIBED, first=True)
REFUSED = Finding("field:day", None, "x", Cause.REFUSED, Standing.REFUSED)
RESPECTED = Finding(
    "channel:1", "unsubscribed", "subscribed", Cause.UNSUBSCRIBED, Standing.RESPECTED
)
GONE = Finding("user", "missing", "exists", Cause.DELETED)


def seen(
    user: str,
    *findings: Finding,
    in_flight: bool = False,
    addressed: bool = True,
    known: bool = True,
    absent: bool = False,
) -> Look:
    return Look(0, user, list(findings), in_flight, addressed, known, absent)


def test_every_profile_is_counted_in_one_place() -> None:
    census = Census()
    census.add(
        [
            seen("in sync"),
            seen("refused", REFUSED),
            seen("respected", RESPECTED),
            seen("in flight", in_flight=True),
            seen("anonymous", addressed=False),
            seen("edited", EDITED, REFUSED),
        ]
    )
    counts = census.counts
    assert (counts.profiles, counts.in_sync, counts.in_flight, counts.unaddressed) == (6, 3, 1, 1)
    assert census.suspicious == 1
    assert (counts.refused, counts.respected) == (1, 1), "a suspect's are counted on a second look"


def test_missing_opt_outs_are_looked_at_first_and_absent_users_last() -> None:
    census = Census()
    census.add([seen("gone", GONE, absent=True), seen("edited", EDITED), seen("out", OPT_OUT)])
    assert [user for _, user in census.suspects.chosen(10)] == ["out", "edited", "gone"]
    assert [user for _, user in census.suspects.chosen(1)] == ["out"]


def test_the_list_of_suspects_is_bounded_and_the_count_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(census_module, "MOST_SUSPECTS", 3)
    monkeypatch.setattr(census_module, "MOST_SETTLED", 2)
    census = Census()
    census.add(seen(str(number), EDITED) for number in range(10))
    census.add(seen(str(number), REFUSED) for number in range(5))
    assert (census.suspicious, len(census.suspects.chosen(100))) == (10, 3)
    assert (census.counts.refused, len(census.settled)) == (5, 2)


@pytest.mark.parametrize(
    ("gone", "there", "implausible"), [(0, 0, False), (5, 95, False), (6, 94, True), (1, 0, True)]
)
def test_too_many_missing_users_are_not_believed(gone: int, there: int, implausible: bool) -> None:
    census = Census()
    census.add(seen(f"gone {n}", GONE, absent=True) for n in range(gone))
    census.add(seen(f"there {n}") for n in range(there))
    assert census.is_implausible(0.05) is implausible


def test_users_iterable_never_had_say_nothing_about_the_export() -> None:
    census = Census()
    new = Finding("user", "missing", "exists", Cause.NOT_DELIVERED)
    census.add(seen(str(n), new, absent=True, known=False) for n in range(10))
    assert not census.is_implausible(0.05)


def test_forgetting_the_absent_leaves_the_others_suspected() -> None:
    census = Census()
    census.add([seen("gone", GONE, absent=True), seen("edited", EDITED)])
    census.forget_absent()
    assert [user for _, user in census.suspects.chosen(10)] == ["edited"]
    assert (census.suspicious, census.counts.in_flight) == (1, 1)
