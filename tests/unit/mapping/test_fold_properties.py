"""Order and repetition of messages never matter to what a profile says (DESIGN §2)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.domain.messages import Message
from daemon.domain.profiles import Profile, decode_profile, encode_profile
from daemon.mapping.fold import fold, merge_profiles
from daemon.mapping.project import project
from daemon.mapping.room import Bounds, weight
from tests.unit.mapping.making import BOUNDS, mappings, message, profile_of, registers

MAPPED = mappings("""
- {name: profiles, action: update_user, subscribe: type = "identify", fields: {"*": $.traits}}
- {name: vip, action: subscribe_list, audience: vip, list: VIP}
- name: opt-outs
  action: update_subscriptions
  subscribe: event = "Unsubscribed" or traits.ok = false
  opt_in: event = "Subscribed"
  unsubscribe: {channels: [11, 12]}
- name: sms
  action: update_subscriptions
  subscribe: event = "SMS Off"
  opt_in: event = "Subscribed"
  unsubscribe: {channels: [12]}
""")
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.0, 1.5, "", "a", "b", "2020-08-19T20:50:04Z"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=4,
)
TRAITS = st.dictionaries(st.sampled_from(["x", "y", "ok", "phone"]), VALUES, max_size=3)
TIMES = st.integers(0, 3) | st.integers(0, 40)
NAMES = st.sampled_from(["m1", "m2", "m3"])


def engage(key: str, value: Any, at: int, mid: str, kind: str, computation: str) -> Message:
    personas = {"computation_class": computation, "computation_key": key}
    values = {key: value, "x": "never folded"}
    traits = values if kind == "identify" else {}
    properties = values if kind == "track" else {}
    return message(
        kind, at=at, mid=mid, traits=traits, properties=properties, context={"personas": personas}
    )


MESSAGES = st.one_of(
    st.builds(
        lambda at, late, index, mid, traits: message(
            "identify", at=at, received=at + late, index=index, mid=mid, traits=traits
        ),
        TIMES,
        st.integers(0, 2),
        st.integers(0, 1),
        NAMES,
        TRAITS,
    ),
    st.builds(
        engage,
        st.sampled_from(["vip", "y"]),
        VALUES | st.sampled_from(["true", "false"]),
        TIMES,
        NAMES,
        st.sampled_from(["identify", "track"]),
        st.sampled_from(["audience", "trait", "journey_step"]),
    ),
    st.builds(
        lambda at, mid, event: message(at=at, mid=mid, event=event),
        TIMES,
        NAMES,
        st.sampled_from(["Unsubscribed", "Subscribed", "SMS Off", "Other"]),
    ),
)
SAID = st.lists(MESSAGES, max_size=8)


@given(SAID, st.data())
def test_folding_is_commutative_and_idempotent(said: list[Message], data: st.DataObject) -> None:
    repeated = said + data.draw(st.lists(st.sampled_from(said), max_size=4)) if said else []
    shuffled = data.draw(st.permutations(repeated))
    straight, other = profile_of(said, MAPPED), profile_of(shuffled, MAPPED)
    assert registers(other) == registers(straight)
    wanted, found = project("u:u1", straight, MAPPED), project("u:u1", other, MAPPED)
    assert (found.fields, found.lists) == (wanted.fields, wanted.lists)
    by_part = {wish.target.part: wish for wish in wanted.subscriptions}
    assert {wish.target.part: wish for wish in found.subscriptions} == by_part


@given(SAID)
def test_a_message_folded_again_says_that_nothing_changed(said: list[Message]) -> None:
    profile = profile_of(said, MAPPED)
    before = encode_profile(profile)
    for one in said:
        assert fold(profile, one, MAPPED, BOUNDS).changed is False
    assert registers(profile) == registers(decode_profile(before))


@given(SAID)
def test_what_changes_is_announced(said: list[Message]) -> None:
    """A lane marks a user only where `changed` is true: Desired must not move without it."""
    profile = Profile()
    for one in said:
        before = project("u:u1", profile, MAPPED)
        if not fold(profile, one, MAPPED, BOUNDS).changed:
            assert project("u:u1", profile, MAPPED) == before


@given(st.lists(SAID, min_size=2, max_size=3))
def test_merging_profiles_equals_folding_all_their_messages_into_one(
    parts: list[list[Message]],
) -> None:
    together = profile_of([one for part in parts for one in part], MAPPED)
    winner, *losers = [profile_of(part, MAPPED) for part in parts]
    for loser in losers:
        merge_profiles(winner, loser, BOUNDS)
    assert registers(winner) == registers(together)


@given(SAID, SAID)
def test_merging_leaves_the_loser_as_it_was(mine: list[Message], theirs: list[Message]) -> None:
    winner, loser = profile_of(mine, MAPPED), profile_of(theirs, MAPPED)
    before = encode_profile(loser)
    merge_profiles(winner, loser, BOUNDS)
    assert encode_profile(loser) == before
    assert merge_profiles(winner, loser, BOUNDS) is False


@given(st.lists(MESSAGES, min_size=20, max_size=60))
@settings(max_examples=20)
def test_sweeping_stamps_never_shows(said: list[Message]) -> None:
    profile = profile_of(said, MAPPED)
    held = {
        index
        for group in (profile.traits, profile.audiences, profile.choices)
        for _, index in group.values()
    }
    assert len(profile.stamps) < max(16, 2 * len(held) + 2)
    assert registers(profile_of(said[::-1], MAPPED)) == registers(profile)


@given(SAID)
def test_a_profile_survives_being_stored(said: list[Message]) -> None:
    profile = profile_of(said, MAPPED)
    stored = decode_profile(encode_profile(profile))
    assert stored == profile
    assert registers(stored) == registers(profile)
    assert project("u:u1", stored, MAPPED) == project("u:u1", profile, MAPPED)


@pytest.mark.parametrize("first", [0, 1])
def test_late_news_of_a_removed_trait_does_not_bring_it_back(first: int) -> None:
    said = [
        message("identify", at=1, mid="m1", traits={"x": "a"}),
        message("identify", at=2, mid="m2", traits={"x": None}),
    ]
    profile = profile_of([said[first], said[1 - first]], MAPPED)
    assert registers(profile)["traits"] == {"x": (None, (2, 2, 0, "m2"))}


# at the bounds


SIZES: st.SearchStrategy[Any] = st.sampled_from([None, 1]) | st.integers(0, 260).map("x".__mul__)
CROWDED = st.builds(
    lambda at, mid, traits: message("identify", at=at, mid=mid, traits=traits),
    TIMES,
    NAMES,
    st.dictionaries(st.sampled_from(["a", "b", "c", "ab", "bc", "vip"]), SIZES, max_size=4),
) | st.builds(
    engage,
    st.sampled_from(["vip", "b", "long one"]),
    st.booleans(),
    TIMES,
    NAMES,
    st.just("identify"),
    st.sampled_from(["audience", "trait"]),
)
CROWDS = st.lists(CROWDED | MESSAGES, max_size=9)
TIGHT = st.builds(
    Bounds,
    registers=st.integers(1, 5),
    value_bytes=st.sampled_from([60, 150, 300]),
    profile_bytes=st.sampled_from([64, 128, 256, 320, 640]),
)


def within(profile: Profile) -> tuple[Any, ...]:
    """What a profile says, and all that decides on what it will take."""
    return registers(profile), profile.size, profile.sizes, profile.full


@given(CROWDS, TIGHT, st.data())
def test_folding_is_commutative_and_idempotent_at_the_bounds_too(
    said: list[Message], bounds: Bounds, data: st.DataObject
) -> None:
    repeated = said + data.draw(st.lists(st.sampled_from(said), max_size=4)) if said else []
    shuffled = data.draw(st.permutations(repeated))
    straight, other = profile_of(said, MAPPED, bounds), profile_of(shuffled, MAPPED, bounds)
    assert within(other) == within(straight)
    for one in said:
        folded = fold(other, one, MAPPED, bounds)
        assert (folded.changed, folded.written) == (False, False)


@given(CROWDS, TIGHT)
def test_what_changes_at_the_bounds_is_announced_and_written(
    said: list[Message], bounds: Bounds
) -> None:
    profile = Profile()
    for one in said:
        before, held = project("u:u1", profile, MAPPED), within(decoded(profile))
        folded = fold(profile, one, MAPPED, bounds)
        if not folded.changed:
            assert project("u:u1", profile, MAPPED) == before
        if not folded.written:
            assert within(profile) == held


@given(CROWDS, TIGHT)
def test_a_profile_never_holds_more_than_its_bounds(said: list[Message], bounds: Bounds) -> None:
    profile = Profile()
    for one in said:
        fold(profile, one, MAPPED, bounds)
        assert len(profile.traits) + len(profile.audiences) <= bounds.registers
        assert profile.size <= bounds.profile_bytes
        held = [*profile.traits.items(), *profile.audiences.items()]
        assert sum(weight(name, value) for name, (value, _) in held) <= profile.size


@given(CROWDS, TIGHT)
def test_what_finds_no_room_is_told_with_its_reason(said: list[Message], bounds: Bounds) -> None:
    profile = Profile()
    for one in said:
        before = set(profile.traits) | set(profile.audiences)
        rejected = fold(profile, one, MAPPED, bounds).rejected
        after = set(profile.traits) | set(profile.audiences)
        assert before - after <= set(rejected)
        assert set(rejected.values()) <= {"profile full", "value too large"}


@given(st.lists(CROWDS, min_size=2, max_size=3), TIGHT)
def test_merging_at_the_bounds_equals_folding_all_messages_into_one(
    parts: list[list[Message]], bounds: Bounds
) -> None:
    together = profile_of([one for part in parts for one in part], MAPPED, bounds)
    winner, *losers = [profile_of(part, MAPPED, bounds) for part in parts]
    for loser in losers:
        before = project("u:u1", winner, MAPPED)
        if not merge_profiles(winner, decoded(loser), bounds):
            assert project("u:u1", winner, MAPPED) == before
        assert merge_profiles(winner, loser, bounds) is False
    assert within(winner) == within(together)


def decoded(profile: Profile) -> Profile:
    return decode_profile(encode_profile(profile))
