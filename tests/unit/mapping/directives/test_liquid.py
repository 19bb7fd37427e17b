"""`@liquid`: what a template gives, what is not there, and that it can't run away."""

from typing import Any

import pytest

from daemon.mapping.directives import MappingFailed, compile_mapping
from daemon.mapping.directives.liquid_filters import DISABLED, FILTERS
from tests.unit.mapping.directives.evaluating import FAILED, REFUSED, outcome, problems

EVENT: dict[str, Any] = {
    "a": {"b": [1, 2.5, None, "x"], "s": "hello"},
    "n": None,
    "z": 0,
    "t": True,
    "fa": False,
    "e": "",
    "fl": 1.0,
    "fi": 3.7,
    "big": 1e21,
    "neg": -5.5,
    "num": 7,
    "s": "Hello World",
    "ws": "  a  b  ",
    "html": "<b>&'\"x</b>",
    "d": "2026-01-02T03:04:05Z",
    "l": ["a", "b", None, 3],
    "o": {"k": 1},
    "em": "😀x",
    "partial": "own",
    "now": "own now",
    "flags": [{"v": True}, {"v": False}, {"v": None}, {}],
    "items": [{"id": 1}, {"id": 2}, 5, None],
}


def rendered(template: str) -> Any:
    return outcome({"@liquid": template}, EVENT)


OUTPUT = [
    ("test", "test"),
    ("{{ a.s }}", "hello"),
    ("{{ a['s'] }}{{ a.b[3] }}{{ a.b.0 }}{{ l[-1] }}", "hellox13"),
    ("{{ nope }}{{ nope.deep.er }}{{ n }}{{ n.x }}{{ z.x }}", ""),
    ("{{ t }}{{ fa }}{{ fl }} {{ fi }} {{ big }}", "truefalse1 3.7 1e+21"),
    ("{{ 5 }} {{ 5.50 }} {{ 'x' }} {{ true }} {{ nil }}", "5 5.5 x true "),
    ("{{ l }}|{{ o }}|{{ a.b }}", "ab3|[object Object]|12.5x"),
    ("{{ a.s.size }}{{ s.length }}{{ l.size }}{{ l.length }}{{ o.size }}{{ em.size }}", "5114413"),
    ("{{ l.first }}{{ l.last }}{{ s[0] }}", "a3H"),
    ("{{ (1..3) }}{{ empty }}{{ blank }}", "123"),
    ("{{ (1000000..1000001) }}{{ (3..1) }}", "10000001000001"),
    ("{{ partial }} {{ now }} {{ today }}", "own own now "),
    ("{{ o.constructor }}{{ o.toString }}{{ o.keys }}{{ s.upper }}{{ o.__class__ }}", ""),
    ("{% if z %}y{% endif %}{% if e %}y{% endif %}{% if n %}y{% else %}n{% endif %}", "yyn"),
    ("{% if num > 5 and s contains 'World' %}y{% endif %}", "y"),
    ("{% if not fa %}y{% endif %}{% unless t %}y{% else %}n{% endunless %}", "yn"),
    ("{% if t %}a{% elsif fa %}b{% else %}c{% endif %}{% if fl == 1 %}y{% endif %}", "ay"),
    ("{% if e == empty %}y{% endif %}{% if ws == blank %}n{% endif %}", "y"),
    ("{% assign x = s | upcase %}{{ x }}", "HELLO WORLD"),
    ("{% capture x %}a{{ fl }}{% endcapture %}{{ x }}{{ x }}", "a1a1"),
    ("{% increment c %}{% increment c %}{% decrement d1 %}", "01-1"),
    ("{% comment %}x{% endcomment %}{% raw %}{{ x }}{% endraw %}{% # note %}", "{{ x }}"),
    ("{% echo fl %}{% liquid\n echo s\n assign q = 1\n%}{{ q }}", "1Hello World1"),
    ("{%- if t -%} y {%- endif -%} z", "yz"),
    ("{% if t %}  {% endif %}|", "  |"),
    ("a\r\nb{{ 'x' }}", "a\r\nbx"),
    ("{% capture x %}a\r\nb{% endcapture %}{{ x }}", "a\r\nb"),
]


