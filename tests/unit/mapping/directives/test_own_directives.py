"""Our own directives: what they take, what they make of it, and what they do where they can't."""

import hashlib
from typing import Any

import pytest

from daemon.mapping.directives import MappingFailed, compile_field
from daemon.mapping.paths import MISSING
from tests.unit.mapping.directives.evaluating import exact, field, problems


def of(name: str, value: Any, **options: Any) -> Any:
    return field({f"@{name}": "$.v", **options}, {} if value is MISSING else {"v": value})


BERLIN = {"zone": "Europe/Berlin"}
US = {"from": "MM/dd/yyyy"}


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        ("2026-11-20T13:37:19Z", {}, "2026-11-20 13:37:19 +00:00"),
        ("2026-11-20T13:37:19.123Z", {}, "2026-11-20 13:37:19 +00:00"),
        ("2026-11-20T13:37:19.123456789Z", {}, "2026-11-20 13:37:19 +00:00"),
        ("2026-11-20 13:37:19 +00:00", {}, "2026-11-20 13:37:19 +00:00"),
        ("2026-11-20T13:37+0530", {}, "2026-11-20 08:07:00 +00:00"),
        ("2026-11-20T13:37-05", {}, "2026-11-20 18:37:00 +00:00"),
        (" 2026-11-20 ", {}, "2026-11-20 00:00:00 +00:00"),
        ("2026-11-20T13:37:19Z", BERLIN, "2026-11-20 14:37:19 +01:00"),
        ("2026-07-20T13:37:19Z", BERLIN, "2026-07-20 15:37:19 +02:00"),
        ("2026-07-20T13:37:19", BERLIN, "2026-07-20 13:37:19 +02:00"),
        ("2026-07-20", BERLIN, "2026-07-20 00:00:00 +02:00"),
        ("2026-03-29T02:30:00", {**BERLIN, "to": "unix"}, 1774747800),
        ("2026-10-25T02:30:00", {**BERLIN, "to": "unix"}, 1792888200),
        (1700000000, {}, "2023-11-14 22:13:20 +00:00"),
        (1700000000.9, {}, "2023-11-14 22:13:20 +00:00"),
        (1700000000123, {}, "2023-11-14 22:13:20 +00:00"),
        (-86400, {}, "1969-12-31 00:00:00 +00:00"),
        ("1700000000", {"from": "unix"}, "2023-11-14 22:13:20 +00:00"),
        ("1700000000123", {"from": "unix_ms"}, "2023-11-14 22:13:20 +00:00"),
        (1700000000123, {"to": "iso"}, "2023-11-14T22:13:20.123+00:00"),
        ("2023-11-14T22:13:20Z", {"to": "unix"}, 1700000000),
        ("2023-11-14T22:13:20.123Z", {"to": "unix_ms"}, 1700000000123),
        ("1969-12-31T23:59:59.5Z", {"to": "unix"}, -1),
        ("11/20/2026", {**US, "to": "yyyy-MM-dd"}, "2026-11-20"),
        ("20.11.2026", {"from": ["MM/dd/yyyy", "dd.MM.yyyy"], "to": "yyyy-MM-dd"}, "2026-11-20"),
        ("2026-11-20", {"from": ["MM/dd/yyyy", "iso"], "to": "dd.MM.yy"}, "20.11.26"),
        ("Nov 5, 2026 3:07 pm", {"from": "MMM d, yyyy h:mm a"}, "2026-11-05 15:07:00 +00:00"),
        ("12:30 am 01/02/2026", {"from": "hh:mm a MM/dd/yyyy"}, "2026-01-02 00:30:00 +00:00"),
        ("Friday, 20 November 2026", {"from": "EEEE, d MMMM yyyy"}, "2026-11-20 00:00:00 +00:00"),
        ("20261120T133719+0100", {"from": "yyyyMMdd'T'HHmmssZ"}, "2026-11-20 12:37:19 +00:00"),
        ("69-70", {"from": "yy'-'MM"}, MISSING),
        ("70-12", {"from": "yy-MM", "to": "yyyy"}, "1970"),
        ("69-12", {"from": "yy-MM", "to": "yyyy"}, "2069"),
        ("5 o'clock 2026", {"from": "H 'o''clock' yyyy", "to": "HH"}, "05"),
        ("2026.123", {"from": "yyyy.SSS", "to": "S SSSSSS"}, "1 123000"),
        ("2026-11-20T13:37:19Z", {**BERLIN, "to": "EEE h a XXX X Z"}, "Fri 2 PM +01:00 +01 +0100"),
        (
            "2026-02-03T14:05:06Z",
            {"to": "MMMM MMM M, d dd, EEEE, H h hh, m mm, s ss, yy"},
            "February Feb 2, 3 03, Tuesday, 14 2 02, 5 05, 6 06, 26",
        ),
        ("3.2.26 4:5:6", {"from": "d.M.yy H:m:s"}, "2026-02-03 04:05:06 +00:00"),
        ("2026-11-20T13:37:19+01", {"from": "yyyy-MM-dd'T'HH:mm:ssX", "to": "HH"}, "12"),
        ("yesterday", {}, MISSING),
        ("", {}, MISSING),
        ("2024-02-30T00:00:00Z", {}, MISSING),
        ("2026-11-20T25:00:00Z", {}, MISSING),
        ("2026-11-20T10:00:00+24:00", {}, MISSING),
        ("20261120", {}, MISSING),
        ("0001-01-01T00:00:00+10:00", {}, MISSING),
        ("9999-12-31T23:59:59-10:00", {}, MISSING),
        ("0500-01-01", {}, MISSING),
        ("١٩٩٩-01-01", {}, MISSING),
        ("2026-11-20T13:37:19Z" + " " * 60, {}, MISSING),
        ("11/20/2026 ", US, "2026-11-20 00:00:00 +00:00"),
        ("1/20/2026", US, MISSING),
        ("13/20/2026", US, MISSING),
        ("11/20/2026x", US, MISSING),
        ("x", {"from": "unix"}, MISSING),
        ("٣", {"from": "unix"}, MISSING),
        ("1.2.3", {"from": "unix"}, MISSING),
        ("2026-11-20", {"to": "d"}, "20"),
        ("1 am 2026", {"from": "h a yyyy", "to": "H"}, "1"),
        ("0 am", {"from": "h a"}, MISSING),
        ("13 am 2026", {"from": "h a yyyy"}, MISSING),
        (True, {}, MISSING),
        ([], {}, MISSING),
        (10**30, {}, MISSING),
        (1e300, {}, MISSING),
    ],
)
def test_date(value: Any, options: dict[str, Any], expected: Any) -> None:
    assert exact(of("date", value, on_error="drop", **options)) == exact(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        (2.5, 2.5),
        ("1200", 1200),
        (" -12.50 ", -12.5),
        ("+3", 3),
        ("1e3", 1000.0),
        ("0x10", MISSING),
        ("12345678901234567890", 12345678901234567890),
        ("1,200", MISSING),
        ("12 apples", MISSING),
        ("", MISSING),
        ("1_000", MISSING),
        ("٣", MISSING),
        ("nan", MISSING),
        ("Infinity", MISSING),
        ("1e999", MISSING),
        ("9" * 41, MISSING),
        (True, MISSING),
        ([], MISSING),
        ({}, MISSING),
        (None, None),
        (MISSING, MISSING),
    ],
)
def test_number(value: Any, expected: Any) -> None:
    assert exact(of("number", value, on_error="drop")) == exact(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (False, False),
        (1, True),
        (0, False),
        (1.0, True),
        (2, MISSING),
        (" Yes ", True),
        ("TRUE", True),
        ("on", True),
        ("n", False),
        ("0", False),
        ("off", False),
        ("maybe", MISSING),
        ("", MISSING),
        ([], MISSING),
        (None, None),
        (MISSING, MISSING),
    ],
)
def test_boolean(value: Any, expected: Any) -> None:
    assert exact(of("boolean", value, on_error="drop")) == exact(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", "x"),
        ("", ""),
        (1.0, "1"),
        (1e21, "1e+21"),
        (True, "true"),
        ({}, MISSING),
        ([1], MISSING),
        (None, None),
    ],
)
def test_string(value: Any, expected: Any) -> None:
    assert exact(of("string", value, on_error="drop")) == exact(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("de", "Germany"), (1, [1]), (True, {"a": None}), ("x", MISSING), ([], MISSING)],
)
def test_lookup(value: Any, expected: Any) -> None:
    table = {"de": "Germany", 1: [1], "true": {"a": None}}
    assert exact(of("lookup", value, table=table, on_error="drop")) == exact(expected)
    assert of("lookup", "fr", table={"de": 1}, default="other") == "other"


