"""One table: what Segment said, what was confirmed, what was seen, and what is made of it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.commands import SubscriptionTarget
from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.profiles import Believed, Certainty, Choice, Desired, Observed, Part, Wish
from daemon.mapping.canonical import value_hash
from daemon.mapping.diff import IDENTITY, MEMBER, NO_MEMBER, SUBSCRIBED, UNSUBSCRIBED, identity_hash
from daemon.reconcile.compare import Cause, Comparison, Standing, compare, expects_user

NOW = 1_700_000_000_000
LONG_AGO = NOW - 3_600_000
LAG = 15_000
ANN = IterableIdentity("ann@example.com", "1")
CHANNEL = SubscriptionTarget("messageChannel", 12)
BOB = IterableIdentity("bob@example.com", "1")
OPT_IN_TYPE = SubscriptionTarget("messageType", 31)
OUT = Wish(CHANNEL, Choice.OUT, LONG_AGO)
IN = Wish(CHANNEL, Choice.IN, LONG_AGO)


def confirmed(digest: int, **more: Any) -> Part:
    return Part(**{"hash": digest, "at": LONG_AGO, "chosen": LONG_AGO, **more})


def seen(**more: Any) -> Observed:
    return Observed(**{"as_of": NOW, "exists": True, "identity": ANN, **more})


def wanted(**more: Any) -> Desired:
    return Desired(**{"identity": ANN, "fields": {}, "lists": {}, "subscriptions": [], **more})


def compared(
    desired: Desired,
    parts: dict[str, Part],
    observed: Observed,
    *,
    identity: IterableIdentity | None = ANN,
    project: ProjectType = ProjectType.HYBRID,
) -> Comparison:
    return compare(
        desired,
        Believed(identity, parts),
        observed,
        project=project,
        lag=LAG,
        opt_in_types=frozenset({31}),
    )


PRO = value_hash("pro")
CASES: list[tuple[str, Desired, dict[str, Part], Observed, tuple[Cause, Standing] | None]] = [
    (
        "a field is as it should be",
        wanted(fields={"plan": "pro"}),
        {"field:plan": confirmed(PRO)},
        seen(fields={"plan": "pro"}),
        None,
    ),
    (
        "a field nobody mapped is left alone",
        wanted(fields={"plan": "pro"}),
        {"field:plan": confirmed(PRO)},
        seen(fields={"plan": "pro", "shoeSize": 42}),
        None,
    ),
    (
        "a date is read back in another form",
        wanted(fields={"signupDate": "2026-01-01 00:00:00 +00:00"}),
        {},
        seen(fields={"signupDate": "2026-01-01T00:00:00.000Z"}),
        None,
    ),
    (
        "a number is read back as a float",
        wanted(fields={"age": 3, "tags": [1, 2]}),
        {},
        seen(fields={"age": 3.0, "tags": [1.0, 2.0]}),
        None,
    ),
    (
        "true is not 1",
        wanted(fields={"vip": True}),
        {"field:vip": confirmed(value_hash(True))},
        seen(fields={"vip": 1}),
        (Cause.EDITED, Standing.REPAIRABLE),
    ),
    (
        "a removed trait is gone, or empty",
        wanted(fields={"plan": None, "city": None}),
        {},
        seen(fields={"city": ""}),
        None,
    ),
    (
        "a field was edited",
        wanted(fields={"plan": "pro"}),
        {"field:plan": confirmed(PRO)},
        seen(fields={"plan": "free"}),
        (Cause.EDITED, Standing.REPAIRABLE),
    ),
    (
        "a removed trait is back",
        wanted(fields={"plan": None}),
        {"field:plan": confirmed(value_hash(None))},
        seen(fields={"plan": "pro"}),
        (Cause.EDITED, Standing.REPAIRABLE),
    ),
    (
        "a field was confirmed within the lag",
        wanted(fields={"plan": "pro"}),
        {"field:plan": confirmed(PRO, at=NOW - LAG + 1)},
        seen(fields={"plan": "free"}),
        None,
    ),
    (
        "a field was confirmed just before the lag",
        wanted(fields={"plan": "pro"}),
        {"field:plan": confirmed(PRO, at=NOW - LAG)},
        seen(fields={"plan": "free"}),
        (Cause.EDITED, Standing.REPAIRABLE),
    ),
    (
        "a field never arrived",
        wanted(fields={"plan": "pro"}),
        {},
        seen(),
        (Cause.NOT_DELIVERED, Standing.REPAIRABLE),
    ),
    (
        "a field's outcome was never known",
        wanted(fields={"plan": "pro"}),
        {"field:plan": confirmed(PRO, certainty=Certainty.UNKNOWN)},
        seen(),
        (Cause.NOT_DELIVERED, Standing.REPAIRABLE),
    ),
    (
        "a field was refused",
        wanted(fields={"plan": "pro"}),
        {"field:plan": confirmed(PRO, certainty=Certainty.REFUSED, reason="type is date")},
        seen(),
        (Cause.REFUSED, Standing.REFUSED),
    ),
    (
        "a field was refused with another value",
        wanted(fields={"plan": "pro"}),
        {"field:plan": confirmed(value_hash("old"), certainty=Certainty.REFUSED)},
        seen(),
        (Cause.MAPPING_CHANGED, Standing.REPAIRABLE),
    ),
    (
        "the mapping makes another value of it now",
        wanted(fields={"plan": "pro"}),
        {"field:plan": confirmed(value_hash("PRO"))},
        seen(fields={"plan": "PRO"}),
        (Cause.MAPPING_CHANGED, Standing.REPAIRABLE),
    ),
    ("a member is one", wanted(lists={7: True}), {}, seen(lists=[7]), None),
    ("who shouldn't be a member isn't", wanted(lists={7: False}), {}, seen(lists=[8]), None),
    (
        "a member was removed",
        wanted(lists={7: True}),
        {"list:7": confirmed(MEMBER)},
        seen(),
        (Cause.REMOVED, Standing.REPAIRABLE),
    ),
    (
        "someone was added",
        wanted(lists={7: False}),
        {"list:7": confirmed(NO_MEMBER)},
        seen(lists=[7]),
        (Cause.ADDED, Standing.REPAIRABLE),
    ),
    (
        "an opt-out holds",
        wanted(subscriptions=[OUT]),
        {"channel:12": confirmed(UNSUBSCRIBED)},
        seen(unsubscribed_channels=[12]),
        None,
    ),
    (
        "an opt-out was undone",
        wanted(subscriptions=[OUT]),
        {"channel:12": confirmed(UNSUBSCRIBED)},
        seen(unsubscribed_message_types=[12]),
        (Cause.RESUBSCRIBED, Standing.REPAIRABLE),
    ),
    (
        "an opt-out never arrived",
        wanted(subscriptions=[OUT]),
        {"channel:12": confirmed(UNSUBSCRIBED, certainty=Certainty.ACCEPTED)},
        seen(),
        (Cause.NOT_DELIVERED, Standing.REPAIRABLE),
    ),
    (
        "an opt-out was made in Iterable after our opt-in",
        wanted(subscriptions=[IN]),
        {"channel:12": confirmed(SUBSCRIBED)},
        seen(unsubscribed_channels=[12]),
        (Cause.UNSUBSCRIBED, Standing.RESPECTED),
    ),
    (
        "an opt-in that never arrived may be older than the opt-out",
        wanted(subscriptions=[IN]),
        {},
        seen(unsubscribed_channels=[12]),
        (Cause.UNSUBSCRIBED, Standing.RESPECTED),
    ),
    (
        "an opt-in came after the opt-out that we sent, and nothing happened since",
        wanted(subscriptions=[IN]),
        {"channel:12": confirmed(UNSUBSCRIBED, chosen=LONG_AGO - 9)},
        seen(unsubscribed_channels=[12], profile_updated_at=LONG_AGO - 5),
        (Cause.NOT_DELIVERED, Standing.REPAIRABLE),
    ),
    (
        "an opt-in came after the opt-out that we sent, but the user changed since",
        wanted(subscriptions=[IN]),
        {"channel:12": confirmed(UNSUBSCRIBED, chosen=LONG_AGO - 9)},
        seen(unsubscribed_channels=[12], profile_updated_at=LONG_AGO + 5),
        (Cause.UNSUBSCRIBED, Standing.RESPECTED),
    ),
    (
        "an opt-out of an opt-in message type nobody is subscribed to",
        wanted(subscriptions=[Wish(OPT_IN_TYPE, Choice.OUT, LONG_AGO)]),
        {},
        seen(),
        None,
    ),
    (
        "an opt-in message type is subscribed to after an opt-out",
        wanted(subscriptions=[Wish(OPT_IN_TYPE, Choice.OUT, LONG_AGO)]),
        {"messageType:31": confirmed(UNSUBSCRIBED)},
        seen(subscribed_message_types=[31]),
        (Cause.RESUBSCRIBED, Standing.REPAIRABLE),
    ),
    (
        "an opt-in message type was left in Iterable",
        wanted(subscriptions=[Wish(OPT_IN_TYPE, Choice.IN, LONG_AGO)]),
        {"messageType:31": confirmed(SUBSCRIBED)},
        seen(subscribed_message_types=[30]),
        (Cause.UNSUBSCRIBED, Standing.RESPECTED),
    ),
    (
        "an opt-in message type is subscribed to as it should be",
        wanted(subscriptions=[Wish(OPT_IN_TYPE, Choice.IN, LONG_AGO)]),
        {"messageType:31": confirmed(SUBSCRIBED)},
        seen(subscribed_message_types=[31]),
        None,
    ),
    (
        "the user was deleted",
        wanted(fields={"plan": "pro"}),
        {"field:plan": confirmed(PRO)},
        seen(exists=False),
        (Cause.DELETED, Standing.REPAIRABLE),
    ),
    (
        "the user was written within the lag",
        wanted(fields={"plan": "pro"}),
        {"field:plan": confirmed(PRO, at=NOW)},
        seen(exists=False),
        None,
    ),
    ("nothing is known of a missing user", wanted(), {}, seen(exists=False), None),
    (
        "a missing user should hold nothing",
        wanted(fields={"plan": None}),
        {},
        seen(exists=False),
        None,
    ),
    (
        "the e-mail was edited, and nobody looked for others who have the right one",
        wanted(),
        {},
        seen(identity=BOB),
        (Cause.EDITED, Standing.REPORTED),
    ),
    (
        "the e-mail was edited, and nobody else has the right one",
        wanted(),
        {},
        seen(identity=BOB, others=[]),
        (Cause.EDITED, Standing.REPAIRABLE),
    ),
    (
        "the e-mail was edited, and somebody else has the right one",
        wanted(),
        {},
        seen(identity=BOB, others=["e-mail"]),
        (Cause.EDITED, Standing.REPORTED),
    ),
    (
        "the identity was confirmed within the lag",
        wanted(),
        {IDENTITY: confirmed(identity_hash(ANN), at=NOW)},
        seen(identity=BOB, others=[]),
        None,
    ),
    (
        "the identity was refused",
        wanted(),
        {
            IDENTITY: confirmed(
                identity_hash(ANN), certainty=Certainty.REFUSED, reason="belongs to another"
            )
        },
        seen(identity=IterableIdentity(None, "1")),
        (Cause.REFUSED, Standing.REFUSED),
    ),
    ("the user can't be addressed", wanted(identity=None, fields={"a": 1}), {}, seen(), None),
]


@pytest.mark.parametrize(
    ("desired", "parts", "observed", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_a_difference_has_its_cause_and_its_standing(
    desired: Desired,
    parts: dict[str, Part],
    observed: Observed,
    expected: tuple[Cause, Standing] | None,
) -> None:
    found = compared(desired, parts, observed).findings
    assert [(one.cause, one.standing) for one in found] == ([expected] if expected else [])


def test_a_user_never_confirmed_was_not_delivered_and_not_deleted() -> None:
    found = compared(wanted(fields={"plan": "pro"}), {}, seen(exists=False), identity=None)
    assert [(one.part, one.cause) for one in found.findings] == [("user", Cause.NOT_DELIVERED)]


def test_only_a_missing_opt_out_comes_first() -> None:
    found = compared(
        wanted(fields={"plan": "pro"}, lists={7: True}, subscriptions=[OUT]), {}, seen()
    )
    assert {one.part: one.first for one in found.findings} == {
        "field:plan": False,
        "list:7": False,
        "channel:12": True,
    }


def test_parts_too_young_to_be_judged_are_counted() -> None:
    parts = {
        "field:plan": confirmed(PRO, at=NOW),
        "list:7": confirmed(MEMBER, at=NOW),
        "channel:12": confirmed(SUBSCRIBED, at=NOW),
    }
    found = compared(
        wanted(fields={"plan": "pro"}, lists={7: True}, subscriptions=[IN]),
        parts,
        seen(unsubscribed_channels=[12]),
    )
    assert (found.findings, found.in_flight) == ([], 3)


def test_another_user_with_the_same_e_mail_is_not_compared_part_by_part() -> None:
    other = seen(identity=IterableIdentity("ann@example.com", "2"), fields={"plan": "free"})
    found = compared(wanted(fields={"plan": "pro"}), {"field:plan": confirmed(PRO)}, other)
    assert [(one.part, one.standing) for one in found.findings] == [("identity", Standing.REPORTED)]


def test_a_user_whose_rows_will_reach_it_once_repaired_is_compared_part_by_part() -> None:
    other = seen(identity=IterableIdentity("ann@example.com"), fields={"plan": "free"}, others=[])
    found = compared(wanted(fields={"plan": "pro"}), {"field:plan": confirmed(PRO)}, other)
    assert [(one.part, one.standing) for one in found.findings] == [
        ("identity", Standing.REPAIRABLE),
        ("field:plan", Standing.REPAIRABLE),
    ]


def test_a_user_known_by_its_e_mail_alone_may_have_a_user_id_in_iterable() -> None:
    email_only = wanted(identity=IterableIdentity("ann@example.com"), fields={"plan": "pro"})
    found = compared(email_only, {}, seen(fields={"plan": "free"}), identity=email_only.identity)
    assert [one.part for one in found.findings] == ["field:plan"]


def test_rows_that_name_an_address_nobody_has_any_more_are_a_difference() -> None:
    found = compared(wanted(), {}, seen(others=[]), identity=BOB, project=ProjectType.EMAIL)
    assert [(one.part, one.standing) for one in found.findings] == [
        ("identity", Standing.REPAIRABLE)
    ]
    assert compared(wanted(), {}, seen(others=[]), identity=BOB).findings == []


def test_the_next_step_of_a_refused_change_is_refused_too() -> None:
    step = IterableIdentity("bob@example.com", "1")
    refused = confirmed(identity_hash(step), certainty=Certainty.REFUSED, reason="taken")
    other = seen(identity=IterableIdentity("bob@example.com", "7"), others=[])
    found = compared(wanted(), {IDENTITY: refused}, other)
    assert [(one.part, one.standing, one.reason) for one in found.findings] == [
        ("identity", Standing.REFUSED, "taken")
    ]


def test_an_e_mail_based_project_compares_whoever_has_the_e_mail() -> None:
    other = seen(identity=IterableIdentity("ann@example.com", "2"), fields={"plan": "free"})
    found = compared(
        wanted(fields={"plan": "pro"}),
        {"field:plan": confirmed(PRO)},
        other,
        project=ProjectType.EMAIL,
    )
    assert [one.part for one in found.findings] == ["identity", "field:plan"]


def test_repairs_are_held_back_where_they_would_send_an_opt_in_along() -> None:
    desired = wanted(fields={"plan": "pro"}, subscriptions=[IN])
    observed = seen(unsubscribed_channels=[12], fields={"plan": "free"})
    open_opt_in = compared(desired, {"field:plan": confirmed(PRO)}, observed)
    assert [one.standing for one in open_opt_in.findings] == [
        Standing.REPORTED,
        Standing.RESPECTED,
    ]
    sent = {"field:plan": confirmed(PRO), "channel:12": confirmed(SUBSCRIBED)}
    assert [one.standing for one in compared(desired, sent, observed).findings] == [
        Standing.REPAIRABLE,
        Standing.RESPECTED,
    ]


@pytest.mark.parametrize(
    ("desired", "expected"),
    [
        (wanted(), False),
        (wanted(fields={"plan": None}), False),
        (wanted(fields={"plan": "pro"}), True),
        (wanted(lists={7: False}), True),
        (wanted(subscriptions=[OUT]), True),
        (wanted(identity=None, fields={"plan": "pro"}), False),
    ],
)
def test_a_user_is_expected_once_something_is_known(desired: Desired, expected: bool) -> None:
    assert expects_user(desired) is expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(fields=st.dictionaries(st.text(min_size=1, max_size=5), json_values, max_size=6))
def test_what_was_stored_as_sent_is_never_a_difference(fields: dict[str, Any]) -> None:
    stored = msgspec.json.decode(msgspec.json.encode(fields))
    assert compared(wanted(fields=fields), {}, seen(fields=stored)).findings == []


@given(
    fields=st.dictionaries(st.text(min_size=1, max_size=5), json_values, max_size=6),
    stored=st.dictionaries(st.text(min_size=1, max_size=5), json_values, max_size=6),
)
def test_a_field_differs_exactly_where_its_hash_does(
    fields: dict[str, Any], stored: dict[str, Any]
) -> None:
    found = compared(wanted(fields=fields), {}, seen(fields=stored)).findings
    assert {one.part for one in found} == {
        "field:" + name
        for name in fields
        if value_hash(fields[name]) != value_hash(stored.get(name))
    }
