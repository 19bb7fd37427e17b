"""Mappings and events that hypothesis makes up: valid ones, and ones of any kind."""

from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "x y", "userId", "length")
TEXTS = ("", "a", "hello", "Straße", "0", "  ", '{"a":[1,null]}', "null", "{{a}}", "$.a", "aXbxA")
MORE_TEXTS = ("$&", "élan", "😀x", "1e3", "a.b", "'")

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 12),
    st.integers(),
    st.sampled_from([0.0, -0.0, 1.0, 2.5, 1e21, 1e-7, 123456.789, 0.1]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([*TEXTS, *MORE_TEXTS]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=8,
)
events = st.dictionaries(st.sampled_from(NAMES), values, max_size=5)

_steps = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(["0", "1", "[0]", "['a']", '["x y"]', "[a]", "a]", "'", "$", "$.b", "."]),
)
paths = st.builds(
    lambda start, steps: start + ".".join(steps),
    st.sampled_from(["", "$.", "$."]),
    st.lists(_steps, max_size=3),
)
_places = paths.filter(lambda path: "}" not in path)
templates = st.lists(
    st.one_of(
        st.sampled_from(["x ", "{", "}", "$", "}}", "{{", " "]),
        st.builds("{{{{{}}}}}".format, _places),
        st.builds("{{{{ {} }}}}".format, _places),
        st.builds("{{{{{{{}}}}}}}".format, _places),
    ),
    max_size=4,
).map("".join)
_patterns = st.sampled_from(["a", "l", "x", "X", "1", "ß", "  ", "é", "tr", "$"])
_replacements = st.sampled_from(["", "Z", "$&$&", "$`", "$'", "$$", "$1", "$"])


def _directives(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Every directive but `@liquid`, with parts made of `inner`, as Segment takes them."""
    shapes = st.dictionaries(st.sampled_from(["k", "a", "b"]), inner, max_size=3)
    directive = inner.filter(_is_directive) | paths.map(lambda path: {"@path": path})
    texts = directive | st.sampled_from([*TEXTS, *MORE_TEXTS])
    condition = inner.filter(_is_no_falsy_literal)
    some = directive | shapes
    return st.one_of(
        (paths | directive).map(lambda argument: {"@path": argument}),
        (templates | directive).map(lambda argument: {"@template": argument}),
        inner.map(lambda argument: {"@literal": argument}),
        inner.map(lambda argument: {"@excludeWhenNull": argument}),
        _of("@if", {"exists": condition}, {"then": inner, "else": inner}),
        _of("@if", {"blank": condition}, {"then": inner, "else": inner}),
        _of("@case", {"operator": st.sampled_from(["lower", "upper"]), "value": texts}, {}),
        _of(
            "@replace",
            {"pattern": _patterns, "value": texts},
            {
                "replacement": _replacements,
                "pattern2": _patterns,
                "replacement2": _replacements,
                "ignorecase": st.booleans(),
                "global": st.booleans(),
            },
        ),
        _of(
            "@json",
            {"mode": st.sampled_from(["encode", "decode", "DECODE"]), "value": condition},
            {},
        ),
        st.tuples(paths | directive).map(lambda argument: {"@arrayPath": list(argument)}),
        st.tuples(paths | directive, some | scalars).map(
            lambda argument: {"@arrayPath": list(argument)}
        ),
        _of(
            "@flatten",
            {"separator": st.sampled_from([".", "_", "--"]), "value": inner},
            {"omitArrays": st.booleans()},
        ),
        _of(
            "@merge",
            {
                "direction": st.sampled_from(["left", "right", "LEFT"]),
                "objects": st.lists(some, max_size=3),
            },
            {},
        ),
        _of("@transform", {"apply": some, "mapping": some}, {}),
    )


def _of(
    name: str, needed: dict[str, st.SearchStrategy[Any]], more: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(needed, optional=more).map(lambda argument: {name: argument})


def _is_directive(raw: Any) -> bool:
    return isinstance(raw, dict) and any(key.startswith("@") for key in raw)


def _is_no_falsy_literal(raw: Any) -> bool:
    return isinstance(raw, dict | list) or bool(raw)


mappings = st.recursive(
    scalars | paths.map(lambda path: {"@path": path}),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["k", "a", "b"]), inner, max_size=3),
        _directives(inner),
        _directives(inner),
        _directives(inner),
    ),
    max_leaves=8,
)

_options = st.dictionaries(
    st.sampled_from(
        ["on_error", "default", "zone", "from", "to", "keys", "table", "trim", "lower"]
    ),
    st.sampled_from(
        ["drop", "keep", "fail", "Europe/Berlin", "iso", "unix", "yyyy-MM-dd", "a*", ["*"], True]
    )
    | st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["a", 1, "x*"]), max_size=2),
    max_size=3,
)
_own = st.sampled_from(
    [
        "@date",
        "@number",
        "@boolean",
        "@string",
        "@lookup",
        "@hash",
        "@pick",
        "@omit",
        "@rename",
        "@first",
    ]
)
_liquids = st.lists(
    st.sampled_from(
        [
            "{{ a }}",
            "{{ userId | upcase }}",
            "{{ a.b | json }}",
            "{{ b | plus: 1 }}",
            "{% if a > 1 %}x{% else %}y{% endif %}",
            "{% assign q = a | split: 'l' %}",
            "{{ q | join: b }}",
            "{{ a | date: '%Y-%m-%d' }}",
            "{{ b[0].a }}",
            "{{ a | round: b }}",
            "{{ (1..a) }}",
            "{{ a | slice: b, 2 }}",
            "{% if a contains b %}c{% endif %}",
            "{{ a | times: b | divided_by: a }}",
            "{{ a | truncate: b }}",
            "{{ a | where: 'b' | size }}",
            "{{ a | url_decode | base64_decode }}",
        ]
    ),
    max_size=4,
).map("".join)


def _anything(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Directives that may or may not make sense."""
    name = st.sampled_from(
        [
            "@path",
            "@template",
            "@literal",
            "@if",
            "@case",
            "@replace",
            "@json",
            "@arrayPath",
            "@flatten",
            "@merge",
            "@transform",
            "@excludeWhenNull",
            "@liquid",
            "@bogus",
        ]
    )
    argument = inner | st.dictionaries(
        st.sampled_from(["exists", "blank", "then", "else", "value", "operator", "pattern"]), inner
    )
    own = st.tuples(_own, inner, _options).map(lambda parts: {parts[0]: parts[1], **parts[2]})
    return st.one_of(
        own,
        own,
        st.tuples(name, argument).map(lambda parts: {parts[0]: parts[1]}),
        _liquids.map(lambda text: {"@liquid": text}),
    )


any_mappings = st.recursive(
    mappings,
    lambda inner: _anything(inner) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
