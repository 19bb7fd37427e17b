"""What one message does to a profile, told case by case (DESIGN §2, segment.md §7)."""

from typing import Any

import pytest

from daemon.domain.messages import Message
from daemon.domain.profiles import Profile
from daemon.mapping.fold import Effect, fold, merge_profiles
from daemon.mapping.identity import MOST_ANONYMOUS_IDS, MOST_EMAILS
from daemon.mapping.room import Bounds
from tests.unit.mapping.making import BOUNDS, computed, mappings, message, profile_of, registers

MAPPED = mappings("""
- {name: profiles, action: update_user, subscribe: type = "identify", fields: {"*": $.traits}}
- {name: vip, action: subscribe_list, audience: vip, list: VIP}
- {name: vip too, action: subscribe_list, audience: vip, list: 99}
- name: opt-outs
  action: update_subscriptions
  subscribe: event = "Unsubscribed" or traits.marketing_ok = false
  opt_in: event = "Subscribed"
  unsubscribe: {channels: [11, 12]}
""")


def identify(at: int, traits: dict[str, Any], **more: Any) -> Message:
    return message("identify", at=at, mid=more.pop("mid", f"m{at}"), traits=traits, **more)


def test_a_new_trait_is_a_register_with_the_messages_stamp() -> None:
    profile = Profile()
    one = message("identify", at=5, received=9, index=3, mid="m5", traits={"a": 1, "b": None})
    folded = fold(profile, one, MAPPED, BOUNDS)
    assert registers(profile)["traits"] == {"a": (1, (5, 9, 3, "m5")), "b": (None, (5, 9, 3, "m5"))}
    assert profile.stamps == [(5, 9, 3, "m5")]
    assert (folded.changed, folded.rejected) == (True, {})
    assert folded.effects == {"profiles": Effect.APPLIED}


# folded first, then → the value that stays, the time of its stamp, effect of the second
SECOND: list[tuple[tuple[int, Any], tuple[int, Any], tuple[Any, int], Effect]] = [
    ((1, "a"), (2, "b"), ("b", 2), Effect.APPLIED),
    ((2, "b"), (1, "a"), ("b", 2), Effect.SUPERSEDED),
    ((1, "a"), (2, "a"), ("a", 2), Effect.UNCHANGED),
    ((2, "a"), (1, "a"), ("a", 2), Effect.SUPERSEDED),
    ((1, "a"), (2, None), (None, 2), Effect.APPLIED),
    ((2, None), (1, "a"), (None, 2), Effect.SUPERSEDED),
    ((1, None), (2, "a"), ("a", 2), Effect.APPLIED),
    ((1, 1), (2, True), (True, 2), Effect.APPLIED),
    ((1, {"a": 1}), (2, {"b": 2}), ({"b": 2}, 2), Effect.APPLIED),
    ((1, {"a": 1, "b": 2}), (2, {"b": 2, "a": 1}), ({"a": 1, "b": 2}, 2), Effect.UNCHANGED),
    ((1, [1, 2]), (2, [2, 1]), ([2, 1], 2), Effect.APPLIED),
]


@pytest.mark.parametrize(("first", "second", "stays", "effect"), SECOND)
def test_the_later_of_two_messages_wins_whenever_it_comes(
    first: tuple[int, Any], second: tuple[int, Any], stays: tuple[Any, int], effect: Effect
) -> None:
    profile = Profile()
    fold(profile, identify(first[0], {"x": first[1]}), MAPPED, BOUNDS)
    folded = fold(profile, identify(second[0], {"x": second[1]}), MAPPED, BOUNDS)
    value, stamp = registers(profile)["traits"]["x"]
    assert (value, type(value), stamp[0]) == (stays[0], type(stays[0]), stays[1])
    assert folded.effects == {"profiles": effect}
    assert folded.changed is (effect is Effect.APPLIED)


def test_later_means_happened_then_received_then_placed_then_named() -> None:
    stamps = [(1, 9, 9, "z"), (2, 5, 9, "z"), (2, 6, 0, "z"), (2, 6, 1, "a"), (2, 6, 1, "b")]
    said = [
        message("identify", at=at, received=received, index=index, mid=mid, traits={"x": number})
        for number, (at, received, index, mid) in enumerate(stamps)
    ]
    for order in (said, said[::-1]):
        assert registers(profile_of(order, MAPPED))["traits"]["x"] == (4, stamps[-1])


