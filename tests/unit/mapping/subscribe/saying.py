"""Conditions and messages, generated, and the two forms of one message."""

from typing import Any

from hypothesis import strategies as st

from daemon.domain.messages import SEGMENT_TYPES, Message
from daemon.mapping.subscribe.functions import FUNCTIONS
from daemon.mapping.subscribe.roots import ROOTS
from daemon.mapping.subscribe.syntax import (
    Call,
    Comparison,
    Conjunction,
    Constant,
    Disjunction,
    Membership,
    Negation,
    Node,
    Path,
    Pattern,
)

WORDS = ("A", "b", "", "Order Completed", 'q"', "back\\", "É", "\ud800", "true", "12", "*", "track")
NUMBERS = (0, 1, -1, 2, 1.0, 1.5, 12, 1e300, 10**20)
GLOBS = ("*", "", "A", "A*", "*b", "*r*", "?", "[A-b]*", "*[dq]?", "O*C*d", r"\*", r"*\"", "**e?")

_ROOTS = {root.name: root for root in ROOTS}
names = st.sampled_from(["a", "b", "0", "x y", "k.d"])
texts = st.sampled_from(WORDS)
numbers = st.sampled_from(NUMBERS)
scalars = texts | numbers | st.booleans() | st.none()
json = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(texts | names, below, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(names, json, max_size=3)
payloads = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(SEGMENT_TYPES)), "messageId": texts},
    optional={
        **dict.fromkeys(("event", "name", "category", "userId", "groupId"), texts | st.none()),
        **dict.fromkeys(("traits", "properties", "context"), objects),
    },
)


def path(root: str, *names: str) -> Path:
    return _ROOTS[root].path(names)


def call(function: str, *arguments: Node) -> Call:
    return Call(function, arguments, FUNCTIONS[function].gives)


text_paths = st.sampled_from([path(name) for name in ("event", "name", "userId", "messageId")])
any_paths = st.builds(
    lambda root, names: path(root, *names),
    st.sampled_from(["traits", "properties", "context"]),
    st.lists(names, min_size=1, max_size=3),
)
values = text_paths | any_paths
_equal = st.sampled_from(["=", "!="])
_sign = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
_type = st.sampled_from(sorted(SEGMENT_TYPES)).map(Constant)
_cases = ("lowercase", "uppercase", "snakecase", "kebabcase", "titlecase")


def _settled(function: str, text: str) -> Constant:
    return Constant(FUNCTIONS[function].apply(text))


leaves: st.SearchStrategy[Node] = st.one_of(
    st.builds(Comparison, _equal, st.just(path("type")), _type),
    st.builds(Comparison, _equal, values, texts.map(Constant)),
    st.builds(Comparison, _equal, any_paths, scalars.map(Constant)),
    st.builds(Comparison, _sign, any_paths, numbers.map(Constant)),
    st.builds(Comparison, _sign, any_paths, any_paths),
    st.builds(Membership, any_paths, st.lists(scalars, min_size=1, max_size=4).map(tuple)),
    st.builds(Membership, text_paths, st.lists(texts, min_size=1, max_size=4).map(tuple)),
    st.builds(lambda one, part: call("contains", one, part), values, values | texts.map(Constant)),
    st.builds(lambda one, glob: call("match", one, Pattern(glob)), values, st.sampled_from(GLOBS)),
    values.map(lambda one: call("bool", one)),
    st.builds(
        lambda sign, one, number: Comparison(sign, call("length", one), Constant(number)),
        _sign,
        values,
        numbers,
    ),
    st.builds(
        lambda one, kind: Comparison("=", call("typeof", one), Constant(kind)),
        values,
        st.sampled_from(["string", "number", "bool", "null", "list", "object"]),
    ),
    st.builds(
        lambda sign, one, function, text: Comparison(
            sign, call(function, one), _settled(function, text)
        ),
        _equal,
        values,
        st.sampled_from(_cases),
        texts,
    ),
    st.builds(
        lambda sign, one, number: Comparison(sign, call("number", one), Constant(number)),
        _sign,
        values,
        numbers,
    ),
    st.builds(
        lambda sign, one, text: Comparison(sign, call("string", one), Constant(text)),
        _equal,
        values,
        texts,
    ),
)
conditions: st.SearchStrategy[Node] = st.recursive(
    leaves,
    lambda below: st.one_of(
        st.builds(Negation, below),
        st.lists(below, min_size=2, max_size=4).map(lambda some: Conjunction(tuple(some))),
        st.lists(below, min_size=2, max_size=4).map(lambda some: Disjunction(tuple(some))),
        st.builds(Comparison, _equal, below, st.booleans().map(Constant)),
    ),
    max_leaves=8,
)


def message_of(payload: dict[str, Any]) -> Message:
    return Message(
        type=payload["type"],
        message_id=payload["messageId"],
        received_at=1,
        effective_at=1,
        source="web",
        user_id=payload.get("userId"),
        event=payload.get("event"),
        name=payload.get("name"),
        category=payload.get("category"),
        group_id=payload.get("groupId"),
        traits=payload.get("traits", {}),
        properties=payload.get("properties", {}),
        context=payload.get("context", {}),
    )


def payload_of(one: Message) -> dict[str, Any]:
    said = {
        "type": one.type,
        "messageId": one.message_id,
        "userId": one.user_id,
        "anonymousId": one.anonymous_id,
        "event": one.event,
        "name": one.name,
        "category": one.category,
        "groupId": one.group_id,
        "traits": one.traits,
        "properties": one.properties,
        "context": one.context,
    }
    return {name: value for name, value in said.items() if value is not None}