def test_hash() -> None:
    ann = hashlib.sha256(b"ann@example.com").hexdigest()
    assert of("hash", "ann@example.com") == ann
    assert of("hash", " Ann@Example.COM\n", trim=True, lower=True) == ann
    assert of("hash", " ann@example.com", lower=True) != ann
    assert of("hash", "ANN@example.com", trim=True) != ann
    assert of("hash", 5) == hashlib.sha256(b"5").hexdigest()
    assert of("hash", "é") == hashlib.sha256("é".encode()).hexdigest()
    assert of("hash", "  ", trim=True, on_error="drop") is MISSING
    assert of("hash", "", on_error="drop") is MISSING
    assert of("hash", {}, on_error="drop") is MISSING
    assert of("hash", None) is None


TRAITS = {"utm_source": 1, "utm_medium": 2, "name": 3, "a.b": 4, "xutm_": 5}


@pytest.mark.parametrize(
    ("keys", "picked"),
    [
        ("name", {"name"}),
        (["name", "zz"], {"name"}),
        ("utm_*", {"utm_source", "utm_medium"}),
        ("*_*", {"utm_source", "utm_medium", "xutm_"}),
        ("*utm_", {"xutm_"}),
        ("u*m*e", {"utm_source"}),
        ("*", set(TRAITS)),
        ("a.b", {"a.b"}),
        ("utm_source*source", set()),
        (["a*", "name"], {"a.b", "name"}),
        ("**o**", {"utm_source"}),
        ("*ut*ut*", set()),
        ("*u*u*e", {"utm_source"}),
    ],
)
def test_pick_and_omit(keys: Any, picked: set[str]) -> None:
    assert of("pick", TRAITS, keys=keys) == {key: TRAITS[key] for key in TRAITS if key in picked}
    left = {key: TRAITS[key] for key in TRAITS if key not in picked}
    assert of("omit", TRAITS, keys=keys) == left