def test_an_equal_value_still_advances_its_stamp() -> None:
    said = [identify(1, {"x": "a"}), identify(3, {"x": "a"}), identify(2, {"x": "b"})]
    assert registers(profile_of(said, MAPPED))["traits"]["x"][0] == "a"


def test_of_two_values_with_one_stamp_the_greater_json_wins() -> None:
    said = [identify(1, {"x": value}, mid="m") for value in ("a", "b", 7, None, True)]
    for order in (said, said[::-1]):
        assert registers(profile_of(order, MAPPED))["traits"]["x"][0] is True


def test_an_identify_without_traits_changes_nothing() -> None:
    folded = fold(Profile(), identify(1, {}), MAPPED, BOUNDS)
    assert (folded.changed, folded.effects) == (False, {"profiles": Effect.UNCHANGED})


@pytest.mark.parametrize("kind", ["track", "page", "screen", "group", "alias"])
def test_traits_of_other_calls_are_not_the_users(kind: str) -> None:
    profile = Profile()
    folded = fold(profile, message(kind, traits={"x": 1}, event="A"), MAPPED, BOUNDS)
    assert profile == Profile()
    assert (folded.changed, folded.effects) == (False, {})


def test_some_applied_makes_the_message_applied() -> None:
    profile = profile_of([identify(5, {"x": 1, "y": 1})], MAPPED)
    folded = fold(profile, identify(4, {"x": 2, "z": 1}), MAPPED, BOUNDS)
    assert folded.effects == {"profiles": Effect.APPLIED}
    assert {name: value for name, (value, _) in profile.traits.items()} == {"x": 1, "y": 1, "z": 1}


# Engage


@pytest.mark.parametrize(
    ("value", "member"), [(True, True), (False, False), ("true", True), ("false", False)]
)
@pytest.mark.parametrize("kind", ["identify", "track"])
def test_a_membership_is_folded_from_its_key_alone(kind: str, value: Any, member: bool) -> None:
    said = {"vip": value, "other": 1, "email": "x@example.com"}
    one = message(
        kind,
        event="Audience Entered",
        traits=said if kind == "identify" else {},
        properties=said if kind == "track" else {},
        context={"personas": {"computation_class": "audience", "computation_key": "vip"}},
    )
    profile = Profile()
    folded = fold(profile, one, MAPPED, BOUNDS)
    assert registers(profile) == {
        "traits": {},
        "audiences": {"vip": (member, one.stamp)},
        "choices": {},
    }
    assert folded.effects == {"vip": Effect.APPLIED, "vip too": Effect.APPLIED}


@pytest.mark.parametrize("value", [None, 1, 0, "yes", "TRUE", [], {}, ["true"]])
def test_what_is_no_membership_is_filtered(value: Any) -> None:
    profile = Profile()
    folded = fold(profile, computed("vip", value), MAPPED, BOUNDS)
    assert profile == Profile()
    assert (folded.changed, set(folded.effects.values())) == (False, {Effect.FILTERED})


def test_a_membership_nobody_maps_is_kept_for_a_later_mapping() -> None:
    profile = Profile()
    folded = fold(profile, computed("other", True), MAPPED, BOUNDS)
    assert registers(profile)["audiences"]["other"][0] is True
    assert folded.effects == {}


def test_an_engage_message_without_its_key_changes_nothing() -> None:
    one = message(
        "track",
        event="Journey",
        properties={"journey_metadata": {"journey_id": "j"}},
        context={"personas": {"computation_class": "journey_step", "computation_key": "vip"}},
    )
    profile = Profile()
    assert fold(profile, one, MAPPED, BOUNDS).effects == {}
    assert profile == Profile()


def test_a_computed_trait_is_a_trait() -> None:
    profile = Profile()
    folded = fold(profile, computed("revenue", 450, computation="trait"), MAPPED, BOUNDS)
    assert {name: value for name, (value, _) in profile.traits.items()} == {"revenue": 450}
    assert profile.audiences == {}
    assert folded.effects == {"profiles": Effect.APPLIED}


def test_a_membership_and_a_trait_of_one_name_are_two_registers() -> None:
    profile = profile_of([identify(1, {"vip": "gold"}), computed("vip", True)], MAPPED)
    assert (profile.traits["vip"][0], profile.audiences["vip"][0]) == ("gold", True)


