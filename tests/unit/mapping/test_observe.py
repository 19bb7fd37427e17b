"""What the reconciler saw becomes Believed, part by part (DESIGN §3.5)."""

from typing import Any

import pytest

from daemon.domain.identity import IterableIdentity
from daemon.domain.profiles import Believed, Certainty, Desired, Observation, Observed, Part
from daemon.mapping.canonical import ABSENT, value_hash
from daemon.mapping.diff import (
    IDENTITY,
    MEMBER,
    NO_MEMBER,
    SUBSCRIBED,
    UNSUBSCRIBED,
    diff,
    identity_hash,
)
from daemon.mapping.observe import USER, apply_observation, observed_hash

ANN = IterableIdentity("ann@example.com", "u1")
AS_OF, LAG = 100_000, 15_000
SEEN = Observed(
    as_of=AS_OF,
    exists=True,
    identity=ANN,
    fields={"plan": "free", "at": "2020-08-19 20:50:04 +00:00", "empty": "", "n": 5.0},
    lists=[4711],
    unsubscribed_channels=[11],
    unsubscribed_message_types=[21, 32],
    subscribed_message_types=[21, 31, 33],
)
OPT_IN = frozenset({31, 32, 34})
MISSING = Observed(as_of=AS_OF, exists=False, identity=ANN)
PRO, FREE = value_hash("pro"), value_hash("free")


@pytest.mark.parametrize(
    ("part", "digest"),
    [
        ("field:plan", FREE),
        ("field:at", value_hash("2020-08-19T20:50:04Z")),
        ("field:n", value_hash(5)),
        ("field:empty", ABSENT),
        ("field:other", ABSENT),
        ("field:a:b", ABSENT),
        ("list:4711", MEMBER),
        ("list:11", NO_MEMBER),
        ("channel:11", UNSUBSCRIBED),
        ("channel:21", SUBSCRIBED),
        ("messageType:21", UNSUBSCRIBED),
        ("messageType:11", SUBSCRIBED),
        ("messageType:33", SUBSCRIBED),
        # of policy OptIn: only who is listed gets it
        ("messageType:31", SUBSCRIBED),
        ("messageType:32", UNSUBSCRIBED),
        ("messageType:34", UNSUBSCRIBED),
        ("channel:34", SUBSCRIBED),
        ("list:34", NO_MEMBER),
        (IDENTITY, identity_hash(ANN)),
    ],
)
def test_what_was_seen_is_comparable_with_desired(part: str, digest: int) -> None:
    assert observed_hash(SEEN, part, OPT_IN) == digest


def test_an_opt_in_type_is_believed_as_iterable_lists_it() -> None:
    believed = Believed(identity=ANN, parts={"messageType:34": Part(SUBSCRIBED, 1)})
    observe(believed, {"messageType:34": UNSUBSCRIBED})
    assert believed.parts["messageType:34"].hash == UNSUBSCRIBED


def test_a_field_name_may_hold_a_colon() -> None:
    seen = Observed(as_of=1, exists=True, identity=ANN, fields={"a:b": 1})
    assert observed_hash(seen, "field:a:b", OPT_IN) == value_hash(1)


def observe(
    believed: Believed, planned: dict[str, int], now: dict[str, int] | None = None, **more: Any
) -> list[str]:
    observation = Observation("u:u1", 118, more.pop("seen", SEEN), planned, **more)
    desired = planned if now is None else now
    return apply_observation(believed, observation, desired, LAG, OPT_IN)


PLAN = "field:plan"
CASES: list[tuple[Part | None, int, Part | None]] = [
    # what is believed, Desired's hash now → what is believed then; None: superseded
    (None, PRO, Part(FREE, AS_OF)),
    (Part(PRO, 1), PRO, Part(FREE, AS_OF)),
    (Part(PRO, 1, Certainty.UNKNOWN), PRO, Part(FREE, AS_OF)),
    (Part(PRO, 1, Certainty.ACCEPTED, chosen=7), PRO, Part(FREE, AS_OF, chosen=7)),
    (Part(PRO, AS_OF - LAG), PRO, Part(FREE, AS_OF)),
    (Part(PRO, 1, Certainty.REFUSED, "type"), PRO, Part(PRO, 1, Certainty.REFUSED, "type")),
    # sent, confirmed or changed since
    (Part(PRO, AS_OF - LAG + 1), PRO, None),
    (Part(PRO, AS_OF), PRO, None),
    (Part(PRO, AS_OF + 1, Certainty.UNKNOWN), PRO, None),
    (Part(PRO, 1), FREE, None),
    (None, FREE, None),
]


