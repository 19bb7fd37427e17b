"""Mappings and events that hypothesis makes up: valid ones, and ones of any kind."""

from collections.abc import Callable
from typing import Any, TypeAlias

from hypothesis import strategies as st

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

NAMES = ("a", "b", "x y", "userId", "length")
SHAPE_NAMES = ("k", "a", "b")
TEXTS = ("", "a", "hello", "Straße", "0", "  ", '{"a":[1,null]}', "null", "{{a}}", "$.a", "aXbxA")
MORE_TEXTS = ("$&", "élan", "😀x", "1e3", "a.b", "'", "2026-11-20T13:37:19Z", "12", "yes")
OWN = (
    "date",
    "number",
    "boolean",
    "string",
    "lookup",
    "hash",
    "pick",
    "omit",
    "rename",
    "first",
)
DEEPEST = 4

texts = st.sampled_from([*TEXTS, *MORE_TEXTS])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 12),
    st.integers(),
    st.sampled_from([0.0, -0.0, 1.0, 2.5, 1e21, 1e-7, 123456.789, 0.1]),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
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
_steps = st.sampled_from(
    [*NAMES, "0", "1", "[0]", "['a']", '["x y"]', "[a]", "a]", "'a']]", "'", "$", "."]
)
paths = st.builds(
    lambda start, steps: start + ".".join(steps),
    st.sampled_from(["", "$.", "$."]),
    st.lists(_steps, max_size=3),
)
templates = st.lists(
    st.one_of(
        st.sampled_from(["x ", "{", "}", "$", "}}", "{{", " "]),
        paths.map("{{{{{}}}}}".format),
        paths.map("{{{{ {} }}}}".format),
        paths.map("{{{{{{{}}}}}}}".format),
    ),
    max_size=4,
).map("".join)
liquids = st.lists(
    st.sampled_from(
        [
            "{{ a }}",
            "{{ userId | upcase }}",
            "{{ a.b | json }}",
            "{{ b | plus: 1 }}",
            "{% if a > 1 %}x{% else %}y{% endif %}",
            "{% assign q = a | split: 'l' %}",
            "{{ q | join: b }}",
            "{{ a | date: '%Y-%m-%d', b }}",
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

_seldom = st.integers(0, 4).map(lambda number: number == 4)


@st.composite
def mappings(draw: Draw) -> Any:
    """Segment's language as Segment takes it, without `@liquid`."""
    return _value(draw, 0)


@st.composite
def any_mappings(draw: Draw) -> Any:
    """Directives of all kinds, which may or may not make sense."""
    kind = draw(st.sampled_from(["valid", "own", "own", "odd", "liquid", "object"]))
    if kind == "object":
        return {name: draw(any_mappings()) for name in draw(st.sets(st.sampled_from(NAMES)))}
    if kind == "liquid":
        return {"@liquid": draw(liquids)}
    if kind == "own":
        argument = _value(draw, 2)
        if draw(st.booleans()):
            argument = draw(any_mappings())
        return {f"@{draw(st.sampled_from(OWN))}": argument, **draw(_options)}
    if kind == "odd":
        return {f"@{draw(_names | st.just('bogus'))}": _value(draw, 2)}
    return _value(draw, 0)


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


def _value(draw: Draw, depth: int) -> Any:
    kind = draw(st.sampled_from(["scalar", "object", "list", "directive", "directive"]))
    if kind == "scalar" or depth >= DEEPEST:
        return draw(scalars)
    if kind == "object":
        return _object(draw, depth)
    if kind == "list":
        return [_value(draw, depth + 1) for _ in range(draw(st.integers(0, 3)))]
    return _directive(draw, depth)


def _object(draw: Draw, depth: int) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(SHAPE_NAMES), unique=True))
    return {name: _value(draw, depth + 1) for name in names}


def _shape(draw: Draw, depth: int) -> Any:
    return _directive(draw, depth) if draw(st.booleans()) else _object(draw, depth)


def _text(draw: Draw, depth: int) -> Any:
    return draw(texts) if draw(_seldom) else _directive(draw, depth)


def _no_falsy_literal(draw: Draw, depth: int) -> Any:
    value = _value(draw, depth)
    return value if isinstance(value, dict | list) or value else "a"


def _directive(draw: Draw, depth: int) -> dict[str, Any]:
    name = draw(_names) if depth < DEEPEST else "path"
    return {f"@{name}": _ARGUMENTS[name](draw, depth + 1)}


def _with(draw: Draw, argument: dict[str, Any], **more: Callable[[], Any]) -> dict[str, Any]:
    for name, make in more.items():
        if draw(st.booleans()):
            argument[name] = make()
    return argument


def _path(draw: Draw, depth: int) -> Any:
    return _directive(draw, depth) if depth < DEEPEST and draw(_seldom) else draw(paths)


def _template(draw: Draw, depth: int) -> Any:
    return _directive(draw, depth) if depth < DEEPEST and draw(_seldom) else draw(templates)


def _if(draw: Draw, depth: int) -> dict[str, Any]:
    test = draw(st.sampled_from(["exists", "blank"]))
    return _with(
        draw,
        {test: _no_falsy_literal(draw, depth)},
        then=lambda: _value(draw, depth),
        **{"else": lambda: _value(draw, depth)},
    )


def _case(draw: Draw, depth: int) -> dict[str, Any]:
    return {"operator": draw(st.sampled_from(["lower", "upper"])), "value": _text(draw, depth)}


def _replace(draw: Draw, depth: int) -> dict[str, Any]:
    patterns = st.sampled_from(["a", "l", "x", "X", "1", "ß", "  ", "é", "tr", "$"])
    replacements = st.sampled_from(["", "Z", "$&$&", "$`", "$'", "$$", "$1", "$"])
    return _with(
        draw,
        {"pattern": draw(patterns), "value": _text(draw, depth)},
        replacement=lambda: draw(replacements),
        pattern2=lambda: draw(patterns),
        replacement2=lambda: draw(replacements),
        ignorecase=lambda: draw(st.booleans()),
        **{"global": lambda: draw(st.booleans())},
    )


def _json(draw: Draw, depth: int) -> dict[str, Any]:
    mode = draw(st.sampled_from(["encode", "encode", "decode", "decode", "DECODE"]))
    return {"mode": mode, "value": _no_falsy_literal(draw, depth)}


def _array_path(draw: Draw, depth: int) -> list[Any]:
    argument = [_path(draw, depth)]
    if draw(st.booleans()):
        argument.append(_shape(draw, depth))
    return argument


def _flatten(draw: Draw, depth: int) -> dict[str, Any]:
    separator = draw(st.sampled_from([".", "_", "--"]))
    value = {"separator": separator, "value": _value(draw, depth)}
    return _with(draw, value, omitArrays=lambda: draw(st.booleans()))


def _merge(draw: Draw, depth: int) -> dict[str, Any]:
    objects = [_shape(draw, depth) for _ in range(draw(st.integers(0, 3)))]
    return {"direction": draw(st.sampled_from(["left", "right", "LEFT"])), "objects": objects}


def _transform(draw: Draw, depth: int) -> dict[str, Any]:
    return {"apply": _shape(draw, depth), "mapping": _shape(draw, depth)}


_ARGUMENTS: dict[str, Callable[[Draw, int], Any]] = {
    "path": _path,
    "template": _template,
    "literal": _value,
    "if": _if,
    "case": _case,
    "replace": _replace,
    "json": _json,
    "arrayPath": _array_path,
    "flatten": _flatten,
    "merge": _merge,
    "transform": _transform,
    "excludeWhenNull": _value,
}
_names = st.sampled_from(["path", "path", *_ARGUMENTS])