@pytest.mark.parametrize("personas", [None, {}, "x", {"computation_key": ""}])
def test_without_a_computation_key_an_identify_is_a_plain_one(personas: Any) -> None:
    one = message("identify", traits={"vip": True}, context={"personas": personas})
    profile = profile_of([one], MAPPED)
    assert (set(profile.traits), profile.audiences) == ({"vip"}, {})


# choices


def said_of_choices(profile: Profile) -> dict[str, Any]:
    return {name: value for name, (value, _) in profile.choices.items()}


OUT = {"opt-outs/channel:11": "unsubscribed", "opt-outs/channel:12": "unsubscribed"}
IN = {"opt-outs/channel:11": "subscribed", "opt-outs/channel:12": "subscribed"}


@pytest.mark.parametrize(
    ("one", "choices"),
    [
        (message(event="Unsubscribed"), OUT),
        (message("identify", traits={"marketing_ok": False}), OUT),
        (message("identify", traits={"marketing_ok": True}), {}),
        (message(event="Subscribed"), IN),
        (message(event="Subscribed", traits={"marketing_ok": False}), OUT),
        (message(event="Other"), {}),
    ],
)
def test_a_choice_is_folded_for_every_target(one: Message, choices: dict[str, str]) -> None:
    assert said_of_choices(profile_of([one], MAPPED)) == choices


@pytest.mark.parametrize(("key", "choices"), [("vip", {}), ("marketing_ok", OUT)])
def test_of_an_engage_message_only_the_computed_key_can_opt_out(
    key: str, choices: dict[str, str]
) -> None:
    one = message(
        "identify",
        traits={"vip": True, "marketing_ok": False},
        context={"personas": {"computation_class": "audience", "computation_key": key}},
    )
    assert said_of_choices(profile_of([one], MAPPED)) == choices


def test_a_choice_made_again_is_marked_though_nothing_seems_to_change() -> None:
    profile = profile_of([message(at=1, mid="m1", event="Unsubscribed")], MAPPED)
    again = fold(profile, message(at=2, mid="m2", event="Unsubscribed"), MAPPED, BOUNDS)
    assert (again.changed, again.effects) == (True, {"opt-outs": Effect.UNCHANGED})
    repeated = fold(profile, message(at=2, mid="m2", event="Unsubscribed"), MAPPED, BOUNDS)
    assert (repeated.changed, repeated.effects) == (False, {"opt-outs": Effect.UNCHANGED})
    late = fold(profile, message(at=1, mid="m0", event="Subscribed"), MAPPED, BOUNDS)
    assert (late.changed, late.effects) == (False, {"opt-outs": Effect.SUPERSEDED})
    assert said_of_choices(profile) == OUT


def test_a_trait_that_repeats_marks_nobody_and_is_written_once() -> None:
    profile = profile_of([identify(1, {"x": 1})], MAPPED)
    later = fold(profile, identify(2, {"x": 1}), MAPPED, BOUNDS)
    assert (later.changed, later.written) == (False, True)
    again = fold(profile, identify(2, {"x": 1}), MAPPED, BOUNDS)
    assert (again.changed, again.written) == (False, False)


# bounds


FULL, LARGE = "profile full", "value too large"


def test_registers_beyond_the_bound_are_rejected_the_longest_names_first() -> None:
    profile = Profile()
    bounds = Bounds(registers=2)
    folded = fold(profile, identify(1, {"ccc": 3, "a": 1, "bb": 2}), MAPPED, bounds)
    assert (set(profile.traits), folded.rejected) == ({"a", "bb"}, {"ccc": FULL})
    again = fold(profile, identify(2, {"a": 5, "dd": 1}), MAPPED, bounds)
    assert (profile.traits["a"][0], again.rejected) == (5, {"dd": FULL})
    assert again.effects == {"profiles": Effect.APPLIED}


def test_a_register_that_gives_way_is_unknown_from_then_on_and_its_user_is_marked() -> None:
    bounds = Bounds(registers=1)
    profile = profile_of([identify(5, {"bb": 1})], MAPPED, bounds)
    folded = fold(profile, identify(1, {"a": 1}), MAPPED, bounds)
    assert (set(profile.traits), folded.rejected, folded.changed) == ({"a"}, {"bb": FULL}, True)
    for at in (4, 9):
        late = fold(profile, identify(at, {"bb": None}), MAPPED, bounds)
        assert (set(profile.traits), late.rejected) == ({"a"}, {"bb": FULL})
        assert (late.changed, late.written) == (False, False)


