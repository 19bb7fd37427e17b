"""Types of fields and the forms of dates (iterable.md §6)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.sandbox.answers import Refusal
from daemon.sandbox.dates import canonical, is_date, parse, shown, shown_any
from daemon.sandbox.field_types import Check, Schema
from tests.sandbox.world import World

DATES = {
    "2020-08-19": "2020-08-19",
    "2020-08-19 20:50:04": "2020-08-19 20:50:04 +00:00",
    "2020-08-19 20:50:04 +00:00": "2020-08-19 20:50:04 +00:00",
    "2020-08-19 20:50:04 +02:00": "2020-08-19 18:50:04 +00:00",
    "2020-08-19 20:50:04 -01:30": "2020-08-19 22:20:04 +00:00",
    "2020-08-19T20:50:04.123+02:00": "2020-08-19 18:50:04 +00:00",
    "2020-08-19T20:50:04.000Z": "2020-08-19 20:50:04 +00:00",
}
NO_DATES = (
    "2020-08-19T20:50:04Z",
    "2020-08-19T20:50:04",
    "2020-08-19T20:50:04.000",
    "2020-08-19 20:50:04 02:00",
    "2020-08-19 20:50:04 +0000",
    "2020-08-19 24:00:00 +00:00",
    "2020-W34-3 20:50:04 +00:00",
    "2020/08/19",
    "2020-04-13 13:37:19.039",
    "2020-13-01",
    "2020-02-30 00:00:00",
    "2020-08-19T20:50:04.123456Z",
    "GGG",
    "",
)


@pytest.mark.parametrize(("text", "back"), DATES.items())
def test_a_date_is_recognised_and_comes_back_in_the_one_form(text: str, back: str) -> None:
    assert is_date(text)
    assert canonical(text) == back


@pytest.mark.parametrize("text", NO_DATES)
def test_a_string_that_only_looks_like_a_date_is_a_string(text: str) -> None:
    assert not is_date(text)


DAYS = ("2020-02-29", "2021-02-29", "0000-01-01", "2020-W34-3", "T", " ")
TIMES = ("23:59:59", "24:00:00", "20:50:0x", "205004.1", ".000", ".12")
OFFSETS = ("Z", " +00:00", "+00:00", " +02:00", " -0100", "٣")
PARTS = st.sampled_from((*DAYS, *TIMES, *OFFSETS))


@given(st.lists(PARTS, min_size=1, max_size=5).map("".join))
def test_the_quick_way_to_read_a_date_is_the_pattern_s(text: str) -> None:
    at = parse(text)
    assert is_date(text) == (at is not None)
    if at is not None:
        assert canonical(text) == (text if len(text) == 10 else shown_any(at))


@given(st.integers(0, 253_402_300_799_000))
def test_a_shown_time_reads_back_as_its_whole_second(at: int) -> None:
    assert parse(shown(at)) == at - at % 1000


def check(known: dict[str, str]) -> Check:
    return Check(Schema("user", known), create=True, limit=1000, project_id=1)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("x", "string"),
        (1, "long"),
        (1.5, "double"),
        (True, "boolean"),
        ("2020-08-19", "date"),
        ({"a": 1}, "object"),
        ([1, 2], "long"),
        ([{"a": "x"}], "object"),
    ],
)
def test_the_first_write_locks_a_type(value: Any, kind: str) -> None:
    checked = check({})
    checked.row({"f": value})
    checked.lock()
    assert checked.schema.known["f"] == kind


def test_objects_lock_their_parts_and_geo_locations_are_whole() -> None:
    checked = check({})
    checked.row({"addr": {"street": "x", "no": 3}, "home_geo_location": {"lat": 1.0, "lon": 2.0}})
    checked.lock()
    assert checked.schema.known == {
        "addr": "object",
        "addr.street": "string",
        "addr.no": "long",
        "home_geo_location": "geo_location",
    }


@pytest.mark.parametrize(
    ("known", "value", "fits"),
    [
        ("string", "2020-08-19", True),
        ("string", 5, False),
        ("long", "5", False),
        ("long", 5.0, True),
        ("long", 5.5, False),
        ("long", True, False),
        ("double", 5, True),
        ("boolean", 1, False),
        ("date", "nope", False),
        ("date", 1_700_000_000, False),
        ("object", "x", False),
        ("string", {"a": 1}, False),
        ("long", [1, "x"], False),
        ("string", None, True),
    ],
)
def test_a_later_write_must_fit_the_locked_type(known: str, value: Any, fits: bool) -> None:
    checked = check({"f": known})
    if fits:
        checked.row({"f": value})
    else:
        with pytest.raises(Refusal) as refused:
            checked.row({"f": value})
        assert b"RequestFieldsTypesMismatched" in bytes(refused.value.answer.body)  # type: ignore[arg-type]


def test_two_rows_of_one_call_may_not_disagree_about_a_new_field() -> None:
    world = World()
    rows = [
        {"email": "a@x.io", "dataFields": {"new": 1}},
        {"email": "b@x.io", "dataFields": {"new": "one"}},
    ]
    answer = world.post("/api/users/bulkUpdate", {"users": rows}, 400)
    assert answer["code"] == "RequestFieldsTypesMismatched"
    assert "new" not in world.get("/api/users/getFields")["fields"]


def test_dates_written_in_any_form_read_back_in_the_one_form_even_nested() -> None:
    world = World()
    fields = {"at": "2020-08-19T20:50:04.000Z", "in": {"at": "2020-08-19 20:50:04 +02:00"}}
    world.post("/api/users/update", {"email": "a@x.io", "dataFields": fields})
    shown_fields = world.fields("a@x.io")
    assert shown_fields["at"] == "2020-08-19 20:50:04 +00:00"
    assert shown_fields["in"]["at"] == "2020-08-19 18:50:04 +00:00"


def test_names_that_differ_by_case_are_two_fields() -> None:
    world = World()
    fields = {"Industry": "x", "industry": 1}
    world.post("/api/users/update", {"email": "a@x.io", "dataFields": fields})
    assert world.fields("a@x.io")["Industry"] == "x"
    assert world.fields("a@x.io")["industry"] == 1
