"""Edge cases of Segment's directives for values and text, as its own framework answers them."""

from typing import Any

import pytest

from daemon.mapping.directives.javascript import json_text, number_text, units
from daemon.mapping.paths import MISSING
from tests.unit.mapping.directives.evaluating import FAILED, exact, outcome

EVENT: dict[str, Any] = {
    "a": {"b": [1, 2.5, None, "x"], "s": "hello", "k.d": 1, "x y": 3, "": 8, "b]": 5},
    "a[b]": 9,
    "n": None,
    "z": 0,
    "f": 1.0,
    "half": 1.5,
    "big": 1e21,
    "t": True,
    "fa": False,
    "e": "",
    "sp": "  ",
    "o": {},
    "ea": [],
    "arr": [[1, [2, 3]], None, {"q": 1}],
    "userId": "ann",
    "$": {"q": 15},
    "q": 16,
    "path": "$.userId",
    "tri": "{{userId}}",
    "text": '{"a":[1,null]}',
    "num": 7,
    "em": "😀x",
}


def path(name: str) -> dict[str, Any]:
    return {"@path": name}


PATHS: list[tuple[str, Any]] = [
    ("$.a.s", "hello"),
    ("a.s", "hello"),
    ("a['s']", "hello"),
    ('a["s"]', "hello"),
    ("['a'].s", "hello"),
    ("'a'.\"s\"", "hello"),
    ("a'.s", "hello"),
    ("a.$.s", "hello"),
    ("a..s", "hello"),
    (".a.s", "hello"),
    ("a.s.", "hello"),
    ("$.a.x y", 3),
    ("$.a['x y']", 3),
    ("a.b[3]", "x"),
    ("a.b.3", "x"),
    ("a.b['0']", 1),
    ("a['b'][1]", 2.5),
    ("arr[0][1][1]", 3),
    ("arr[0]0", 1),
    ("a['']", 8),
    ("a.'", 8),
    ("a.b]", 5),
    ("a.b[0]]]", 1),
    ("arr[0]]0", 1),
    ("arr[0].]", MISSING),
    ("a[b]", 9),
    ("$", {"q": 15}),
    ("$.q", 16),
    ("$.$.q", 15),
    ("q$.", 16),
    ("a.b.length", 4),
    ("userId.length", 3),
    ("userId['length']", 3),
    ("userId.0", "a"),
    ("userId[2]", "n"),
    ("em.length", 3),
    ("em.2", "x"),
    ("em.3", MISSING),
    ("n.x", None),
    ("z.x", 0),
    ("fa.x.y", False),
    ("e.length", ""),
    ("a.k.d", MISSING),
    ("a['k.d']", MISSING),
    ("$['a']", MISSING),
    ("$[1]", MISSING),
    ("$q", MISSING),
    ("[0]", MISSING),
    ("a[s]", MISSING),
    ("a]", MISSING),
    ("a['s", "hello"),
    ("a[0", MISSING),
    ("a.b[-1]", MISSING),
    ("a.b.01", MISSING),
    ("a.b.4", MISSING),
    ("a.b[*]", MISSING),
    ("userId.3", MISSING),
    ("userId.00", MISSING),
    ("num.0", MISSING),
    ("t.x", MISSING),
    (" a.s", MISSING),
    ("a.s ", MISSING),
    ("zz.x", MISSING),
]


@pytest.mark.parametrize(("name", "value"), PATHS)
def test_a_path_is_followed_as_segment_follows_it(name: str, value: Any) -> None:
    assert exact(outcome(path(name), EVENT)) == exact(value)
    inner = {"@transform": {"apply": path(""), "mapping": path(name)}}
    assert exact(outcome(inner, EVENT)) == exact(value)


@pytest.mark.parametrize("name", ["", "$.", ".", ".."])
def test_an_empty_path_is_the_whole_event(name: str) -> None:
    assert outcome(path(name), EVENT) is EVENT


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        (path("$.path"), "ann"),
        ({"@template": "{{path}}"}, "ann"),
        ({"@literal": "a.s"}, "hello"),
        (path("$.num"), FAILED),
        (path("$.n"), FAILED),
        (path("$.zz"), FAILED),
    ],
)
def test_a_path_may_be_made_of_the_event(argument: Any, value: Any) -> None:
    assert outcome({"@path": argument}, EVENT) == value