@pytest.mark.parametrize(("template", "text"), OUTPUT)
def test_a_template_gives_what_it_gives_at_segment(template: str, text: str) -> None:
    assert rendered(template) == text


FILTERED = [
    ("7 | divided_by: 2", "3.5"),
    ("10 | divided_by: 4, true", "2"),
    ("7 | divided_by: 0", "Infinity"),
    ("0 | divided_by: 0", "NaN"),
    ("7 | times: 1.1", "7.700000000000001"),
    ("0.1 | plus: 0.2", "0.30000000000000004"),
    ("'7' | plus: '2'", "9"),
    ("'12abc' | plus: 1", "1"),
    ("n | plus: 1", "1"),
    ("true | plus: 1", "2"),
    ("3 | minus: 5.5", "-2.5"),
    ("-7 | modulo: 3", "2"),
    ("7 | modulo: 0", "NaN"),
    ("9007199254740993 | plus: 0", "9007199254740992"),
    ("fi | ceil", "4"),
    ("'4.6' | floor", "4"),
    ("2.5 | round", "3"),
    ("-2.5 | round", "-3"),
    ("1.005 | round: 2", "1.01"),
    ("1234 | round: -2", "1200"),
    ("neg | abs", "5.5"),
    ("5 | at_most: 3", "3"),
    ("1 | at_least: 3", "3"),
    ("s | append: '!'", "Hello World!"),
    ("num | append: fl", "71"),
    ("n | append: n", ""),
    ("o | append: 'x'", "[object Object]x"),
    ("s | prepend: 5", "5Hello World"),
    ("'éA bC' | capitalize", "Éa bc"),
    ("s | upcase", "HELLO WORLD"),
    ("s | downcase", "hello world"),
    ("html | escape", "&lt;b&gt;&amp;&#39;&#34;x&lt;/b&gt;"),
    ("'&lt;<' | escape_once", "&lt;&lt;"),
    ("ws | strip | append: '|'", "a  b|"),
    ("ws | lstrip | append: '|'", "a  b  |"),
    ("ws | rstrip | append: '|'", "  a  b|"),
    ("ws | squish", "a b"),
    ("s | remove: 'l'", "Heo Word"),
    ("s | remove_first: 'l'", "Helo World"),
    ("s | remove_last: 'l'", "Hello Word"),
    ("s | replace: 'l', 'L'", "HeLLo WorLd"),
    ("s | replace: 'l'", "Heo Word"),
    ("'abc' | replace: '', '-'", "a-b-c"),
    ("s | replace_first: 'l', '$&'", "He$&lo World"),
    ("s | replace_last: 'l', 'L'", "Hello WorLd"),
    ("'ab' | replace_last: 'c', 'd'", "ab"),
    ("'ab' | replace_last: 'a', 'd'", "db"),
    ("s | size", "11"),
    ("em | size", "3"),
    ("l | size", "4"),
    ("o | size", "0"),
    ("s | slice: 1, 3", "ell"),
    ("s | slice: -3, 2", "rl"),
    ("s | slice: 20", ""),
    ("l | slice: 1, 2 | join: ','", "b,"),
    ("s | split: ' ' | join: '-'", "Hello-World"),
    ("'abc' | split: '' | join: '-'", "a-b-c"),
    ("'a,,b,,' | split: ',' | join: '-'", "a--b"),
    ("html | strip_html", "&'\"x"),
    ("'<script>x</script>a<!-- <b> -->c<d>e' | strip_html", "ace"),
    ("'a<b' | strip_html", "a<b"),
    ("'<script>abc' | strip_html", "abc"),
    ("'<a>b</a' | strip_html", "b</a"),
    ("'a<!-- b>c' | strip_html", "ac"),
    ("'a<!-- b' | strip_html", "a<!-- b"),
    ("'x<script>y</script>z<script>w' | strip_html", "xzw"),
    ("'<STYLE>x</STYLE>y<style>z</style>' | strip_html", "xy"),
    ("s | truncate: 8", "Hello..."),
    ("s | truncate: 5, ''", "Hello"),
    ("s | truncate: 2", "..."),
    ("s | truncatewords: 1", "Hello..."),
    ("s | truncatewords: 2", "Hello World"),
    ("'é&ü' | url_encode", "%C3%A9%26%C3%BC"),
    ("s | url_encode", "Hello+World"),
    ("'a+b%20c' | url_decode", "a b c"),
    ("'é /?' | uri_escape", "%C3%A9%20/?"),
    ("n | default: 'd'", "d"),
    ("fa | default: 'd'", "d"),
    ("fa | default: 'd', allow_false: true", "false"),
    ("e | default: 'd'", "d"),
    ("z | default: 'd'", "0"),
    ("l | join", "a b  3"),
    ("l | first", "a"),
    ("s | last", "d"),
    ("l | compact | join", "a b 3"),
    ("items | sum: 'id'", "3"),
    ("items | where: 'id' | size", "2"),
    ("items | where: 'id', 2 | size", "1"),
    ("flags | where: 'v' | size", "1"),
    ("l | push: 5 | pop | shift | unshift: 0 | join", "0 b  3"),
    ("s | base64_encode", "SGVsbG8gV29ybGQ="),
    ("'SGk=' | base64_decode", "Hi"),
    ("'x' | sha256", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
    ("a | json", '{"b":[1,2.5,null,"x"],"s":"hello"}'),
    ("'5.9' | to_integer", "5.9"),
    ("s | number_of_words", "2"),
    ("d | date: '%Y-%m-%d %H:%M:%S %z'", "2026-01-02 03:04:05 +0000"),
    ("d | date: '%b %e %-d %j %s %q %P'", "Jan  2 2 002 1767323045 nd am"),
    ("d | date: '%B %A %y %C %h %l %I %p %L %3N'", "January Friday 26 20 Jan  3 03 AM 000 000"),
    ("d | date: '%u %w %U %W'", "5 5 00 00"),
    ("d | date: '%^b %_m %0e %:z %Z %% %c %F'", "JAN  1 02 +00:00 UTC % 1/2/2026, 3:04:05 AM %F"),
    ("d | date", "Friday, January 2, 2026 at 3:04 am +0000"),
    ("d | date: '%H:%M', 'Europe/Berlin'", "04:04"),
    ("d | date: '%H:%M', 120", "01:04"),
    ("'2026-01-02T03:04:05+02:00' | date: '%H %z'", "01 +0000"),
    ("0 | date: '%Y-%m-%d'", "1970-01-01"),
    ("'1700000000' | date: '%Y'", "2023"),
    ("'garbage' | date: '%Y'", "garbage"),
    ("n | date: '%Y'", ""),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "text"), FILTERED)
