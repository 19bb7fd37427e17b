"""Values fitted to their fields, as Segment's own schema step does; the rest has a reason."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.mapping.declarations.coercion import coerce
from daemon.mapping.declarations.field import Field, Table, Type
from daemon.mapping.declarations.problems import ActionFailed, FieldProblem
from daemon.mapping.declarations.values import Unfit, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
WORDS = {"APNS": "APNS", "ios": "APNS", "GCM": "GCM"}


def field(kind: Type, **more: Any) -> Field:
    return Field("it", kind, "", "", **more)


@pytest.mark.parametrize(
    ("kind", "value", "fitted"),
    [
        (Type.TEXT, 5, "5"),
        (Type.TEXT, 5.0, "5"),
        (Type.TEXT, 0.1, "0.1"),
        (Type.TEXT, True, "true"),
        (Type.TEXT, ["one"], "one"),
        (Type.WHOLE, "12", 12),
        (Type.WHOLE, " 12.0 ", 12),
        (Type.WHOLE, 3.0, 3),
        (Type.WHOLE, "-5", -5),
        (Type.NUMBER, "9.5", 9.5),
        (Type.NUMBER, "1e3", 1000.0),
        (Type.NUMBER, 7, 7),
        (Type.FLAG, "true", True),
        (Type.FLAG, 0, False),
        (Type.EMAIL, " Ann@Example.com ", "ann@example.com"),
        (Type.USER_ID, 42, "42"),
        (Type.SECONDS, "2012-12-02T00:30:08.276Z", 1354408208),
        (Type.SECONDS, "2012-12-02T01:30:08+01:00", 1354408208),
        (Type.SECONDS, "2012-12-02", 1354406400),
        (Type.SECONDS, 1354408208, 1354408208),
        (Type.SECONDS, 1354408208276, 1354408208),
        (Type.SECONDS, "1354408208", 1354408208),
        (Type.UTC, "2012-12-02T01:30:08+01:00", "2012-12-02 00:30:08"),
        (Type.WORD, "IOS", "APNS"),
        (Type.TEXTS, "Games", ["Games"]),
        (Type.TEXTS, ["Games", 5], ["Games", "5"]),
        (Type.WHOLES, "11", [11]),
        (Type.OBJECTS, {"field": "pets"}, [{"field": "pets"}]),
        (Type.OBJECT, {"a": [1]}, {"a": [1]}),
    ],
)
def test_a_value_is_fitted(kind: Type, value: Any, fitted: Any) -> None:
    found = read(field(kind, words=WORDS), value)
    assert found == fitted
    assert type(found) is type(fitted)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Type.TEXT, {}),
        (Type.TEXT, ["a", "b"]),
        (Type.WHOLE, "twelve"),
        (Type.WHOLE, 1.5),
        (Type.WHOLE, True),
        (Type.WHOLE, 2**63),
        (Type.WHOLE, "0x10"),
        (Type.WHOLE, ""),
        (Type.NUMBER, "nan"),
        (Type.NUMBER, "inf"),
        (Type.NUMBER, "1_000"),
        (Type.NUMBER, 10**400),
        (Type.NUMBER, "1e999"),
        (Type.NUMBER, False),
        (Type.FLAG, "yes"),
        (Type.FLAG, 2),
        (Type.EMAIL, "ann"),
        (Type.EMAIL, "ann@example"),
        (Type.EMAIL, "a b@example.com"),
        (Type.EMAIL, "a" * 250 + "@example.com"),
        (Type.EMAIL, 5),
        (Type.USER_ID, "u" * 53),
        (Type.USER_ID, "ends blank "),
        (Type.USER_ID, "Jürgen"),
        (Type.USER_ID, " "),
        (Type.SECONDS, "2026-02-30T00:00:00Z"),
        (Type.SECONDS, "yesterday"),
        (Type.SECONDS, True),
        (Type.SECONDS, 10**300),
        (Type.UTC, None),
        (Type.WORD, "toaster"),
        (Type.TEXTS, [{}]),
        (Type.WHOLES, ["a"]),
        (Type.OBJECT, [1]),
        (Type.OBJECTS, [1]),
    ],
)
def test_what_cannot_be_fitted_is_refused_without_repeating_it(kind: Type, value: Any) -> None:
    with pytest.raises(Unfit) as refused:
        read(field(kind, words=WORDS), value)
    assert str(refused.value).startswith("must be")
    assert len(str(value)) < 4 or str(value) not in str(refused.value)


def test_bounds_are_kept() -> None:
    assert read(field(Type.TEXT, most=4), "ää") == "ää"
    with pytest.raises(Unfit, match="at most 4 bytes"):
        read(field(Type.TEXT, most=4), "äää")
    for kind in (Type.TEXTS, Type.OBJECTS, Type.WHOLES):
        with pytest.raises(Unfit, match="at most 1"):
            read(field(kind, most=1), [{}, {}] if kind is Type.OBJECTS else ["1", "2"])


@given(st.sampled_from(Type), JSON)
def test_any_value_is_fitted_or_unfit(kind: Type, value: Any) -> None:
    with suppress(Unfit):
        read(field(kind, words=WORDS), value)


TABLE = (
    field(Type.TEXT, required=True),
    Field("count", Type.WHOLE, "", ""),
    Field("phone", Type.TEXT, "", "", nullable=True),
    Field("data", Type.OBJECT, "", ""),
    Field("data.*", Type.ANY, "", ""),
)


def test_null_and_empty_text_are_nothing_said_but_where_null_removes() -> None:
    values, problems = coerce(Table(TABLE), {"it": "x", "count": None, "phone": None})
    assert values == {"it": "x", "phone": None}
    assert not problems
    values, _ = coerce(Table(TABLE), {"it": "x", "count": "", "phone": ""})
    assert values == {"it": "x"}


def test_a_bad_field_is_left_out_and_told_a_required_one_fails_with_all_reasons() -> None:
    values, problems = coerce(Table(TABLE), {"it": "x", "count": "many"})
    assert values == {"it": "x"}
    assert problems == [FieldProblem("count", "must be a whole number")]
    with pytest.raises(ActionFailed) as failed:
        coerce(Table(TABLE), {"count": "many"})
    assert str(failed.value) == "count: must be a whole number; it: is required"
    with pytest.raises(ActionFailed, match=r"^it: must be text$"):
        coerce(Table(TABLE), {"it": {}})


def test_single_fields_go_over_the_object_which_stays_as_it_was() -> None:
    given_object = {"a": 1, "nest": {"b": 1}}
    found = {"it": "x", "data": given_object, "data.nest.c": "2026-01-01T00:00:00Z", "data.a": 2}
    values, _ = coerce(Table(TABLE), found)
    assert values["data"] == {"a": 2, "nest": {"b": 1, "c": "2026-01-01 00:00:00 +00:00"}}
    assert given_object == {"a": 1, "nest": {"b": 1}}
