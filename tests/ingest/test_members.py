"""A body is taken apart, and one bad member harms only itself."""

from typing import Any

import msgspec
import pytest

from daemon.errors import RequestRefused
from daemon.ingest.members import read_array, read_envelope, read_single, unwrapped
from tests.ingest.serving import compact

GOOD = b'{"type": "track", "userId":"a"}'
BAD = {
    "NaN": b'{"x":NaN}',
    "lone surrogate": b'{"x":"\\ud800"}',
    "no UTF-8": b'{"x":"\xff"}',
    "raw NUL": b'{"x":"\x00"}',
    "nested without end": b"[" * 5000 + b"]" * 5000,
    "garbage": b'{"x":wrong}',
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_members_keep_their_bytes_beside_a_bad_one(bad: bytes) -> None:
    members = [GOOD, bad, b"5", GOOD]
    batch = b" , ".join(members)
    envelope = read_envelope(
        b' {"writeKey":"k","batch" : [ ' + batch + b' ],"sentAt":"t","context":{"a":1}} '
    )
    assert [bytes(raw) for raw in envelope.batch or []] == members
    assert (envelope.write_key, envelope.sent_at) == ("k", "t")
    assert bytes(envelope.context) == b'{"a":1}'
    assert [bytes(raw) for raw in read_array(b"[" + batch + b"]", 4)] == members


@pytest.mark.parametrize("bad", [b"", b',{"x":NaN}'], ids=["quick way", "careful way"])
def test_an_array_over_its_bound_is_refused(bad: bytes) -> None:
    body = b"[" + b",".join([GOOD] * 5) + bad + b"]"
    with pytest.raises(RequestRefused) as refused:
        read_array(body, 4)
    assert refused.value.status == 413


def test_a_body_of_commas_is_not_turned_into_objects() -> None:
    with pytest.raises(RequestRefused) as refused:
        read_array(b"[0" + b",0" * 8_000_000 + b"]", 4000)
    assert refused.value.code == "too_many_messages"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b"5",
        b"{}",
        b'{"batch":{}}',
        b'{"batch":null}',
        b'{"batch":"x"}',
        b'{"batch":[1,2}',
        b'{"batch":[{"a":NaN}]',
        b'{"batch":[{"a":NaN}]} x',
        b'{"batch":[{"a":NaN}] x}',
        b'{"a":NaN}',
        b'{"batch":[1]',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(RequestRefused) as refused:
        read_envelope(body)
    assert refused.value.status == 400


@pytest.mark.parametrize("body", [b"[1", b"[1] x", b"[1,]", b"[NaN", b"[NaN] x", b"[NaN,]"])
def test_what_is_no_array_is_refused(body: bytes) -> None:
    with pytest.raises(RequestRefused) as refused:
        read_array(body, 10)
    assert refused.value.status == 400


def test_an_empty_array_has_no_members() -> None:
    assert read_array(b" [ ] ", 10) == []


@pytest.mark.parametrize(
    ("body", "key", "sent_at"),
    [
        (b'{"writeKey":"k","sentAt":"t"}', "k", "t"),
        (b'{"writeKey":"k","sentAt":"t","x":NaN}', "k", "t"),
        (b'{"writeKey":{"a":NaN},"sentAt":NaN}', None, None),
        (b'{"writeKey":5}', 5, None),
        (b"5", None, None),
    ],
)
def test_a_single_message_tells_its_sender(body: bytes, key: Any, sent_at: Any) -> None:
    single = read_single(body)
    assert (single.write_key, single.sent_at) == (key, sent_at)


@pytest.mark.parametrize(
    ("member", "inner"),
    [
        (b'{"json":{"type":"track"}}', b'{"type":"track"}'),
        (b' { "json" : {"a": 1.0} } ', b'{"a": 1.0}'),
        (b'{"body":{"type":"track"}}', b'{"type":"track"}'),
        (b'{"body":"a=b"}', b'{"body":"a=b"}'),
        (b'{"json":{"a":1},"type":"track"}', b'{"json":{"a":1},"type":"track"}'),
        (b'{"type":"track","json":{"a":1}}', b'{"type":"track","json":{"a":1}}'),
        (b"5", b"5"),
    ],
)
def test_an_extensible_webhooks_wrapper_is_taken_off(member: bytes, inner: bytes) -> None:
    assert unwrapped(member) == inner


def test_both_ways_agree_on_a_large_batch() -> None:
    members = [compact({"n": n, "text": 'ü"\\' * (n % 7)}) for n in range(500)]
    quick = read_envelope(b'{"batch":[' + b",".join(members) + b"]}")
    careful = read_envelope(b'{"batch":[' + b",".join(members) + b'],"x":NaN}')
    assert [bytes(m) for m in quick.batch or []] == [bytes(m) for m in careful.batch or []]
    assert careful.context == msgspec.Raw(b"")