TEMPLATES: list[tuple[Any, Any]] = [
    ("", ""),
    ("Hello {{userId}}!", "Hello ann!"),
    ("{{ userId }}", "ann"),
    ("{{\n userId \t}}", "ann"),
    ("{{\ufeffuserId\u00a0}}", "ann"),
    ("{{\x1cuserId}}", ""),
    ("{{{userId}}}", "ann"),
    ("{{userId}}}", "ann}"),
    ("{{{userId}}}}", "ann}"),
    ("{{{userId}}", ""),
    ("{{{{userId}}}}", "}"),
    ("{{a{{userId}}}}", "}}"),
    ("{{ user Id }}", ""),
    ("{{userId}", "{{userId}"),
    ("{userId}", "{userId}"),
    ("{{}}", "{{}}"),
    ("{{{}}}", "}"),
    ("{{ }}", "[object Object]"),
    ("{{ $.q }}", "15"),
    ("{{$.userId}}", ""),
    ("{{a['s']}}", "hello"),
    ("{{n}}{{zz}}", ""),
    ("{{fa}} {{t}} {{z}}", "false true 0"),
    ("{{f}} {{half}} {{big}}", "1 1.5 1e+21"),
    ("{{o}}", "[object Object]"),
    ("{{ea}}", ""),
    ("{{a.b}}", "1,2.5,,x"),
    ("{{arr}}", "1,2,3,,[object Object]"),
    ("{{em.length}}", "3"),
    (path("tri"), "ann"),
    (path("path"), "$.userId"),
    ({"@literal": "x{{userId}}"}, "xann"),
    (path("num"), FAILED),
    (path("n"), FAILED),
    (path("zz"), FAILED),
]


@pytest.mark.parametrize(("argument", "value"), TEMPLATES)
def test_a_template_is_filled_in_as_segment_fills_it_in(argument: Any, value: Any) -> None:
    assert outcome({"@template": argument}, EVENT) == value


def test_values_in_a_template_mean_nothing_but_themselves() -> None:
    event = {"a": "$&", "b": "$1$$", "c": "{{{a}}}", "d": "{{a}}"}
    template = {"@template": "{{a}} {{b}} {{c}} {{d}} {{{c}}} {{{d}}}"}
    assert outcome(template, event) == "$& $1$$ {{{a}}} {{a}} {{{a}}} {{a}}"


EXISTS = {"a", "z", "f", "fa", "t", "e", "sp", "o", "ea", "arr"}
NOT_BLANK = {"a", "f", "t", "sp", "o", "arr"}


@pytest.mark.parametrize("name", ["a", "n", "z", "f", "fa", "t", "e", "sp", "o", "ea", "arr", "zz"])
def test_if_exists_and_blank(name: str) -> None:
    exists = {"@if": {"exists": path(name), "then": 1, "else": 2}}
    assert outcome(exists, EVENT) == (1 if name in EXISTS else 2)
    blank = {"@if": {"blank": path(name), "then": 1, "else": 2}}
    assert outcome(blank, EVENT) == (1 if name in NOT_BLANK else 2)