@pytest.mark.parametrize(
    ("keys", "renamed"),
    [
        ({"name": "firstName"}, {"a": 1, "utm_x": 2, "firstName": 3, "utm_": 4}),
        ({"utm_*": "campaign.*"}, {"a": 1, "campaign.x": 2, "name": 3, "campaign.": 4}),
        ({"*": "shop_*"}, {"shop_a": 1, "shop_utm_x": 2, "shop_name": 3, "shop_utm_": 4}),
        ({"a": "name"}, {"name": 1, "utm_x": 2, "utm_": 4}),
        ({"a": "b", "*": "c_*"}, {"b": 1, "c_utm_x": 2, "c_name": 3, "c_utm_": 4}),
        ({"zz": "y"}, {"a": 1, "utm_x": 2, "name": 3, "utm_": 4}),
        ({"a": "name", "name": "a"}, {"name": 1, "utm_x": 2, "a": 3, "utm_": 4}),
    ],
)
def test_rename(keys: dict[str, str], renamed: dict[str, int]) -> None:
    assert of("rename", {"a": 1, "utm_x": 2, "name": 3, "utm_": 4}, keys=keys) == renamed


@pytest.mark.parametrize("name", ["pick", "omit"])
@pytest.mark.parametrize("value", ["x", 5, [], True])
def test_only_objects_have_keys(name: str, value: Any) -> None:
    assert of(name, value, keys="*", on_error="drop") is MISSING
    assert of(name, value, keys="*", on_error="keep") == value


def test_first_takes_what_is_not_empty() -> None:
    raw = {"@first": ["$.a", "$.b", "$.c"], "default": "none"}
    assert field(raw, {"a": None, "b": "", "c": 5}) == 5
    assert field(raw, {"a": [], "b": {}, "c": False}) is False
    assert field(raw, {"b": 0, "c": 1}) == 0
    assert field(raw, {"a": None}) == "none"
    assert field({"@first": ["$.a"]}, {"a": ""}) is MISSING


CONVERTING: list[tuple[str, Any, dict[str, Any]]] = [
    ("date", "never", {}),
    ("number", "many", {}),
    ("boolean", "maybe", {}),
    ("string", [], {}),
    ("hash", {}, {}),
    ("lookup", "x", {"table": {"a": 1}}),
    ("pick", 5, {"keys": "*"}),
    ("omit", 5, {"keys": "*"}),
    ("rename", 5, {"keys": {"a": "b"}}),
]


@pytest.mark.parametrize(("name", "bad", "options"), CONVERTING)
def test_what_cannot_be_read_never_becomes_null_on_the_quiet(
    name: str, bad: Any, options: dict[str, Any]
) -> None:
    assert of(name, bad, on_error="drop", **options) is MISSING
    assert of(name, bad, on_error="keep", **options) == bad
    assert of(name, bad, default="d", **options) == "d"
    assert of(name, bad, default="d", on_error="drop", **options) is MISSING
    for more in ({}, {"on_error": "fail"}, {"on_error": "fail", "default": "d"}):
        with pytest.raises(MappingFailed, match=f"^f/@{name}: .* that is not "):
            of(name, bad, **options, **more)


@pytest.mark.parametrize(("name", "bad", "options"), CONVERTING)
def test_what_is_missing_or_null_stays_so_or_becomes_the_default(
    name: str, bad: Any, options: dict[str, Any]
) -> None:
    assert bad is not None
    for on_error in ("drop", "keep", "fail"):
        assert of(name, MISSING, on_error=on_error, **options) is MISSING
        assert of(name, None, on_error=on_error, **options) is None
        assert of(name, MISSING, on_error=on_error, default="d", **options) == "d"
        assert of(name, None, on_error=on_error, default="d", **options) == "d"


