"""A tree as a subscribe string again: no more parentheses than needed, text in double quotes."""

import re

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
    Scalar,
)

_OR, _AND, _COMPARISON, _TIGHTEST = range(4)
_WORDS = {True: "true", False: "false", None: "null"}
_BARE = re.compile(r"[^A-Za-z0-9_-]")


def write(node: Node) -> str:
    """The string that is read as `node`."""
    return _write(node, _OR)


def write_path(path: Path) -> str:
    r"""`traits.first\ name`."""
    names = (_BARE.sub(lambda found: "\\" + found[0], name) for name in path.names)
    return ".".join((path.root, *names))


def write_value(value: Scalar) -> str:
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, str):
        return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
    return repr(value)


def _write(node: Node, binding: int) -> str:
    own, text = _bound(node)
    return f"({text})" if own < binding else text


def _bound(node: Node) -> tuple[int, str]:
    """How tightly a node holds together, and its text."""
    match node:
        case Disjunction():
            return _OR, " or ".join(_write(each, _AND) for each in node.conditions)
        case Conjunction():
            return _AND, " and ".join(_write(each, _COMPARISON) for each in node.conditions)
        case Comparison():
            left, right = _write(node.left, _TIGHTEST), _write(node.right, _TIGHTEST)
            return _COMPARISON, f"{left} {node.sign} {right}"
        case Membership():
            among = ", ".join(write_value(value) for value in node.among)
            return _COMPARISON, f"{_write(node.value, _TIGHTEST)} in [{among}]"
        case Negation():
            return _TIGHTEST, "!" + _write(node.condition, _TIGHTEST)
        case _:
            return _TIGHTEST, _single(node)


def _single(node: Path | Constant | Pattern | Call) -> str:
    match node:
        case Path():
            return write_path(node)
        case Constant():
            return write_value(node.value)
        case Pattern():
            return f'"{node.glob}"'
        case Call():
            return f"{node.function}({', '.join(write(each) for each in node.arguments)})"
