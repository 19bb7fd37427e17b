"""What is sent so that Believed becomes Desired: one table for each kind of part."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.commands import SubscriptionTarget
from daemon.domain.identity import IterableIdentity
from daemon.domain.profiles import Believed, Certainty, Choice, Desired, Part, Wish
from daemon.mapping.canonical import ABSENT, value_hash
from daemon.mapping.diff import (
    IDENTITY,
    MEMBER,
    NO_MEMBER,
    SUBSCRIBED,
    UNSUBSCRIBED,
    Difference,
    choice_hash,
    diff,
    identity_hash,
    part_hashes,
    still_open,
)

ANN = IterableIdentity("ann@example.com", "u1")
EMAIL = SubscriptionTarget("messageChannel", 11)
CONFIRMED, UNKNOWN = Certainty.CONFIRMED, Certainty.UNKNOWN
REFUSED, ACCEPTED = Certainty.REFUSED, Certainty.ACCEPTED


def wants(
    fields: dict[str, Any] | None = None,
    lists: dict[int, bool] | None = None,
    subscriptions: list[Wish] | None = None,
    identity: IterableIdentity | None = ANN,
) -> Desired:
    return Desired(identity, fields or {}, lists or {}, subscriptions or [])


def holds(parts: dict[str, Part], identity: IterableIdentity | None = ANN) -> Believed:
    return Believed(identity=identity, parts=parts)


PRO, FREE = value_hash("pro"), value_hash("free")

FIELDS: list[tuple[Any, Part | None, bool]] = [
    ("pro", None, True),
    ("pro", Part(PRO, 1), False),
    ("pro", Part(FREE, 1), True),
    ("pro", Part(PRO, 1, UNKNOWN), True),
    ("pro", Part(PRO, 1, REFUSED, "type"), False),
    ("pro", Part(FREE, 1, REFUSED, "type"), True),
    ("pro", Part(PRO, 1, ACCEPTED), False),
    ("pro", Part(ABSENT, 1), True),
    (None, None, True),
    (None, Part(PRO, 1), True),
    (None, Part(ABSENT, 1), False),
    ("", Part(ABSENT, 1), False),
    ({}, Part(ABSENT, 1), False),
    (False, Part(ABSENT, 1), True),
    (5.0, Part(value_hash(5), 1), False),
    ("2020-08-19 20:50:04 +00:00", Part(value_hash("2020-08-19T20:50:04.5Z"), 1), False),
]


@pytest.mark.parametrize(("value", "part", "sent"), FIELDS)
def test_a_field_is_sent_where_iterable_is_not_believed_to_hold_it(
    value: Any, part: Part | None, sent: bool
) -> None:
    found = diff(wants({"plan": value}), holds({"field:plan": part} if part else {}))
    assert found.fields == ({"plan": value} if sent else {})
    assert found.hashes == ({"field:plan": value_hash(value)} if sent else {})
    assert bool(found) is found.touches_fields is sent
    assert not found.touches_more


LISTS: list[tuple[bool, Part | None, bool]] = [
    (True, None, True),
    (False, None, True),
    (True, Part(MEMBER, 1), False),
    (False, Part(NO_MEMBER, 1), False),
    (True, Part(NO_MEMBER, 1), True),
    (False, Part(MEMBER, 1), True),
    (True, Part(MEMBER, 1, UNKNOWN), True),
    (True, Part(MEMBER, 1, REFUSED), False),
    (False, Part(MEMBER, 1, REFUSED), True),
]


@pytest.mark.parametrize(("member", "part", "sent"), LISTS)
def test_a_membership_is_sent_where_it_is_not_believed(
    member: bool, part: Part | None, sent: bool
) -> None:
    found = diff(wants(lists={4711: member}), holds({"list:4711": part} if part else {}))
    assert found.subscribe == ([4711] if sent and member else [])
    assert found.unsubscribe == ([4711] if sent and not member else [])
    assert bool(found) is found.touches_more is sent
    assert not found.touches_fields


CHOICES: list[tuple[Choice, Part | None, bool]] = [
    (Choice.OUT, None, True),
    (Choice.IN, None, True),
    (Choice.OUT, Part(UNSUBSCRIBED, 1, chosen=50), False),
    (Choice.IN, Part(SUBSCRIBED, 1, chosen=50), False),
    (Choice.OUT, Part(SUBSCRIBED, 1, chosen=50), True),
    (Choice.OUT, Part(UNSUBSCRIBED, 1, UNKNOWN, chosen=50), True),
    (Choice.OUT, Part(UNSUBSCRIBED, 1, REFUSED, chosen=50), False),
    (Choice.OUT, Part(UNSUBSCRIBED, 1, ACCEPTED, chosen=50), False),
    # chosen again since: sent, whatever is believed
    (Choice.OUT, Part(UNSUBSCRIBED, 1, chosen=49), True),
    (Choice.IN, Part(SUBSCRIBED, 1, chosen=49), True),
    (Choice.OUT, Part(UNSUBSCRIBED, 1, REFUSED, chosen=49), True),
    (Choice.OUT, Part(UNSUBSCRIBED, 1, ACCEPTED, chosen=49), True),
    # an older choice than the one believed
    (Choice.OUT, Part(UNSUBSCRIBED, 1, chosen=51), False),
]


@pytest.mark.parametrize(("choice", "part", "sent"), CHOICES)
def test_a_choice_is_sent_where_it_is_not_believed_or_was_made_again(
    choice: Choice, part: Part | None, sent: bool
) -> None:
    wish = Wish(EMAIL, choice, 50)
    found = diff(wants(subscriptions=[wish]), holds({"channel:11": part} if part else {}))
    assert found.opt_outs == ([wish] if sent and choice is Choice.OUT else [])
    assert found.opt_ins == ([wish] if sent and choice is Choice.IN else [])
    assert bool(found) is found.touches_more is sent


A, B = "a@example.com", "b@example.com"
# confirmed, desired → the next identity to change to
IDENTITIES: list[tuple[Any, Any, Any]] = [
    (None, (A, "u1"), None),
    ((A, "u1"), (A, "u1"), None),
    ((A, "u1"), (A, None), None),
    ((A, "u1"), (None, "u1"), None),
    ((A, None), (B, None), (B, None)),
    ((A, None), (A, "u1"), (A, "u1")),
    ((None, "u1"), (A, "u1"), (A, "u1")),
    ((A, "u1"), (B, "u1"), (B, "u1")),
    ((A, "u1"), (B, None), (B, "u1")),
    ((A, "u1"), (A, "u2"), (A, "u2")),
    # both at once: the userId first, then the e-mail
    ((A, None), (B, "u1"), (A, "u1")),
    ((A, "u1"), (B, "u2"), (A, "u2")),
]


@pytest.mark.parametrize(("confirmed", "desired", "step"), IDENTITIES)
def test_an_identity_is_changed_one_identifier_at_a_time(
    confirmed: Any, desired: Any, step: Any
) -> None:
    believed = holds({}, IterableIdentity(*confirmed) if confirmed else None)
    found = diff(wants(identity=IterableIdentity(*desired)), believed)
    assert found.identity == (IterableIdentity(*step) if step else None)
    assert found.touches_fields is bool(step)


@pytest.mark.parametrize(("confirmed", "desired", "step"), IDENTITIES)
def test_a_refused_identity_is_not_tried_again(confirmed: Any, desired: Any, step: Any) -> None:
    if step is None:
        return
    refused = Part(identity_hash(IterableIdentity(*step)), 1, REFUSED, "conflict")
    believed = holds({IDENTITY: refused}, IterableIdentity(*confirmed))
    assert not diff(wants(identity=IterableIdentity(*desired)), believed)
    other = Part(identity_hash(IterableIdentity("c@example.com", "u9")), 1, REFUSED, "conflict")
    believed.parts[IDENTITY] = other
    assert diff(wants(identity=IterableIdentity(*desired)), believed).identity is not None


CREATES: list[tuple[bool, IterableIdentity | None, Part | None, bool]] = [
    (True, None, None, True),
    (False, None, None, False),
    (True, ANN, None, False),
    (True, None, Part(identity_hash(ANN), 1, REFUSED, "conflict"), False),
    (True, None, Part(7, 1, REFUSED, "conflict"), True),
]


@pytest.mark.parametrize(("identified", "confirmed", "part", "creates"), CREATES)
def test_a_described_user_is_created_even_without_fields(
    identified: bool, confirmed: IterableIdentity | None, part: Part | None, creates: bool
) -> None:
    desired = msgspec.structs.replace(wants(), identified=identified)
    found = diff(desired, holds({IDENTITY: part} if part else {}, confirmed))
    assert found.creates is found.touches_fields is bool(found) is creates


def test_nothing_is_sent_for_a_user_that_can_not_be_addressed() -> None:
    everything = wants({"plan": "pro"}, {4711: True}, [Wish(EMAIL, Choice.OUT, 50)], identity=None)
    assert not diff(everything, Believed())


def test_what_desired_does_not_name_is_left_alone() -> None:
    believed = holds(
        {"field:plan": Part(PRO, 1), "list:4711": Part(MEMBER, 1), "channel:11": Part(7, 1)}
    )
    assert diff(wants(), believed) == Difference()


def test_only_the_parts_that_differ_are_sent() -> None:
    desired = wants(
        {"plan": "pro", "vip": True, "old": None},
        {1: True, 2: True, 3: False, 4: False},
        [Wish(EMAIL, Choice.OUT, 50), Wish(SubscriptionTarget("messageType", 21), Choice.IN, 50)],
    )
    believed = holds(
        {
            "field:plan": Part(PRO, 1),
            "field:old": Part(PRO, 1),
            "list:1": Part(MEMBER, 1),
            "list:3": Part(NO_MEMBER, 1),
            "channel:21": Part(SUBSCRIBED, 1, chosen=50),
        }
    )
    assert diff(desired, believed) == Difference(
        opt_outs=[desired.subscriptions[0]],
        fields={"vip": True, "old": None},
        hashes={"field:vip": value_hash(True), "field:old": ABSENT},
        subscribe=[2],
        unsubscribe=[4],
        opt_ins=[desired.subscriptions[1]],
    )


def test_two_differences_share_nothing() -> None:
    first, second = Difference(), Difference()
    first.subscribe.append(1)
    first.fields["a"] = 1
    assert second == Difference()
    assert not second


def test_a_plan_is_made_against_the_hash_of_every_part() -> None:
    desired = wants(
        {"plan": "pro", "old": None}, {1: True, 2: False}, [Wish(EMAIL, Choice.OUT, 50)]
    )
    assert part_hashes(desired) == {
        "field:plan": PRO,
        "field:old": ABSENT,
        "list:1": MEMBER,
        "list:2": NO_MEMBER,
        "channel:11": UNSUBSCRIBED,
        IDENTITY: identity_hash(desired.identity or IterableIdentity()),
    }


def test_the_words_for_states_have_hashes_of_their_own() -> None:
    assert len({SUBSCRIBED, UNSUBSCRIBED, MEMBER, NO_MEMBER, ABSENT}) == 5
    assert (choice_hash(Choice.OUT), choice_hash(Choice.IN)) == (UNSUBSCRIBED, SUBSCRIBED)
    assert identity_hash(IterableIdentity(A, None)) != identity_hash(IterableIdentity(None, A))


_VALUES = st.sampled_from(["pro", "free", 1, None, "2020-08-19T20:50:04Z"])
_PARTS = st.builds(Part, _VALUES.map(value_hash), st.just(1), st.sampled_from(list(Certainty)))
_NAMES = st.sampled_from(["field:a", "field:b", "field:c"])


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), _VALUES),
    st.dictionaries(_NAMES, _PARTS),
    st.dictionaries(_NAMES, st.sampled_from([CONFIRMED, REFUSED])),
)
def test_after_fields_were_settled_what_is_open_is_what_a_new_diff_finds(
    fields: dict[str, Any], parts: dict[str, Part], settled: dict[str, Certainty]
) -> None:
    desired, believed = wants(fields, lists={7: True}), holds(parts)
    before = diff(desired, believed)
    for name, certainty in settled.items():
        if name in before.hashes:
            believed.parts[name] = Part(before.hashes[name], 2, certainty)
    assert still_open(before, believed) == diff(desired, believed)