V = {"@path": "v"}


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ({"@date": V, "zone": "Mars/Olympus"}, "/zone: must be a time zone such as Europe/Berlin"),
        ({"@date": V, "zone": "../etc/passwd"}, "/zone: must be a time zone such as"),
        ({"@date": V, "zone": "localtime"}, "/zone: must be a time zone such as"),
        ({"@date": V, "zone": "Europe"}, "/zone: must be a time zone such as"),
        ({"@date": V, "zone": 5}, "/zone: must be a time zone such as"),
        ({"@date": V, "from": "YYYY"}, "/from: must be a date form: `YYYY` is no date letter"),
        ({"@date": V, "from": "yyyy 'x"}, "/from: must be a date form: the quoted text"),
        ({"@date": V, "from": ""}, "/from: must be a date form: a pattern has 1 to 100"),
        ({"@date": V, "from": []}, "/from: must be 1 to 20 forms"),
        ({"@date": V, "from": ["iso", 5]}, "/from: must be a form or a list of forms, not a num"),
        ({"@date": V, "to": "hh:MI"}, "/to: must be a date form: `I` is no date letter"),
        ({"@date": V, "to": ["iso"]}, "/to: must be a date form, not a list"),
        ({"@date": V, "on_error": "ignore"}, "/on_error: must be one of drop, keep, fail"),
        ({"@date": V, "onerror": "drop"}, "/: @date has no option onerror; it has default, "),
        ({"@number": V, "zone": "UTC"}, "/: @number has no option zone; it has default, on_error"),
        ({"@first": [V], "on_error": "drop"}, "/: @first has no option on_error; it has default"),
        ({"@first": V}, "/@first: must be a list of values"),
        ({"@first": []}, "/@first: must be a list of values"),
        ({"@lookup": V}, "/table: must be an object with a value for each text"),
        ({"@lookup": V, "table": []}, "/table: must be an object with a value for each text"),
        ({"@lookup": V, "table": {"a": V}}, "/table: must hold fixed values only"),
        ({"@hash": V, "trim": "yes"}, "/trim: must be true or false, not text"),
        ({"@pick": V}, "/keys: must be a key or a list of up to 500 keys"),
        ({"@omit": V, "keys": []}, "/keys: must be a key or a list of up to 500 keys"),
        ({"@pick": V, "keys": [5]}, "/keys: must be text of at most 200 characters"),
        ({"@pick": V, "keys": "x" * 201}, "/keys: must be text of at most 200 characters"),
        ({"@rename": V, "keys": ["a"]}, "/keys: must be an object of new names by old ones"),
        ({"@rename": V, "keys": {"a": 5}}, "/keys: must be text of at most 200 characters"),
        ({"@rename": V, "keys": {"a*": "b"}}, "/keys/a*: must have one `*` where the old name"),
        ({"@rename": V, "keys": {"a": "*"}}, "/keys/a: must have one `*` where the old name"),
        ({"@rename": V, "keys": {"*a*": "*b*"}}, "/keys/*a*: must have one `*` where the old"),
        ({"@number": V, "@date": V}, "/: must hold one directive, not @date, @number"),
        ({"@number": {"@bogus": 1}}, "/@number: @bogus is no directive"),
        ({"@number": V, "default": {"@bogus": 1}}, "/default: @bogus is no directive"),
        ({"@number": "many"}, "/@number: text that is not a number; it would fail for every"),
    ],
)
def test_mistakes(mapping: Any, problem: str) -> None:
    found = problems(mapping)
    assert len(found) == 1
    assert found[0].startswith(problem)


def test_our_own_directives_nest_with_segments() -> None:
    raw = {
        "@if": {
            "exists": "$.traits.createdAt",
            "then": {"@date": "$.traits.createdAt", "zone": "Europe/Berlin", "on_error": "drop"},
        }
    }
    event = {"traits": {"createdAt": "2026-11-20T13:37:19Z", "utm_source": "x", "n": 1}}
    assert field(raw, event) == "2026-11-20 14:37:19 +01:00"
    picked = {"@rename": {"@pick": "$.traits", "keys": "utm_*"}, "keys": {"utm_*": "*"}}
    assert field({"@flatten": {"separator": ".", "value": picked}}, event) == {"source": "x"}


def test_gaps_are_closed_after_our_own_directives_too() -> None:
    raw = {"@pick": {"a": ["$.gone"], "b": "$.gone"}, "keys": "*"}
    assert compile_field(raw, "f").evaluate({}) == {"a": [None]}