def test_filters_give_what_they_give_at_segment(expression: str, text: str) -> None:
    assert rendered(f"{{{{ {expression} }}}}") == text


def test_every_filter_is_tried_above() -> None:
    tried = " ".join(expression for expression, _ in FILTERED)
    same_as_another = {
        "cgi_escape", "inspect", "jsonify", "normalize_whitespace", "raw", "strip_newlines",
        "xml_escape",
    }  # fmt: skip
    for name in set(FILTERS) - same_as_another:
        assert f"| {name}" in tried, name
    assert rendered("{{ s | cgi_escape }}{{ l | jsonify }}{{ l | inspect }}") == (
        'Hello+World["a","b",null,3]["a","b",null,3]'
    )
    assert rendered("{{ ws | normalize_whitespace }}{{ html | xml_escape | raw }}") == (
        " a b &lt;b&gt;&amp;&#39;&#34;x&lt;/b&gt;"
    )
    assert rendered('{{ "a\nb\r\nc" | strip_newlines }}') == "abc"


@pytest.mark.parametrize(
    "tag",
    [
        "{% case x %}{% endcase %}",
        "{% for x in l %}{% endfor %}",
        "{% include 'x' %}",
        "{% layout 'x' %}",
        "{% render 'x' %}",
        "{% tablerow x in l %}{% endtablerow %}",
        "{% if fa %}{% for x in l %}{% endfor %}{% endif %}",
        "{% liquid\n for i in l\n echo i\n endfor %}",
    ],
)
def test_tags_that_loop_or_load_are_refused(tag: str) -> None:
    (problem,) = problems({"@liquid": tag})
    assert problem.startswith("/@liquid: must be Liquid: unexpected tag ")