@pytest.mark.parametrize(
    ("value", "is_blank"),
    [
        ([None], True),
        ([[]], True),
        ([""], True),
        ([[[]]], True),
        ([0], False),
        ([False], False),
        (["", ""], False),
        ([None, None], False),
        ([{}], False),
        ("0", False),
        ("\t", False),
    ],
)
def test_blank_is_what_is_loosely_equal_to_empty_text(value: Any, is_blank: bool) -> None:
    mapping = {"@if": {"blank": path("v"), "then": "not", "else": "blank"}}
    assert outcome(mapping, {"v": value}) == ("blank" if is_blank else "not")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ({"exists": path("a"), "then": None, "else": 2}, None),
        ({"exists": path("a"), "then": 0}, 0),
        ({"exists": path("a"), "then": path("zz"), "else": 4}, MISSING),
        ({"exists": path("a")}, MISSING),
        ({"exists": path("zz"), "then": 1}, MISSING),
        ({"exists": path("zz"), "else": 0}, MISSING),
        ({"exists": path("zz"), "else": None}, MISSING),
        ({"exists": path("zz"), "else": ""}, MISSING),
        ({"exists": path("zz"), "else": False}, MISSING),
        ({"exists": path("zz"), "else": path("z")}, 0),
        ({"exists": path("zz"), "else": path("n")}, None),
        ({"exists": path("zz"), "else": [path("zz")]}, [None]),
        ({"exists": path("zz"), "blank": path("a"), "then": 1, "else": 2}, 2),
        ({"exists": path("a"), "blank": path("zz"), "then": 1, "else": 2}, 1),
        ({"exists": None, "blank": path("a"), "then": 1, "else": 2}, 2),
        ({"exists": {"x": path("zz")}, "then": 1}, 1),
        ({"exists": [], "then": 1}, 1),
        ({"blank": {}, "then": 1, "else": 2}, 1),
        ({"exists": path("a"), "then": 1, "other": 2}, 1),
    ],
)
def test_if_takes_the_branch_segment_takes(argument: Any, value: Any) -> None:
    assert exact(outcome({"@if": argument}, EVENT)) == exact(value)


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("upper", path("userId"), "ANN"),
        ("lower", "MIXed Case", "mixed case"),
        ("upper", "straße ŉ ﬁ", "STRASSE \u02bcN FI"),
        ("lower", "İIΣ ΑΣ", "i̇iς ας"),
        ("upper", path("num"), 7),
        ("upper", path("n"), None),
        ("upper", path("zz"), MISSING),
        ("upper", path("a"), EVENT["a"]),
        ("upper", "", MISSING),
    ],
)
def test_case(operator: str, value: Any, expected: Any) -> None:
    found = outcome({"@case": {"operator": operator, "value": value}}, EVENT)
    assert exact(found) == exact(expected)


REPLACEMENTS: list[tuple[dict[str, Any], Any]] = [
    ({"pattern": "l", "value": path("a.s")}, "heo"),
    ({"pattern": "l", "replacement": "L", "value": path("a.s")}, "heLLo"),
    ({"pattern": "l", "replacement": "L", "value": path("a.s"), "global": False}, "heLlo"),
    ({"pattern": "L", "replacement": "x", "value": path("a.s")}, "hello"),
    ({"pattern": "L", "replacement": "x", "value": path("a.s"), "ignorecase": True}, "hexxo"),
    ({"pattern": "l", "replacement": "[$&]", "value": path("a.s")}, "he[l][l]o"),
    ({"pattern": "l", "replacement": "$$", "value": path("a.s")}, "he$$o"),
    ({"pattern": "l", "replacement": "$`|", "value": path("a.s")}, "hehe|hel|o"),
    ({"pattern": "l", "replacement": "$'|", "value": path("a.s")}, "helo|o|o"),
    ({"pattern": "l", "replacement": "$1$0$<x>$", "value": path("a.s")}, "he$1$0$<x>$$1$0$<x>$o"),
    ({"pattern": "$.*[", "replacement": "x", "value": "a$.*[b"}, "axb"),
    ({"pattern": "aa", "replacement": "b", "value": "aaaaa"}, "bba"),
    ({"pattern": "É", "replacement": "x", "value": "éÉ", "ignorecase": True}, "xx"),
    ({"pattern": "Σ", "replacement": "x", "value": "σςΣ", "ignorecase": True}, "xxx"),
    ({"pattern": "\u017f", "replacement": "x", "value": "sS", "ignorecase": True}, "sS"),
    ({"pattern": "ß", "replacement": "x", "value": "ẞSS", "ignorecase": True}, "ẞSS"),
    ({"pattern": "𐐀", "replacement": "x", "value": "𐐨", "ignorecase": True}, "𐐨"),
    ({"pattern": "i", "replacement": "x", "value": "\u0131Iİ", "ignorecase": True}, "\u0131xİ"),
    ({"pattern": "a", "value": "banana", "pattern2": "n"}, "b"),
    (
        {
            "pattern": "a",
            "replacement": "b",
            "pattern2": "b",
            "replacement2": "c",
            "value": "banana",
        },
        "ccncnc",
    ),
    ({"pattern": "a", "value": "banana", "pattern2": "n", "replacement2": None}, "b"),
    ({"pattern": "a", "value": "banana", "pattern2": "n", "replacement2": 5}, "bnn"),
    ({"pattern": "a", "value": "banana", "pattern2": ""}, "bnn"),
    ({"pattern": "a", "value": "banana", "pattern2": 5}, "bnn"),
    ({"pattern": "a", "value": "banana", "replacement2": "much too long"}, "bnn"),
    ({"pattern": "1", "replacement": "x", "value": path("big")}, "xe+2x"),
    ({"pattern": "1", "replacement": "x", "value": path("f")}, "x"),
    ({"pattern": "t", "replacement": "x", "value": path("t")}, "xrue"),
    ({"pattern": "0", "replacement": "x", "value": path("z")}, "x"),
    ({"pattern": "1", "value": path("n")}, ""),
    ({"pattern": "1", "value": path("zz")}, ""),
    ({"pattern": "1", "value": path("o")}, ""),
    ({"pattern": "1", "value": path("a.b")}, ""),
    ({"pattern": "1", "value": ""}, MISSING),
    ({"pattern": "😀😀😀😀😀", "value": path("em")}, "😀x"),
]


