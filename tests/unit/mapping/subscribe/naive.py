"""What a condition says of a message, as plainly as can be: the judge of the compiled form."""

from typing import Any

from daemon.mapping.subscribe.functions import FUNCTIONS
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


def holds(node: Node, payload: dict[str, Any]) -> bool:
    """What a condition says of a message, read off the tree step by step."""
    match node:
        case Negation():
            return not holds(node.condition, payload)
        case Conjunction():
            return all(holds(each, payload) for each in node.conditions)
        case Disjunction():
            return any(holds(each, payload) for each in node.conditions)
        case Membership():
            found = value_of(node.value, payload)
            return any(is_equal(found, each) for each in node.among)
        case Comparison():
            left, right = value_of(node.left, payload), value_of(node.right, payload)
            return compares(node.sign, left, right)
        case _:
            return value_of(node, payload) is True


def value_of(node: Node, payload: dict[str, Any]) -> Any:
    match node:
        case Path():
            return found_at(payload, [node.root, *node.names])
        case Constant():
            return node.value
        case Call(function="contains"):
            text, part = (value_of(each, payload) for each in node.arguments)
            return isinstance(text, str) and isinstance(part, str) and part in text
        case Call(function="match", arguments=(text, Pattern(glob))):
            found = value_of(text, payload)
            return isinstance(found, str) and fits(glob, found)
        case Call():
            return FUNCTIONS[node.function].apply(value_of(node.arguments[0], payload))
        case _:
            return holds(node, payload)


def found_at(value: Any, names: list[str]) -> Any:
    for name in names:
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name in [str(index) for index in range(len(value))]:
            value = value[int(name)]
        else:
            return None
    return value


def is_equal(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return set(left) == set(right) and all(is_equal(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_equal, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def compares(sign: str, left: Any, right: Any) -> bool:
    if sign in ("=", "!="):
        return is_equal(left, right) is (sign == "=")
    if any(isinstance(side, bool) or not isinstance(side, int | float) for side in (left, right)):
        return False
    return bool(
        {"<": left < right, "<=": left <= right, ">": left > right}.get(sign, left >= right)
    )


def fits(glob: str, text: str) -> bool:
    """A pattern against a text, one character at a time, trying everything."""
    if not glob:
        return not text
    if glob[0] == "*":
        return fits(glob[1:], text) or (text != "" and fits(glob, text[1:]))
    if not text:
        return False
    if glob[0] == "[":
        end = glob.index("]")
        return in_set(glob[1:end], text[0]) and fits(glob[end + 1 :], text[1:])
    if glob[0] == "\\":
        return glob[1] == text[0] and fits(glob[2:], text[1:])
    return glob[0] in ("?", text[0]) and fits(glob[1:], text[1:])


def in_set(members: str, character: str) -> bool:
    while members:
        if members[1:2] == "-" and len(members) > 2:
            if members[0] <= character <= members[2]:
                return True
            members = members[3:]
        elif members[0] == character:
            return True
        else:
            members = members[1:]
    return False
