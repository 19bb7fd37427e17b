"""What the log keeps must be read back as it was written; keys and shards must never move."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.messages import (
    INTERNAL_TYPES,
    SEGMENT_TYPES,
    SHARDS,
    Merge,
    Merged,
    Message,
    decode,
    encode,
    shard_of,
)

FULL = Message(
    type="track",
    message_id="m1",
    received_at=9,
    effective_at=5,
    source="web",
    index=2,
    user_id="u1",
    email="ann@example.com",
    anonymous_id="a1",
    event="Order Completed",
    properties={"total": 9.5, "none": None, "deep": [{"a": 1}]},
    context={"ip": "8.8.8.8"},
)


def test_the_body_has_segments_names_and_leaves_out_what_was_not_said() -> None:
    bare = Message(type="identify", message_id="m", received_at=2, effective_at=1, source="web")
    assert encode(bare) == (
        b'{"type":"identify","messageId":"m","receivedAt":2,"effectiveAt":1,"source":"web"}'
    )
    assert set(msgspec.json.decode(encode(FULL))) == {
        "type",
        "messageId",
        "receivedAt",
        "effectiveAt",
        "source",
        "index",
        "userId",
        "email",
        "anonymousId",
        "event",
        "properties",
        "context",
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(
    st.builds(
        Message,
        type=st.sampled_from(sorted(SEGMENT_TYPES | INTERNAL_TYPES)),
        message_id=st.text(max_size=5),
        received_at=st.integers(0, 2**45),
        effective_at=st.integers(0, 2**45),
        source=st.text(max_size=5),
        index=st.integers(0, 100),
        user_id=st.none() | st.text(max_size=5),
        email=st.none() | st.text(max_size=5),
        anonymous_id=st.none() | st.text(max_size=5),
        event=st.none() | st.text(max_size=5),
        traits=st.dictionaries(st.text(max_size=3), JSON, max_size=3),
        properties=st.dictionaries(st.text(max_size=3), JSON, max_size=3),
    )
)
def test_a_message_survives_the_log(message: Message) -> None:
    assert decode(encode(message)) == message
    assert decode(encode(message)).stamp == message.stamp


def test_a_later_version_may_add_what_this_one_does_not_know() -> None:
    body = encode(FULL)[:-1] + b',"later":{"a":1}}'
    assert decode(body) == FULL


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"type":"track"}', encode(FULL).replace(b'"m1"', b"7"), b"\xff"],
)
def test_what_is_no_message_is_told(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(body)


def test_a_stamp_is_time_receipt_place_and_name() -> None:
    assert FULL.stamp == (5, 9, 2, "m1")


@pytest.mark.parametrize(
    ("user_id", "email", "anonymous_id", "key"),
    [
        ("u1", "x", "a1", "u:u1"),
        ("u1", None, "a1", "u:u1"),
        (None, "x", "a1", "e:x"),
        ("", "x", "a1", "e:x"),
        (None, None, "a1", "a:a1"),
        (None, "", "a1", "a:a1"),
        (None, None, None, "a:"),
    ],
)
def test_the_user_key_is_the_strongest_identifier(
    user_id: str | None, email: str | None, anonymous_id: str | None, key: str
) -> None:
    message = Message(
        type="track",
        message_id="m",
        received_at=1,
        effective_at=1,
        source="web",
        user_id=user_id,
        email=email,
        anonymous_id=anonymous_id,
    )
    assert message.user_key == key


@pytest.mark.parametrize(
    ("key", "shard"), [("u:u1", 61), ("e:ann@example.com", 25), ("a:", 43), ("u:Zoë", 0)]
)
def test_the_shard_of_a_key_is_part_of_the_stored_format(key: str, shard: int) -> None:
    assert shard_of(key) == shard


@given(st.text(max_size=20))
def test_every_key_has_a_shard(key: str) -> None:
    assert 0 <= shard_of(key) < SHARDS
    assert shard_of(key + "\ud800") == shard_of(key + "\ud800")


def test_shards_are_filled_evenly() -> None:
    counts = [0] * SHARDS
    for number in range(6_400):
        counts[shard_of(f"u:{number}")] += 1
    assert min(counts) > 50
    assert max(counts) < 150


def test_lanes_speak_to_each_other_in_plain_json() -> None:
    merge, merged = Merge("e:x", "u:1"), Merged("u:1", "e:x", "00ff", "")
    assert msgspec.convert(msgspec.to_builtins(merge), Merge) == merge
    assert msgspec.convert(msgspec.to_builtins(merged), Merged) == merged
    assert not SEGMENT_TYPES & INTERNAL_TYPES