@pytest.mark.parametrize(("argument", "value"), REPLACEMENTS)
def test_replace(argument: dict[str, Any], value: Any) -> None:
    assert outcome({"@replace": argument}, EVENT) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (path("a.b"), '[1,2.5,null,"x"]'),
        (path("f"), "1"),
        (path("big"), "1e+21"),
        (path("em"), '"😀x"'),
        (path("n"), "null"),
        (path("t"), "true"),
        (path("fa"), "false"),
        (path("zz"), MISSING),
        (path("o"), "{}"),
        (path("ea"), "[]"),
        ({"a": path("zz"), "b": [path("zz")]}, '{"b":[null]}'),
        ('\u2028</\x7f\x01"\n\b', '"\u2028</\x7f\\u0001\\"\\n\\b"'),
        (5, "5"),
    ],
)
def test_json_encode(value: Any, expected: Any) -> None:
    assert outcome({"@json": {"mode": "encode", "value": value}}, EVENT) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (path("text"), {"a": [1, None]}),
        (" [1] ", [1]),
        ("null", None),
        ("1e3", 1000.0),
        ("-0", 0),
        ('{"a":1,"a":2}', {"a": 2}),
        ("{a", "{a"),
        ("01", "01"),
        ("NaN", "NaN"),
        ("\ufeff1", "\ufeff1"),
        (path("e"), ""),
        (path("num"), 7),
        (path("n"), None),
        (path("zz"), MISSING),
        (["1"], ["1"]),
    ],
)
def test_json_decode(value: Any, expected: Any) -> None:
    found = outcome({"@json": {"mode": "decode", "value": value}}, EVENT)
    assert exact(found) == exact(expected)


@pytest.mark.parametrize("mode", ["DECODE", "Encode"])
def test_json_makes_nothing_of_other_spellings(mode: str) -> None:
    assert outcome({"@json": {"mode": mode, "value": path("text")}}, EVENT) is MISSING


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        (None, None),
        (0, 0),
        ("", ""),
        ("$.userId", "$.userId"),
        ("{{userId}}", "{{userId}}"),
        (path("userId"), "ann"),
        ([path("zz"), path("num")], [None, 7]),
        ({"a": path("zz"), "b": None}, {"b": None}),
    ],
)
def test_literal_still_resolves_directives(argument: Any, value: Any) -> None:
    assert exact(outcome({"@literal": argument}, EVENT)) == exact(value)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (0.1, "0.1"),
        (1e15, "1000000000000000"),
        (123456789012345680000.0, "123456789012345680000"),
        (999999999999999900000.0, "999999999999999900000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (0.00012, "0.00012"),
        (1e-6, "0.000001"),
        (1.25e-7, "1.25e-7"),
        (-5e-324, "-5e-324"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_numbers_read_as_in_javascript(number: float, text: str) -> None:
    assert number_text(number) == text


@pytest.mark.parametrize(
    ("text", "length"), [("", 0), ("é", 1), ("\uffff", 1), ("\U00010000", 2), ("a😀", 3)]
)
def test_text_is_measured_in_utf_16_units(text: str, length: int) -> None:
    assert units(text) == length


def test_json_has_no_numbers_that_are_none() -> None:
    assert json_text([float("nan"), float("inf"), {"a": MISSING}]) == "[null,null,{}]"


def test_half_a_character_in_the_input_is_escaped_in_json() -> None:
    assert json_text("a\ud83d") == '"a\\ud83d"'