def test_wider_bounds_let_new_registers_in_again() -> None:
    profile = profile_of([identify(1, {"a": 1, "b": 2})], MAPPED, Bounds(registers=1))
    fold(profile, identify(2, {"b": 3, "c": 4}), MAPPED, Bounds(registers=2))
    assert registers(profile)["traits"] == {
        "a": (1, (1, 1, 0, "m1")),
        "b": (3, (2, 2, 0, "m2")),
    }


def test_neither_audiences_nor_choices_give_way_to_traits() -> None:
    bounds = Bounds(registers=2)
    said = [
        identify(1, {"a": 1, "marketing_ok": False}),
        computed("vip", True, at=2),
        message(at=3, event="Unsubscribed"),
    ]
    for order in (said, said[::-1]):
        profile = profile_of(order, MAPPED, bounds)
        assert (set(profile.traits), set(profile.audiences)) == ({"a"}, {"vip"})
        assert said_of_choices(profile) == OUT


def test_all_traits_together_are_bounded_in_bytes() -> None:
    bounds = Bounds(profile_bytes=300)
    profile = Profile()
    folded = fold(profile, identify(1, {"a": "x" * 100, "b": 1, "c": "x" * 100}), MAPPED, bounds)
    assert (set(profile.traits), folded.rejected) == ({"a", "b"}, {"c": FULL})
    grown = fold(profile, identify(2, {"a": "x" * 200}), MAPPED, bounds)
    assert (set(profile.traits), grown.rejected) == ({"a"}, {"b": FULL})
    shrunk = fold(profile, identify(3, {"a": None, "b": 1}), MAPPED, bounds)
    assert (registers(profile)["traits"]["a"][0], shrunk.rejected) == (None, {"b": FULL})


def test_a_value_that_is_superseded_counts_as_if_it_had_come_first() -> None:
    bounds = Bounds(profile_bytes=150)
    small, large = identify(5, {"a": 1, "b": 1}), identify(1, {"a": "x" * 100})
    profile = profile_of([small], MAPPED, bounds)
    folded = fold(profile, large, MAPPED, bounds)
    assert (set(profile.traits), folded.rejected) == ({"a"}, {"b": FULL})
    assert (folded.changed, folded.written) == (True, True)
    assert folded.effects == {"profiles": Effect.SUPERSEDED}
    other = profile_of([large, small], MAPPED, bounds)
    assert (registers(other), other.size) == (registers(profile), profile.size)


def test_a_value_too_large_to_be_taken_counts_for_nothing() -> None:
    bounds = Bounds(value_bytes=90, profile_bytes=200)
    small, large = identify(5, {"a": 1, "b": 1}), identify(1, {"a": "x" * 100})
    for order in ([small, large], [large, small]):
        profile = profile_of(order, MAPPED, bounds)
        assert (set(profile.traits), profile.size) == ({"a", "b"}, 128)


def test_a_register_alone_too_large_for_its_profile_leaves_nothing_behind() -> None:
    profile = Profile()
    folded = fold(profile, identify(1, {"a": "x" * 200}), MAPPED, Bounds(profile_bytes=200))
    assert (profile.traits, profile.size, folded.rejected) == ({}, 0, {"a": FULL})
    assert folded.effects == {"profiles": Effect.SUPERSEDED}


def test_what_a_profile_counts_is_found_out_anew_where_it_was_never_counted() -> None:
    profile = profile_of([identify(1, {"a": "x" * 100, "b": 1}), computed("vip", True)], MAPPED)
    counted, profile.size = profile.size, 0
    fold(profile, identify(2, {"b": 2}), MAPPED, BOUNDS)
    assert profile.size == counted == 128 + 64 + 64


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("x" * 18, True),
        ("x" * 19, False),
        ("ü" * 9, True),
        ("ü" * 10, False),
        (["x" * 16], True),
        (["x" * 17], False),
        ({"a": "x" * 12}, True),
        ({"a": "x" * 13}, False),
        ([[[[[[[[[[]]]]]]]]]], True),
        ([[[[[[[[[[[]]]]]]]]]]], False),
        ("\x01" * 3, True),
        ("\x01" * 4, False),
        (12345678901234567890, True),
    ],
)
def test_a_value_has_its_size_in_json_bounded(value: Any, fits: bool) -> None:
    profile = profile_of([identify(1, {"x": "old"})], MAPPED)
    folded = fold(profile, identify(2, {"x": value, "y": value}), MAPPED, Bounds(value_bytes=20))
    assert folded.rejected == ({} if fits else {"x": LARGE, "y": LARGE})
    assert profile.traits["x"][0] == (value if fits else "old")
    assert ("y" in profile.traits) is fits
    assert folded.changed is fits


