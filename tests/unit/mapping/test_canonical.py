"""Dates of segment.md §13.4 and iterable.md §6.2; numbers; what counts as nothing."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.mapping.canonical import ABSENT, canonical, outgoing, same, value_hash

IN_UTC = "2020-08-19 20:50:04 +00:00"

DATES = [
    # forms Segment's destination rewrites
    ("2020-08-19T20:50:04Z", IN_UTC),
    ("2020-08-19T20:50:04.000Z", IN_UTC),
    ("2020-08-19T20:50:04.999999999Z", IN_UTC),
    ("2020-08-19 20:50:04Z", IN_UTC),
    ("2020-08-19T22:50:04+02:00", IN_UTC),
    ("2020-08-19T22:50:04+0200", IN_UTC),
    ("2020-08-20T02:20:04+05:30", IN_UTC),
    ("2020-08-19T15:50:04-05:00", IN_UTC),
    ("2020-08-19T17:20:04-03:30", IN_UTC),
    ("2020-08-19T20:50Z", "2020-08-19 20:50:00 +00:00"),
    ("2020-08-19T20:50", "2020-08-19 20:50:00 +00:00"),
    # its faults, corrected: an offset of hours is one, no offset is UTC wherever it runs
    ("2020-08-20T01:50:04+05", IN_UTC),
    ("2020-08-19T20:50:04", IN_UTC),
    ("2020-08-19 20:50:04.039", IN_UTC),
    # Iterable's own forms, as read back and as exported
    ("2020-08-19 20:50:04", IN_UTC),
    (IN_UTC, IN_UTC),
    ("2020-08-19 22:50:04 +02:00", IN_UTC),
    ("2025-12-19T22:43:34.134105.000Z", "2025-12-19 22:43:34 +00:00"),
    # the day changes with the offset
    ("2024-12-31T23:30:00-01:00", "2025-01-01 00:30:00 +00:00"),
    ("2024-02-29T00:00:00Z", "2024-02-29 00:00:00 +00:00"),
    ("9999-12-31T23:59:59Z", "9999-12-31 23:59:59 +00:00"),
]

TEXTS = [
    "2020-08-19",
    "20200819",
    "20200819T205004Z",
    "2020-08-19T25:00:00Z",
    "2024-02-30T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "2020-13-01T00:00:00Z",
    "2020-08-19T20:60:00Z",
    "2020-08-19T20:50:61Z",
    "2020-08-19T20:50:04,000Z",
    "2020-08-19T20:50:04.Z",
    "2020-08-19T20:50:04+25:00",
    "2020-08-19T20:50:04 UTC",
    "2020/08/19T20:50:04Z",
    "2020-08-19T20",
    " 2020-08-19T20:50:04Z",
    "on 2020-08-19T20:50:04Z",
    "2020-08-19T20:50:04Z and later",
    "2020-08-19T20:50:04Z\n",
    "9999-12-31T23:59:59-01:00",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+01:00",
    "0999-01-01T00:00:00Z",
    "٢٠٢٠-08-19T20:50:04Z",
    "+12020-08-19T20:50:04",
    "1579185600",
    "pro",
    "",
]


@pytest.mark.parametrize(("written", "sent"), DATES)
def test_a_date_time_is_sent_in_iterables_own_form(written: str, sent: str) -> None:
    assert outgoing(written) == sent
    assert canonical(written) == sent


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_date_time_is_sent_as_it_came(text: str) -> None:
    assert outgoing(text) == text
    assert canonical(text) == (text or None)


def test_dates_are_found_in_objects_and_lists_and_the_original_is_kept() -> None:
    value = {"cart": {"at": "2020-08-19T20:50:04Z", "days": ["2020-08-19", "2020-08-19T20:50:04Z"]}}
    assert outgoing(value) == {"cart": {"at": IN_UTC, "days": ["2020-08-19", IN_UTC]}}
    assert value["cart"]["at"] == "2020-08-19T20:50:04Z"


@pytest.mark.parametrize("value", [None, "", 0, 0.5, True, [], {}, [None, ""], {"a": None}])
def test_nulls_and_empties_are_sent_as_they_are(value: Any) -> None:
    assert outgoing(value) == value
    assert type(outgoing(value)) is type(value)


EQUAL = [
    (1, 1.0),
    (-7, -7.0),
    (0, -0.0),
    ([1, 2], [1.0, 2.0]),
    (None, ""),
    (None, []),
    (None, {}),
    ("", []),
    ({"a": None}, None),
    ({"a": ""}, {}),
    ({"a": {"b": []}}, None),
    ({"a": 1, "b": None}, {"a": 1}),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ([{"a": ""}], [None]),
    ("2020-08-19T22:50:04.123+02:00", IN_UTC),
    ({"at": "2020-08-19T20:50:04Z"}, {"at": IN_UTC}),
    (2**53, float(2**53)),
]

DIFFERENT = [
    (1, 2),
    (1, True),
    (0, False),
    (1, "1"),
    (1.5, 1),
    ("true", True),
    (None, False),
    (None, 0),
    ("", " "),
    (None, [None]),
    ([1, 2], [2, 1]),
    ([1], 1),
    ([1, None], [1]),
    ({"a": 1}, {"a": 2}),
    ({"a": 1}, {"b": 1}),
    ({"a": True}, {"a": 1}),
    ("Pro", "pro"),
    ("pro", "pro "),
    ("2020-08-19", "2020-08-19 00:00:00"),
    ("2020-08-19T20:50:04Z", "2020-08-19T20:50:05Z"),
]


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_values_that_are_the_same_to_iterable_have_one_hash(left: Any, right: Any) -> None:
    assert canonical(left) == canonical(right)
    assert value_hash(left) == value_hash(right)


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_values_that_differ_have_different_hashes(left: Any, right: Any) -> None:
    assert value_hash(left) != value_hash(right)


def test_hashes_are_part_of_the_stored_format() -> None:
    assert value_hash(None) == ABSENT == 0
    assert value_hash("pro") == 1932681496816702794
    assert value_hash(True) == -762949159951731137


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from([written for written, _ in DATES] + TEXTS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_the_canonical_form_is_its_own_canonical_form(value: Any) -> None:
    form = canonical(value)
    assert same(canonical(form), form)
    assert value_hash(form) == value_hash(value)


@given(JSON)
def test_sending_a_value_changes_nothing_that_is_compared(value: Any) -> None:
    assert value_hash(outgoing(value)) == value_hash(value)
    assert same(outgoing(outgoing(value)), outgoing(value))


@given(JSON, JSON)
def test_hashes_are_equal_where_canonical_forms_are(left: Any, right: Any) -> None:
    assert (value_hash(left) == value_hash(right)) == same(canonical(left), canonical(right))


@given(
    st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_every_moment_has_one_form_whatever_its_offset(moment: datetime, minutes: int) -> None:
    utc = moment.replace(tzinfo=UTC)
    local = utc.astimezone(timezone(timedelta(minutes=minutes)))
    assert outgoing(local.isoformat()) == utc.strftime("%Y-%m-%d %H:%M:%S +00:00")


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": [1]}, {"a": [1.0]}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ([1, 2], [2, 1], False),
        (None, None, True),
        (None, "", False),
        ("a", "a", True),
    ],
)
def test_json_values_are_the_same_only_with_their_types(left: Any, right: Any, equal: bool) -> None:
    assert same(left, right) is equal
    assert same(right, left) is equal