@pytest.mark.parametrize(("part", "desired", "then"), CASES)
def test_a_part_is_believed_as_seen_unless_something_newer_is_known(
    part: Part | None, desired: int, then: Part | None
) -> None:
    believed = Believed(identity=ANN, parts={PLAN: part} if part else {})
    before = dict(believed.parts)
    assert observe(believed, {PLAN: PRO}, {PLAN: desired}) == ([] if then else [PLAN])
    assert believed.parts == ({PLAN: then} if then else before)


def test_a_part_desired_no_longer_names_is_superseded() -> None:
    believed = Believed(identity=ANN)
    assert observe(believed, {PLAN: PRO}, {}) == [PLAN]
    assert believed.parts == {}


def test_each_part_is_judged_by_itself_and_others_are_untouched() -> None:
    believed = Believed(
        identity=ANN,
        parts={PLAN: Part(PRO, 1), "list:4711": Part(NO_MEMBER, AS_OF), "field:x": Part(5, 1)},
    )
    planned = {PLAN: PRO, "list:4711": NO_MEMBER, "channel:11": SUBSCRIBED}
    assert observe(believed, planned) == ["list:4711"]
    assert believed.parts == {
        PLAN: Part(FREE, AS_OF),
        "list:4711": Part(NO_MEMBER, AS_OF),
        "field:x": Part(5, 1),
        "channel:11": Part(UNSUBSCRIBED, AS_OF),
    }


def test_a_plan_that_names_no_part_changes_none() -> None:
    believed = Believed(identity=ANN, parts={PLAN: Part(PRO, 1)})
    assert observe(believed, {}) == []
    assert believed.parts == {PLAN: Part(PRO, 1)}


OTHER = IterableIdentity("other@example.com", "u1")
ASKED = {IDENTITY: identity_hash(OTHER)}


def test_the_identity_seen_is_taken_where_none_was_confirmed() -> None:
    believed = Believed(identity=OTHER)
    observe(believed, {PLAN: PRO})
    assert believed.identity == OTHER
    believed = Believed()
    observe(believed, {PLAN: PRO})
    assert believed.identity == ANN


def test_another_identity_is_believed_where_the_plan_names_it() -> None:
    believed = Believed(OTHER, {IDENTITY: Part(identity_hash(OTHER), 1)})
    assert observe(believed, ASKED) == []
    assert believed == Believed(ANN, {IDENTITY: Part(identity_hash(ANN), AS_OF)})
    wanted = Desired(OTHER, {}, {}, [])
    assert diff(wanted, believed).identity == OTHER


@pytest.mark.parametrize(
    ("parts", "now"),
    [
        ({IDENTITY: Part(identity_hash(OTHER), AS_OF)}, ASKED),
        ({}, {IDENTITY: identity_hash(ANN)}),
        ({}, {}),
    ],
    ids=["confirmed since", "Desired is another now", "nobody is wanted"],
)
def test_an_identity_that_is_newer_than_the_plan_stands(
    parts: dict[str, Part], now: dict[str, int]
) -> None:
    believed = Believed(OTHER, dict(parts))
    assert observe(believed, ASKED, now) == [IDENTITY]
    assert believed == Believed(OTHER, parts)


def test_a_refused_identity_is_not_tried_again_though_the_user_is_known_better() -> None:
    refused = Part(identity_hash(OTHER), 1, Certainty.REFUSED, "belongs to another")
    believed = Believed(OTHER, {IDENTITY: refused})
    assert observe(believed, ASKED) == []
    assert believed == Believed(ANN, {IDENTITY: refused})
    assert diff(Desired(OTHER, {}, {}, []), believed).identity is None


REFUSED = Part(PRO, 1, Certainty.REFUSED, "type")


def test_a_missing_user_is_believed_only_where_the_plan_may_recreate() -> None:
    believed = Believed(identity=ANN, parts={PLAN: Part(PRO, 1), "field:bad": REFUSED})
    before = dict(believed.parts)
    assert observe(believed, {PLAN: PRO}, seen=MISSING) == [USER]
    assert (believed.identity, believed.parts) == (ANN, before)
    assert observe(believed, {PLAN: PRO}, seen=MISSING, recreate=True) == []
    assert (believed.identity, believed.parts) == (None, {"field:bad": REFUSED})


@pytest.mark.parametrize(("at", "kept"), [(AS_OF - LAG, False), (AS_OF - LAG + 1, True)])
def test_a_user_written_since_is_not_believed_missing(at: int, kept: bool) -> None:
    believed = Believed(identity=ANN, parts={PLAN: Part(PRO, 1), "list:1": Part(MEMBER, at)})
    assert observe(believed, {PLAN: PRO}, seen=MISSING, recreate=True) == ([USER] if kept else [])
    assert (believed.identity == ANN) is kept
    assert bool(believed.parts) is kept
