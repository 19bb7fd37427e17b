"""Profiles and observations as they are stored and sent."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.commands import CallKey, Endpoint, SubscriptionTarget
from daemon.domain.identity import IterableIdentity
from daemon.domain.profiles import (
    Believed,
    Certainty,
    Observation,
    Observed,
    Part,
    Profile,
    decode_believed,
    decode_profile,
    encode_believed,
    encode_profile,
)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
REGISTERS = st.dictionaries(st.text(max_size=4), st.tuples(VALUES, st.integers(0, 5)), max_size=3)
STAMPS = st.tuples(
    st.integers(0, 2**45), st.integers(0, 2**45), st.integers(0, 99), st.text(max_size=5)
)
NAMES = st.lists(st.text(max_size=5), max_size=3)


@given(
    st.builds(
        Profile,
        st.lists(STAMPS, max_size=6),
        REGISTERS,
        REGISTERS,
        REGISTERS,
        NAMES,
        NAMES,
        st.integers(0, 2**45),
        NAMES,
        st.text(max_size=5),
        st.integers(0, 9),
    )
)
def test_a_profile_is_read_back_as_it_was_stored(profile: Profile) -> None:
    stored = decode_profile(encode_profile(profile))
    assert stored == profile
    assert all(type(stamp) is tuple for stamp in stored.stamps)
    assert all(type(one) is tuple for one in stored.traits.values())


def test_one_that_was_stored_by_an_older_version_gets_the_defaults() -> None:
    older = msgspec.msgpack.encode([[(1, 1, 0, "m")], {"plan": ("pro", 0)}])
    assert decode_profile(older) == Profile(stamps=[(1, 1, 0, "m")], traits={"plan": ("pro", 0)})
    assert decode_believed(msgspec.msgpack.encode([["x", None]])) == Believed(
        identity=IterableIdentity("x")
    )
    part = msgspec.msgpack.decode(msgspec.msgpack.encode([7, 5]), type=Part)
    assert part == Part(hash=7, at=5, certainty=Certainty.CONFIRMED, reason="", chosen=0)


def test_new_profiles_share_nothing() -> None:
    first, second = Profile(), Profile()
    first.traits["a"] = (1, 0)
    first.stamps.append((1, 1, 0, "m"))
    assert second == Profile()
    mine, yours = Believed(), Believed()
    mine.parts["a"] = Part(1, 1)
    assert yours == Believed()


@pytest.mark.parametrize(
    "believed",
    [
        Believed(),
        Believed(identity=IterableIdentity("x", "u1")),
        Believed(parts={"field:a": Part(-(2**63), 1, Certainty.REFUSED, "type", 7)}),
        Believed(parts={"list:1": Part(2**63 - 1, 2**45)}),
    ],
)
def test_believed_is_read_back_as_it_was_stored(believed: Believed) -> None:
    assert decode_believed(encode_believed(believed)) == believed


def test_a_confirmed_part_takes_few_bytes() -> None:
    assert len(msgspec.msgpack.encode(Part(2**62, 1_700_000_000_000))) <= 22


@pytest.mark.parametrize("exists", [True, False])
def test_an_observation_travels_as_the_properties_of_a_message(exists: bool) -> None:
    seen = Observed(
        as_of=5,
        exists=exists,
        identity=IterableIdentity("x", None),
        fields={"plan": "pro", "deep": {"a": [1]}},
        lists=[1, 2],
        unsubscribed_channels=[3],
    )
    observation = Observation("u:1", 118, seen, {"field:plan": -5}, recreate=True)
    told: Any = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(observation)))
    assert msgspec.convert(told, Observation) == observation


@pytest.mark.parametrize(
    ("target", "part"),
    [
        (SubscriptionTarget("emailList", 1), "list:1"),
        (SubscriptionTarget("messageChannel", 2), "channel:2"),
        (SubscriptionTarget("messageType", 3), "messageType:3"),
    ],
)
def test_a_target_names_its_part(target: SubscriptionTarget, part: str) -> None:
    assert target.part == part


def test_rows_share_a_call_only_where_all_of_its_key_is_the_same() -> None:
    key = CallKey(Endpoint.SUBSCRIPTIONS, 1, "messageChannel", "subscribe")
    others = [
        CallKey(Endpoint.SUBSCRIPTIONS, 2, "messageChannel", "subscribe"),
        CallKey(Endpoint.SUBSCRIPTIONS, 1, "messageType", "subscribe"),
        CallKey(Endpoint.SUBSCRIPTIONS, 1, "messageChannel", "unsubscribe"),
        CallKey(Endpoint.LIST_SUBSCRIBE, 1, "messageChannel", "subscribe"),
    ]
    assert len({key, *others}) == 5
    assert key == CallKey(Endpoint.SUBSCRIPTIONS, 1, "messageChannel", "subscribe")
