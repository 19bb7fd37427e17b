"""A user as Iterable shows it, read into Observed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.clients.iterable.users import OWN_FIELDS, missing_user, parse_user
from daemon.domain.identity import IterableIdentity

POINT_READ = {
    "email": "Sebastian@Mailinator.com",
    "userId": "s3039",
    "dataFields": {
        "name": "sebastian",
        "phoneNumber": "+5583999999939",
        "email": "sebastian@mailinator.com",
        "signupDate": "2021-07-01 18:01:15 +00:00",
        "profileUpdatedAt": "2021-07-01 18:01:12 +00:00",
        "signupSource": "API",
        "userId": "s3039",
        "address": {"city": "Recife", "geo": {"lat": 1}},
        "userListIds": [30, 10],
        "unsubscribedChannelIds": [2, 1],
        "itblInternal": {"emailDomain": "mailinator.com"},
    },
}
EXPORT_LINE = {
    "email": "sebastian@mailinator.com",
    "userId": "s3039",
    "name": "sebastian",
    "phoneNumber": "+5583999999939",
    "signupDate": "2021-07-01 18:01:15 +00:00",
    "profileUpdatedAt": "2021-07-01 18:01:12 +00:00",
    "signupSource": "API",
    "address.city": "Recife",
    "address.geo.lat": 1,
    "userListIds": [10, 30],
    "unsubscribedChannelIds": [1, 2],
    "itblInternal.emailDomain": "mailinator.com",
}


def test_a_point_read_says_who_what_and_when() -> None:
    seen = parse_user(POINT_READ, 99)
    assert (seen.as_of, seen.exists) == (99, True)
    assert seen.identity == IterableIdentity("sebastian@mailinator.com", "s3039")
    assert seen.lists == [10, 30]
    assert seen.unsubscribed_channels == [1, 2]
    assert seen.subscribed_message_types == seen.unsubscribed_message_types == []
    assert seen.profile_updated_at == 1_625_162_472_000
    assert seen.fields["signupDate"] == "2021-07-01 18:01:15 +00:00"
    assert not OWN_FIELDS & set(seen.fields)


def test_an_export_line_says_the_same_as_a_point_read() -> None:
    assert parse_user(EXPORT_LINE, 99) == parse_user(POINT_READ, 99)


@pytest.mark.parametrize(
    "name", ["email", "userId", "phoneNumber", "locale", "timeZone", "city", "signupDate"]
)
def test_fields_a_mapping_may_write_are_kept(name: str) -> None:
    assert parse_user({"email": "a@x.io", name: "v"}, 0).fields[name] == "v"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-07-01 18:01:12 +00:00", 1_625_162_472_000),
        ("2025-12-19T22:43:34.134105.000Z", 1_766_184_214_000),
        ("soon", 0),
        ("", 0),
        (None, 0),
        (17, 0),
        ("9999-99-99 00:00:00 +00:00", 0),
    ],
)
def test_the_time_of_the_last_write_is_read_if_it_can_be(text: Any, expected: int) -> None:
    assert (
        parse_user({"email": "a@x.io", "profileUpdatedAt": text}, 0).profile_updated_at == expected
    )


@pytest.mark.parametrize("ids", [None, [], "", {}, 5])
def test_no_ids_in_any_form_are_no_ids(ids: Any) -> None:
    seen = parse_user({"email": "a@x.io", "emailListIds": ids, "unsubscribedChannelIds": ids}, 0)
    assert (seen.lists, seen.unsubscribed_channels) == ([], [])


def test_lists_of_either_name_count_once_each() -> None:
    user = {"userId": "1", "emailListIds": [2, 1.0, 2], "userListIds": [3, 2, "x"]}
    assert parse_user(user, 0).lists == [1, 2, 3]


@pytest.mark.parametrize("user", [{}, {"email": "", "userId": None}, {"dataFields": {"a": 1}}])
def test_a_user_without_identifiers_is_not_there(user: dict[str, Any]) -> None:
    assert not parse_user(user, 0).exists


def test_dotted_names_beside_a_plain_value_do_not_break() -> None:
    fields = parse_user({"email": "a@x.io", "a": 1, "a.b": 2, ".c": 3, "d.": 4}, 0).fields
    assert fields == {"email": "a@x.io", "a": {"b": 2}, ".c": 3, "d.": 4}


def test_a_missing_user_keeps_the_identity_that_was_asked_for() -> None:
    who = IterableIdentity("a@x.io")
    seen = missing_user(who, 5)
    assert (seen.exists, seen.identity, seen.as_of, seen.fields) == (False, who, 5, {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from([*sorted(OWN_FIELDS), "email", "dataFields", "a", "a.b", "a.b.c"])


@given(st.dictionaries(NAMES | st.text(max_size=4), JSON, max_size=8))
def test_no_answer_breaks_the_reading(user: dict[str, Any]) -> None:
    seen = parse_user(user, 0)
    assert not OWN_FIELDS & set(seen.fields)
    assert seen.lists == sorted(set(seen.lists))