# merging and sweeping


def test_merging_keeps_the_later_value_of_each_register() -> None:
    winner = profile_of([identify(1, {"a": "old", "b": "new", "c": 1})], MAPPED)
    loser = profile_of([identify(2, {"a": "new", "d": 1}), identify(0, {"b": "old"})], MAPPED)
    winner.known_since, loser.known_since = 7, 3
    winner.emails, loser.emails = ["x", "y"], ["y", "z"]
    winner.anonymous_ids, loser.anonymous_ids = ["1"], ["2", "1"]
    assert merge_profiles(winner, loser, BOUNDS) is True
    said = {name: value for name, (value, _) in winner.traits.items()}
    assert said == {"a": "new", "b": "new", "c": 1, "d": 1}
    assert (winner.emails, winner.anonymous_ids, winner.known_since) == (
        ["x", "y", "z"],
        ["1", "2"],
        3,
    )


def test_merging_keeps_the_later_membership_and_choice() -> None:
    winner = profile_of([computed("vip", True, at=1), message(at=4, event="Subscribed")], MAPPED)
    loser = profile_of([computed("vip", False, at=2), message(at=3, event="Unsubscribed")], MAPPED)
    for first, second in ((winner, loser), (loser, winner)):
        merge_profiles(first, second, BOUNDS)
        assert first.audiences["vip"][0] is False
        assert said_of_choices(first) == IN


@pytest.mark.parametrize(("mine", "theirs", "since"), [(0, 5, 5), (5, 0, 5), (0, 0, 0), (4, 9, 4)])
def test_merging_keeps_since_when_the_person_is_known(mine: int, theirs: int, since: int) -> None:
    winner = Profile(known_since=mine)
    merge_profiles(winner, Profile(known_since=theirs), BOUNDS)
    assert winner.known_since == since


def test_merging_what_is_known_already_changes_nothing() -> None:
    winner = profile_of([identify(2, {"a": 1})], MAPPED)
    assert merge_profiles(winner, profile_of([identify(1, {"a": 2})], MAPPED), BOUNDS) is False
    assert merge_profiles(winner, Profile(), BOUNDS) is False


def test_merging_stays_within_the_bounds_of_identifiers() -> None:
    winner = Profile(
        emails=[f"w{number}" for number in range(MOST_EMAILS)],
        anonymous_ids=[f"w{number}" for number in range(MOST_ANONYMOUS_IDS)],
    )
    merge_profiles(winner, Profile(emails=["l"], anonymous_ids=["l"]), BOUNDS)
    assert (len(winner.emails), winner.emails[-1]) == (MOST_EMAILS, "l")
    assert (len(winner.anonymous_ids), winner.anonymous_ids[-1]) == (MOST_ANONYMOUS_IDS, "l")


def test_stamps_no_register_holds_are_forgotten() -> None:
    profile = Profile()
    fold(profile, identify(0, {"kept": True}), MAPPED, BOUNDS)
    for at in range(1, 500):
        fold(profile, identify(at, {"x": at, "y": None}), MAPPED, BOUNDS)
        assert len(profile.stamps) <= 16
    assert registers(profile)["traits"] == {
        "kept": (True, (0, 0, 0, "m0")),
        "x": (499, (499, 499, 0, "m499")),
        "y": (None, (499, 499, 0, "m499")),
    }


def test_stamps_are_kept_while_registers_hold_them() -> None:
    profile = Profile()
    for at in range(100):
        fold(profile, identify(at, {f"t{at}": at}), MAPPED, BOUNDS)
    assert len(profile.stamps) == 100
    assert {stamp[0] for _, stamp in registers(profile)["traits"].values()} == set(range(100))


def test_one_message_has_one_stamp_for_all_it_says() -> None:
    profile = profile_of([identify(1, {"marketing_ok": False, "a": 1, "b": 2})], MAPPED)
    assert len(profile.stamps) == 1
    assert len(profile.choices) == 2
    winner = profile_of([identify(1, {"c": 1}, mid="other")], MAPPED)
    merge_profiles(winner, profile, BOUNDS)
    assert len(winner.stamps) == 2
