"""Each function, value by value: what Segment documents, and what it leaves open (README)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.mapping.subscribe import parse
from daemon.mapping.subscribe.functions import FUNCTIONS
from daemon.mapping.subscribe.globs import fits, literal
from daemon.mapping.subscribe.parser import read
from daemon.mapping.subscribe.roots import ROOTS
from daemon.mapping.subscribe.writing import write
from tests.unit.mapping.making import message

OTHERS: list[Any] = [True, [], {}]

VALUES: list[tuple[str, Any, Any]] = [
    ("length", "abc", 3),
    ("length", "", 0),
    ("length", "größe", 7),
    ("length", "\ud800", 3),
    ("length", [1, None, "a"], 3),
    ("length", [], 0),
    ("length", None, 0),
    ("length", 12345, None),
    ("length", True, None),
    ("length", {"a": 1}, None),
    ("lowercase", "ÀbC", "àbc"),
    ("lowercase", None, None),
    ("lowercase", 5, None),
    ("uppercase", "ÀbC ß", "ÀBC SS"),
    ("uppercase", None, None),
    ("uppercase", ["a"], None),
    ("snakecase", "Order Completed", "order_completed"),
    ("snakecase", "orderCompleted2Go", "order_completed_2_go"),
    ("snakecase", "HTTPServer-ready", "http_server_ready"),
    ("snakecase", "already_snake", "already_snake"),
    ("snakecase", "  ", ""),
    ("snakecase", "Größe XL", "größe_xl"),
    ("snakecase", None, None),
    ("snakecase", 5, None),
    ("kebabcase", "Order Completed", "order-completed"),
    ("kebabcase", "already-kebab", "already-kebab"),
    ("kebabcase", None, None),
    ("kebabcase", {}, None),
    ("titlecase", "order COMPLETED", "Order Completed"),
    ("titlecase", "it's  a\tday", "It's  A\tDay"),
    ("titlecase", "", ""),
    ("titlecase", None, None),
    ("titlecase", False, None),
    ("typeof", "a", "string"),
    ("typeof", 1, "number"),
    ("typeof", 1.5, "number"),
    ("typeof", True, "bool"),
    ("typeof", None, "null"),
    ("typeof", [1], "list"),
    ("typeof", {"a": 1}, "object"),
    ("bool", True, True),
    ("bool", False, False),
    ("bool", 0, False),
    ("bool", -0.5, True),
    ("bool", "true", True),
    ("bool", "false", False),
    ("bool", "True", None),
    ("bool", "", None),
    ("bool", None, None),
    ("bool", [1], None),
    ("string", "a", "a"),
    ("string", 5, "5"),
    ("string", 5.0, "5"),
    ("string", -1.5, "-1.5"),
    ("string", 1e21, "1e+21"),
    ("string", 10**400, None),
    ("string", True, "true"),
    ("string", False, "false"),
    ("string", None, None),
    ("string", ["a"], None),
    ("string", {}, None),
    ("number", 5, 5),
    ("number", 5.5, 5.5),
    ("number", "5", 5),
    ("number", "-5.50", -5.5),
    ("number", "1e3", 1000),
    ("number", "12345678901234567890", 1.2345678901234567e19),
    ("number", "9" * 5000, None),
    ("number", " 5", None),
    ("number", "5 apples", None),
    ("number", "", None),
    ("number", "٣", None),
    ("number", "Infinity", None),
    ("number", True, 1),
    ("number", False, 0),
    ("number", None, None),
    ("number", [5], None),
]


@pytest.mark.parametrize(("function", "value", "result"), VALUES)
def test_a_function_gives_what_is_documented(function: str, value: Any, result: Any) -> None:
    found = FUNCTIONS[function].apply(value)
    assert found == result
    assert isinstance(found, bool) is isinstance(result, bool)
    same = parse(f"{function}(traits.x) = properties.result")
    assert same.matches(message(traits={"x": value}, properties={"result": result}))


@pytest.mark.parametrize(
    ("text", "part", "result"),
    [
        ("Nike Air", "Air", True),
        ("Nike Air", "air", False),
        ("Nike Air", "", True),
        ("", "", True),
        ("", "a", False),
        (None, "", False),
        (None, "a", False),
        ("a", None, False),
        (5, "5", False),
        (["a"], "a", False),
        ({"a": 1}, "a", False),
        ("a", ["a"], False),
    ],
)
def test_contains_looks_for_text_in_text(text: Any, part: Any, result: bool) -> None:
    one = message(traits={"text": text}, properties={"part": part})
    assert parse("contains(traits.text, properties.part)").matches(one) is result
    if isinstance(part, str):
        assert parse(f'contains(traits.text, "{part}")').matches(one) is result
    if isinstance(text, str):
        assert parse(f'contains("{text}", properties.part)').matches(one) is result


@pytest.mark.parametrize(
    ("pattern", "text", "result"),
    [
        ("Order *", "Order Completed", True),
        ("Order *", "Order ", True),
        ("Order *", "An Order Completed", False),
        ("*Completed", "Order Completed", True),
        ("*Completed", "Order Completed!", False),
        ("*der*", "Order Completed", True),
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("Order", "Order", True),
        ("Order", "Order ", False),
        ("order", "Order", False),
        ("O*r*d", "Order Completed", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*a*a*", "banana", True),
        ("*an*an*an*", "banana", False),
        ("?", "é", True),
        ("?", "", False),
        ("a?c", "abc", True),
        ("a?c", "a\nc", True),
        ("a*c", "a\nb\nc", True),
        ("[abc]", "b", True),
        ("[abc]", "d", False),
        ("[a-c]*", "c++", True),
        ("[a-c]*", "d", False),
        ("[a-]", "-", True),
        ("[-a]", "-", True),
        ("[.^]", "^", True),
        (r"[\]a]", "]", True),
        (r"[\^a]", "^", True),
        (r"[\--0]", ".", True),
        ("]", "]", True),
        (r"100\*", "100*", True),
        (r"100\*", "1000", False),
        (r"\?", "a", False),
        (r"\\*", r"\a", True),
        (r"\a", "a", True),
        (".", "a", False),
        ("a+", "aa", False),
        ("(a|b)", "a", False),
        ("x*?", "xy", True),
        ("x*?", "x", False),
        ("*b?*", "abc", True),
        ("*b?*", "ab", False),
        ("**a**", "bab", True),
        ("a*", 5, False),
        ("*", None, False),
        ("*", ["a"], False),
    ],
)
def test_match_takes_the_whole_text(pattern: str, text: Any, result: bool) -> None:
    one = message(traits={"text": text})
    assert parse(f'match(traits.text, "{pattern}")').matches(one) is result
    assert parse(f"match(traits.text, '{pattern}')").matches(one) is result


def test_a_quote_in_a_pattern_is_escaped_or_stands_in_the_other_kind() -> None:
    said = message(traits={"text": 'say "it\'s"'})
    assert parse(r'match(traits.text, "*\"it' + r"'s\"" + '")').matches(said)
    assert parse(r"match(traits.text, '*" + r'"it\'s"' + "')").matches(said)


def test_a_pattern_in_single_quotes_can_be_written_in_double_ones() -> None:
    pattern = r"""match(event, '"\"\'*[\"x]')"""
    written = write(read(pattern, ROOTS))
    assert written == r'match(event, "\"\"\'*[\"x]")'
    assert read(written, ROOTS) == read(pattern, ROOTS)


_GLOBBING = st.text(st.sampled_from("a*?[]\\-"), max_size=4)


@given(_GLOBBING, _GLOBBING)
def test_a_text_made_a_pattern_fits_itself_only(text: str, other: str) -> None:
    assert fits(literal(text))(text)
    assert fits(literal(text))(other) is (text == other)


def test_a_pattern_that_invites_backtracking_is_decided_at_once() -> None:
    text = "a" * 30_000
    for pattern in ("*a*a*a*a*a*a*a*a*a*b", "*" + "?*" * 200 + "b", "*[a]*[a]*[a]*[a]*[a]*b"):
        assert not parse(f'match(traits.text, "{pattern}")').matches(message(traits={"text": text}))


@pytest.mark.parametrize(
    "function", sorted(name for name, function in FUNCTIONS.items() if function.settles)
)
def test_what_a_function_settles_on_it_keeps(function: str) -> None:
    apply = FUNCTIONS[function].apply

    @given(st.text(st.characters(max_codepoint=127)))
    def keeps(text: str) -> None:
        assert apply(apply(text)) == apply(text)

    keeps()


def test_functions_take_each_others_results() -> None:
    one = message(event="Order Completed", traits={"n": "12"})
    assert parse('uppercase(snakecase(event)) = "ORDER_COMPLETED"').matches(one)
    assert parse("length(string(length(event))) = 2").matches(one)
    assert parse('match(lowercase(event), "order*")').matches(one)
    assert parse("number(traits.n) >= 12 and bool(number(traits.n))").matches(one)
    assert parse("typeof(number(traits.x)) = 'null'").matches(one)


@pytest.mark.parametrize(("value", "holds"), [("true", True), ("false", False), ("x", False)])
def test_bool_is_a_condition_and_unknown_is_no(value: str, holds: bool) -> None:
    one = message(traits={"vip": value})
    assert parse("bool(traits.vip)").matches(one) is holds
    assert parse("!bool(traits.vip)").matches(one) is not holds
    assert parse("bool(traits.vip) = null").matches(one) is (value == "x")
