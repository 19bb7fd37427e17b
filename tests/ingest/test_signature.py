"""X-Signature: known vectors, exact bytes, two secrets."""

import hmac
import json

import pytest

from daemon.errors import RequestRefused
from daemon.ingest.signature import FIRST_ELEMENT_BYTES, signed_part, verified

SECRET, OLD = b"new secret", b"old secret"


def sign(part: bytes, secret: bytes = SECRET) -> str:
    return hmac.new(secret, part, "sha1").hexdigest()


def test_a_published_hmac_sha1_vector_verifies() -> None:
    # RFC 2202, case 2
    assert verified(
        b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", [b"Jefe"]
    )


FIRSTS = [
    b'{"type":"track"}',
    b'{ "a" : [1, 2, {"b": "]"}] }',
    '{"name":"Jos\u00e9 \u2028 \U0001f600"}'.encode(),
    b'{"quote":"\\"","slash":"\\\\","bracket":"[{","u":"\\u005d\\ud83d\\ude00"}',
    b'{"n":1.0,"big":12345678901234567890123,"e":1E5}',
    b'{"bad":NaN,"half":"\\ud800"}',
    b"[]",
    b"5",
    b'"text, with ] in it"',
]


@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize("around", [(b"[", b"]"), (b" [\n\t", b" \r\n] "), (b"[", b',{"x":1}]')])
def test_an_array_is_signed_by_the_exact_bytes_of_its_first_element(
    first: bytes, around: tuple[bytes, bytes]
) -> None:
    body = around[0] + first + around[1]
    assert signed_part(body) == first
    assert verified(body, sign(first), [SECRET])
    assert not verified(body, sign(first + b" "), [SECRET])


def test_a_reserialised_first_element_does_not_verify() -> None:
    body = b'[{"n": 1.0}]'
    again = json.dumps(json.loads(body)[0], separators=(",", ":")).encode()
    assert not verified(body, sign(again), [SECRET])


def test_an_extensible_batch_is_signed_inside_its_wrapper() -> None:
    body = b'[{"json":{"type":"track"}},{"json":{}}]'
    assert verified(body, sign(b'{"type":"track"}'), [SECRET])
    assert verified(body, sign(b'{"json":{"type":"track"}}'), [SECRET])
    assert not verified(body, sign(b"{}"), [SECRET])


@pytest.mark.parametrize("body", [b'{"a":1}', b'[{"a":1}]'])
def test_either_of_two_secrets_will_do(body: bytes) -> None:
    for secret in (SECRET, OLD):
        assert verified(body, sign(b'{"a":1}', secret), [SECRET, OLD])
    assert not verified(body, sign(b'{"a":1}', OLD), [SECRET])
    assert not verified(body, sign(b'{"a":1}'), [])


@pytest.mark.parametrize(
    "signature", ["", "x", "\u00e9", "0" * 40, sign(b"{}")[:-1], sign(b"{}") + "0"]
)
def test_a_wrong_signature_does_not_verify(signature: str) -> None:
    assert not verified(b"{}", signature, [SECRET])


def test_capitals_and_blanks_in_a_signature_are_no_difference() -> None:
    assert verified(b"{}", " " + sign(b"{}").upper() + " ", [SECRET])


@pytest.mark.parametrize("body", [b"", b"[]", b" [ ] "])
def test_nothing_is_never_signed(body: bytes) -> None:
    assert not verified(body, sign(b""), [SECRET])


@pytest.mark.parametrize(
    "body", [b"[", b'[{"a":', b'[{"a":"' + b"x" * FIRST_ELEMENT_BYTES + b'"}]', b"[" * 3_000_000]
)
def test_a_first_element_without_an_end_is_refused(body: bytes) -> None:
    with pytest.raises(RequestRefused):
        verified(body, sign(b"{}"), [SECRET])
