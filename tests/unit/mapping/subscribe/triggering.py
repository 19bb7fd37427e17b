"""Triggers as people and Segment's own editor write them, well and badly; and messages for them."""

from typing import Any

from hypothesis import strategies as st

from daemon.domain.messages import SEGMENT_TYPES

_TEXTS = ("A", "b", "", "track", "Order Completed", "a*b", "eos", "null", "true", "é", "5", "x\\")
_NAMES = (
    "a",
    "b",
    "a.b",
    "a.b.length",
    "length",
    r"first\ name",
    r"a\.b",
    r"a\[0\]",
    "constructor",
)
texts = st.sampled_from(_TEXTS)
numbers = st.sampled_from(["0", "5", "-1", "1.5", "1e3", "9007199254740993", "007"])
fields = st.sampled_from(["type", "event", "name", "userId"]) | st.builds(
    "{}.{}".format, st.sampled_from(["properties", "traits", "context"]), st.sampled_from(_NAMES)
)
signs = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", " = ", " != "])
quoted = texts.map(lambda text: f'"{text}"')
quoted_types = st.sampled_from([*sorted(SEGMENT_TYPES), "Track"]).map(lambda name: f'"{name}"')
values = st.one_of(
    quoted,
    numbers,
    st.sampled_from(["true", "false", "null", "track", "'A'", '= "A"', "b", '["A"]', "", "event"]),
)
patterns = st.sampled_from(["*", "A*", "*b", "*a*", "A", "", "a*b", "O?der*", r"*[ab]", r"\**"])
functions = st.one_of(
    st.builds("contains({}, {})".format, fields, quoted),
    st.builds('match({}, "{}")'.format, fields, patterns),
    st.builds("contains({},{})".format, fields, values),
    st.builds("lowercase({}) = {}".format, fields, values),
)
plain = st.one_of(
    st.builds("{}{}{}".format, fields, signs, values),
    st.builds("{} = {}".format, fields, quoted),
    st.builds("type {} {}".format, st.sampled_from(["=", "!="]), quoted_types),
    st.builds("{}{}".format, st.sampled_from(["", "!"]), functions),
    st.sampled_from(
        ['event in ["A", "b"]', "anonymousId != null", 'properties.a.0 = "A"', "typo", "type", "!"]
    ),
)
joints = st.sampled_from([" and ", " or ", " and ", " or ", " AND ", " && ", " not ", " "])


@st.composite
def groups(draw: st.DrawFn, parts: st.SearchStrategy[str]) -> str:
    some = draw(st.lists(parts, min_size=1, max_size=4))
    text = some[0]
    for part in some[1:]:
        text += draw(joints) + part
    return text + draw(st.sampled_from(["", "", "", " and", " or"]))


triggers = groups(plain | groups(plain).map("({})".format) | groups(plain).map("!({})".format))
wild = st.text(st.sampled_from("type=\"track'!()[]andor .\\<>,*5-null"), max_size=30)

json = st.recursive(
    st.sampled_from([*_TEXTS, 0, 1, 5, -1, 1.5, 5.0, 10**17, 2**53, True, False, None]),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "first name", "0"]), below, max_size=3)
    ),
    max_leaves=5,
)
_objects = st.dictionaries(
    st.sampled_from(["a", "b", "a.b", "first name", "length"]), json, max_size=4
)
_labels = st.none() | texts
events: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(SEGMENT_TYPES))},
    optional={
        **dict.fromkeys(("event", "name", "userId"), _labels),
        **dict.fromkeys(("properties", "traits", "context"), _objects),
    },
)
