"""One member becomes a message or is rejected with a reason."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.messages import Message, MessageClass, decode, shard_of
from daemon.errors import RequestRefused
from daemon.ingest.intake import Intake
from daemon.ingest.sieve import KEPT_BYTES, Sieve
from daemon.ingest.validate import Origin, rules_of
from daemon.settings.schema import IngestSettings
from tests.ingest.serving import NOW, compact, track

SETTINGS = IngestSettings(blocked_ids=("null", "-1", "anonymous", "Guest"))
RULES = rules_of(SETTINGS, 32_768)


def sift(*members: Any, rules: Any = RULES, **origin: Any) -> Intake:
    sieve = Sieve(Origin("site", NOW, **origin), rules, iter(["made-1", "made-2"]).__next__)
    for member in members:
        sieve.take(member if isinstance(member, bytes) else compact(member))
    return sieve.intake


def taken(member: Any, **origin: Any) -> Message:
    intake = sift(member, **origin)
    assert intake.rejected == []
    return decode(intake.taken[0].row.body)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


HEAD = b'{"type":"identify","userId":"a","traits":'

REJECTED: list[tuple[str, Any, str]] = [
    ("no identity", track(userId=None), "no_user_anon_id"),
    ("empty identity", track(userId="", anonymousId=""), "no_user_anon_id"),
    ("number as id", track(userId=17), "id_not_string"),
    ("zero as id", track(userId=0), "id_not_string"),
    ("boolean as id", track(userId=False), "id_not_string"),
    ("object as anonymousId", track(anonymousId={"a": 1}), "id_not_string"),
    ("NUL in id", track(userId="a\x00b"), "id_not_string"),
    ("newline in id", track(userId="a\nb"), "id_not_string"),
    ("long id", track(userId="a" * 513), "id_too_long"),
    ("blocked id", track(userId="null"), "id_blocked"),
    ("blocked id in capitals", track(userId="Anonymous"), "id_blocked"),
    ("blocked by a setting", track(userId=" guest "), "id_blocked"),
    ("minus one", track(userId="-1"), "id_blocked"),
    ("zeros", track(userId="0000"), "id_blocked"),
    ("zero UUID", track(userId="00000000-0000-0000-0000-000000000000"), "id_blocked"),
    ("both blocked", track(userId="null", anonymousId="0"), "id_blocked"),
    ("unknown type", track(type="tracked"), "type_not_known"),
    ("internal type", track(type="merge"), "type_not_known"),
    ("no type", track(type=None), "type_not_known"),
    ("type is a list", track(type=["track"]), "type_not_known"),
    ("no event", track(event=None), "event_not_defined"),
    ("empty event", track(event=""), "event_not_defined"),
    ("number as event", track(event=5), "event_not_string"),
    ("properties a list", track(properties=[]), "properties_not_object"),
    ("traits a text", track(type="identify", traits="x"), "traits_not_object"),
    ("context a text", track(context="x"), "context_not_object"),
    ("number as name", track(type="page", name=5), "name_not_string"),
    ("number as category", track(type="screen", category=5), "category_not_string"),
    ("no groupId", track(type="group"), "id_required"),
    ("long groupId", track(type="group", groupId="g" * 501), "id_too_long"),
    ("number as groupId", track(type="group", groupId=5), "id_not_string"),
    ("no previousId", track(type="alias"), "id_required"),
    ("long messageId", track(messageId="m" * 101), "message_id_too_long"),
    ("number as messageId", track(messageId=5), "message_id_not_string"),
    ("NUL in messageId", track(messageId="\x00"), "message_id_not_string"),
    ("no object", [1], "not_an_object"),
    ("a number", 5, "not_an_object"),
    ("null", None, "not_an_object"),
    ("NaN", HEAD + b'{"x":NaN}}', "number_not_finite"),
    ("Infinity", HEAD + b'{"x":-Infinity}}', "number_not_finite"),
    ("a huge float", HEAD + b'{"x":1e999}}', "number_not_finite"),
    ("lone surrogate", HEAD + b'{"x":"\\ud800"}}', "text_not_unicode"),
    ("lone low surrogate", b'{"type":"identify","userId":"\\udc00"}', "text_not_unicode"),
    ("surrogate as key", HEAD + b'{"\\ud800":1}}', "text_not_unicode"),
    ("no UTF-8", b'{"type":"identify","userId":"\xff"}', "text_not_unicode"),
    ("a megabyte of text", track(properties={"x": "y" * 1_000_000}), "too_large"),
    ("300 levels", track(properties=nested(300)), "too_deep"),
    ("900 levels", track(context=nested(900)), "too_deep"),
    ("10,000 traits", track(traits=dict.fromkeys(map(str, range(10_000)))), "too_many_traits"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("member", "reason"), [r[1:] for r in REJECTED], ids=[r[0] for r in REJECTED]
)
def test_a_bad_member_is_rejected_alone_and_with_its_reason(member: Any, reason: str) -> None:
    wide = rules_of(SETTINGS, 200_000)
    intake = sift(track(), member, track(messageId="m-2"), rules=wide)
    assert [rejected.reason for rejected in intake.rejected] == [reason]
    assert [t.message_id for t in intake.taken] == ["m-1", "m-2"]
    assert intake.received == 3


def test_what_is_no_json_refuses_the_request() -> None:
    with pytest.raises(RequestRefused) as refused:
        sift(b'{"type":"track","userId":}')
    assert (refused.value.status, refused.value.code) == (400, "malformed_json")


def test_of_a_rejected_member_only_the_beginning_is_kept() -> None:
    rejected = sift(track(properties={"x": "y" * 100_000})).rejected[0]
    assert len(rejected.body) == KEPT_BYTES
    assert rejected.body.startswith(b'{"type":"track"')


def test_a_row_is_ready_for_the_log() -> None:
    intake = sift(track())
    row = intake.taken[0].row
    assert (row.shard, row.message_class, row.hops, row.received_at) == (
        shard_of("u:ann"),
        MessageClass.LIVE,
        0,
        NOW,
    )
    assert intake.taken[0].message_id == "m-1"


def test_every_field_of_segments_reaches_the_message() -> None:
    message = taken(
        {
            "type": "track",
            "messageId": "m",
            "userId": "Ann",
            "anonymousId": "anon",
            "event": "Bought",
            "properties": {"total": 1.5},
            "context": {"ip": "1.2.3.4"},
            "timestamp": "2024-01-01T12:00:00Z",
        }
    )
    assert message == Message(
        type="track",
        message_id="m",
        received_at=NOW,
        effective_at=1_704_110_400_000,
        source="site",
        user_id="Ann",
        anonymous_id="anon",
        event="Bought",
        properties={"total": 1.5},
        context={"ip": "1.2.3.4"},
    )


@pytest.mark.parametrize(
    ("member", "field", "value"),
    [
        ({"type": "page", "userId": "a", "name": "Home", "category": "c"}, "name", "Home"),
        ({"type": "screen", "userId": "a", "category": "c"}, "category", "c"),
        ({"type": "page", "userId": "a", "name": ""}, "name", None),
        ({"type": "group", "userId": "a", "groupId": "g"}, "group_id", "g"),
        ({"type": "alias", "userId": "a", "previousId": "b"}, "previous_id", "b"),
        ({"type": "identify", "userId": "a", "traits": {"x": None}}, "traits", {"x": None}),
        ({"type": "identify", "userId": "a", "traits": None}, "traits", {}),
        ({"type": "identify", "userId": "a", "traits": {"x": "\x00"}}, "traits", {"x": "\x00"}),
        ({"type": "delete", "userId": "a"}, "type", "delete"),
        ({"type": "identify", "userId": "null", "anonymousId": "x"}, "user_id", None),
        ({"type": "identify", "userId": "null", "anonymousId": "x"}, "anonymous_id", "x"),
        ({"type": "identify", "userId": "a", "groupId": 5}, "group_id", None),
    ],
)
def test_each_type_keeps_its_own_fields(member: Any, field: str, value: Any) -> None:
    assert getattr(taken(member), field) == value


@pytest.mark.parametrize(
    ("kind", "traits", "context_traits", "email"),
    [
        ("identify", {"email": " Ann@Example.COM "}, None, "ann@example.com"),
        ("identify", {"email": "ann@example.com"}, {"email": "bob@example.com"}, "ann@example.com"),
        ("identify", {"email": "nonsense"}, {"email": "bob@example.com"}, "bob@example.com"),
        ("identify", {"email": None}, None, None),
        ("identify", {"email": 5}, None, None),
        ("identify", {"email": "a b@example.com"}, None, None),
        ("identify", {"email": "a@b"}, None, None),
        ("identify", {"email": "a@b@example.com"}, None, None),
        ("identify", {"email": "a\x00@example.com"}, None, None),
        ("identify", {"email": "a@example.com" + "m" * 250}, None, None),
        ("group", {"email": "info@example.com"}, None, None),
        ("track", {"email": "info@example.com"}, {"email": "Ann@example.com"}, "ann@example.com"),
        ("track", None, ["email"], None),
    ],
)
def test_an_email_identifies_only_where_it_is_the_persons(
    kind: str, traits: Any, context_traits: Any, email: str | None
) -> None:
    message = taken(
        track(type=kind, groupId="g", traits=traits, context={"traits": context_traits})
    )
    assert message.email == email
    assert message.traits == (traits or {})


def test_properties_never_identify() -> None:
    assert taken(track(properties={"email": "ann@example.com"})).email is None


def test_an_email_alone_is_an_identity() -> None:
    message = taken({"type": "identify", "traits": {"email": "Ann@example.com"}})
    assert message.user_key == "e:ann@example.com"


def test_a_message_without_an_id_gets_one() -> None:
    intake = sift(track(messageId=None), track(messageId=""))
    assert [t.message_id for t in intake.taken] == ["made-1", "made-2"]


def test_a_batchs_context_yields_to_the_members() -> None:
    message = taken(track(context={"ip": "member"}), context={"ip": "batch", "locale": "de"})
    assert message.context == {"ip": "member", "locale": "de"}


def test_the_routes_type_wins() -> None:
    assert taken(track(type="nonsense"), type="identify").type == "identify"


def test_positions_in_the_batch_are_kept_past_a_rejected_member() -> None:
    intake = sift(track(), 5, track())
    assert [decode(t.row.body).index for t in intake.taken] == [0, 2]


def test_a_skewed_clock_is_corrected_and_the_future_is_counted() -> None:
    intake = sift(track(timestamp="2099-01-01T00:00:00Z"), track(timestamp="9999-01-01T00:00:00Z"))
    assert intake.clamped == 2
    assert {decode(t.row.body).effective_at for t in intake.taken} == {NOW}


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**25])
def test_integers_beyond_64_bits_become_floats(number: int) -> None:
    message = taken(track(properties={"x": number, "y": 2**63 - 1}))
    assert message.properties == {"x": float(number), "y": 2**63 - 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ODD = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "identify", "page", "group", "alias", "delete", 5])},
    optional=dict.fromkeys(
        ["userId", "anonymousId", "event", "groupId", "previousId", "traits", "properties",
         "context", "timestamp", "messageId", "name"], JSON),
)  # fmt: skip


@given(ODD)
def test_whatever_is_sent_is_taken_or_rejected_and_never_breaks(member: dict[str, Any]) -> None:
    intake = sift(json.dumps(member).encode())
    assert intake.received == 1
    for one in intake.taken:
        message = decode(one.row.body)
        assert message.user_key != "a:"
        assert 0 <= message.effective_at <= message.received_at
