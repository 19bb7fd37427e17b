from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.settings import load_settings
from daemon.telemetry.redaction import Redactor, mask_email, mask_id, secrets_of


@pytest.mark.parametrize(
    ("plain", "masked"),
    [
        ("ann@example.com", "a***@example.com"),
        ("a@example.com", "a***@example.com"),
        ('"odd@name"@example.org', '"***@example.org'),
        ("@example.com", "***@example.com"),
        ("not an address", "no***ss"),
        ("", "***"),
    ],
)
def test_an_email_keeps_its_first_letter_and_domain(plain: str, masked: str) -> None:
    assert mask_email(plain) == masked


@pytest.mark.parametrize(
    ("plain", "masked"),
    [
        ("user-12345678", "us***78"),
        ("123456789", "12***89"),
        ("12345678", "12***"),
        ("1234567", "12***"),
        ("123456", "***"),
        ("42", "***"),
        ("ann@example.com", "a***@example.com"),
    ],
)
def test_an_id_keeps_its_ends_where_it_is_long_enough(plain: str, masked: str) -> None:
    assert mask_id(plain) == masked


TEXTS = [
    ("wrote ann.b+c@example.com twice", "wrote a***@example.com twice"),
    ("GET /api/users/ann%40example.com 404", "GET /api/users/a***%40example.com 404"),
    ("Ännchen@example.com", "Ä***@example.com"),
    ("<ann@example.com>, bob@example.org", "<a***@example.com>, b***@example.org"),
    (
        "?email=ann@example.com&x={'bob@example.com'}",
        "?email=a***@example.com&x={'b***@example.com'}",
    ),
    ("meet @ noon", "meet @ noon"),
    ("postgresql://segue:hunter2@db/segue", "postgresql://segue:[secret]@db/segue"),
    ("Api-Key: 0123abcd", "Api-Key: [secret]"),
    ("headers={'Api-Key': '0123abcd', 'a': 1}", "headers={'Api-Key': '[secret]', 'a': 1}"),
    ("Authorization: Basic d2s6 rest", "Authorization: Basic [secret] rest"),
    ('{"writeKey":"wk_1","type":"track"}', '{"writeKey":"[secret]","type":"track"}'),
    ("?api_key=abc&x=1", "?api_key=[secret]&x=1"),
    ("X-Signature=deadbeef", "X-Signature=[secret]"),
    ("the key is known-secret!", "the key is [secret]!"),
    ("known-secret-longer", "[secret]"),
    ("short stays: abc", "short stays: abc"),
    ("budget tokens 4 of 5", "budget tokens 4 of 5"),
]


@pytest.mark.parametrize(("plain", "redacted"), TEXTS, ids=[t[0] for t in TEXTS])
def test_free_text_loses_secrets_and_addresses_and_nothing_else(plain: str, redacted: str) -> None:
    redact = Redactor(["known-secret", "known-secret-longer", "abc", ""])
    assert redact(plain) == redacted


@given(st.text(max_size=30), st.text(min_size=6, max_size=40), st.text(max_size=30))
def test_a_known_secret_is_gone_wherever_it_stands(before: str, secret: str, after: str) -> None:
    assert secret not in Redactor([secret])(before + secret + after).replace("[secret]", "")


@given(st.text(max_size=200))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    redact = Redactor(["known-secret"])
    assert redact(redact(text)) == redact(text)


def test_a_long_text_of_at_signs_costs_no_more_than_its_length() -> None:
    redact = Redactor()
    assert len(redact("a@" * 50_000)) > 0
    assert len(redact("a" * 100_000)) == 100_000


def test_the_secrets_of_settings_are_all_found(tmp_path: Path) -> None:
    file = tmp_path / "segue.yaml"
    file.write_text(
        "project: {type: email}\niterable: {api_key: key-one}\n"
        "sources: {web: {write_key: key-two, webhook_secret: [key-three, key-four]}}\n"
        "segment: {profile_api: {space_id: spa, token: key-five}}\n"
    )
    settings = load_settings(file, {"HOME": "/h"})
    assert secrets_of(settings) == ["key-one", "key-two", "key-three", "key-four", "key-five"]
    env = {"SEGUE_STORE__URL": "postgresql://u:p@h/d"}
    assert "postgresql://u:p@h/d" in secrets_of(load_settings(file, env))