@pytest.mark.parametrize("name", sorted(DISABLED))
def test_filters_segment_turns_off_are_refused(name: str) -> None:
    assert problems({"@liquid": f"{{{{ l | {name}: 'x' }}}}"}) == [
        f"/@liquid: must do without `{name}`: it is turned off, as in Segment"
    ]


@pytest.mark.parametrize(
    "template",
    [
        "{{ }}",
        "{{}}",
        "{{ $.a.s }}",
        "{{ a.s",
        "{% if",
        "{% if t %}y",
        "{% bogus %}",
        "{% elsif x %}",
    ],
)
def test_what_is_no_liquid_is_refused(template: str) -> None:
    (problem,) = problems({"@liquid": template})
    assert problem.startswith("/@liquid: must be Liquid: ")
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ when | date: '%Y' }}", "there is no clock in a mapping, so no `now`"),
        ("{{ d | date: '%Y', zone }}", "there is no time zone of that name"),
        ("{{ s | append }}", "Liquid gave up: LiquidTypeError"),
        ("{% if num > s %}{% endif %}", "Liquid gave up: LiquidTypeError"),
        ("{{ bad | base64_decode }}", "Liquid gave up: Error"),
    ],
)
def test_what_cannot_be_rendered_fails_with_a_reason(template: str, reason: str) -> None:
    event = {
        "when": "now",
        "d": "2026-01-02",
        "zone": "Mars/Olympus",
        "num": 1,
        "s": "secret",
        "bad": "***",
    }
    with pytest.raises(MappingFailed) as caught:
        compile_mapping({"@liquid": template}, "f").evaluate(event)
    assert (caught.value.place, caught.value.reason) == ("f/@liquid", reason)


LONG = "x" * 30_000
HUGE: dict[str, Any] = {
    "x": LONG,
    "y": "," * 30_000,
    "n": 10**400,
    "l": ["a"] * 15_000,
    "r": 10**30,
}


@pytest.mark.parametrize(
    "template",
    [
        "{{ x | replace: '', x }}",
        "{{ x | replace: 'x', x }}",
        "{{ l | join: x }}",
        "{{ y | split: '' | join: x }}",
        "{% assign q = x %}" + "{% assign q = q | append: q %}" * 20,
        "{% capture q %}{{ x }}{% endcapture %}" + "{% capture q %}{{q}}{{q}}{% endcapture %}" * 20,
        "{{ x }}" * 20,
        "{{ (1..r) }}",
        "{{ (1..r) | join: ',' }}",
        "{{ (l.size..r) | size }}",
        "{{ x | url_encode | url_encode }}{{ y | url_encode | url_encode | url_encode }}" * 3,
    ],
)
def test_what_would_grow_without_end_fails(template: str) -> None:
    assert outcome({"@liquid": template}, HUGE) == FAILED


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{% assign q = n %}" + "{% assign q = q | times: q %}" * 20 + "{{ q }}", "Infinity"),
        ("{{ n | plus: 1 | round: 5 | ceil | floor | abs }}", "Infinity"),
        ("{{ 2 | round: 999999999 }}", "2"),
        ("{{ x | slice: 0, r | size }}", "30000"),
        ("{{ x | truncate: r | size }}", "30000"),
        ("{{ 'a' | date: x }}", "a"),
    ],
)
def test_large_numbers_cost_nothing(template: str, text: str) -> None:
    assert outcome({"@liquid": template}, HUGE) == text


def test_blocks_are_nested_no_deeper_than_bounded() -> None:
    assert outcome({"@liquid": "{% if t %}" * 31 + "{% endif %}" * 31}, EVENT) == REFUSED
    assert outcome({"@liquid": "{{ " + "a[" * 300 + "0" + "]" * 300 + " }}"}, EVENT) in (
        "",
        FAILED,
        REFUSED,
    )


def test_a_deep_value_fails_instead_of_overflowing() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    for template in ("{{ v }}", "{{ v | json }}", "{{ v | join }}", "{{ v | append: 'x' }}"):
        assert outcome({"@liquid": template}, {"v": deep}) == FAILED
