"""What can be said against a condition before any message is seen.

Segment drops an event, or lets it pass, without a word where a condition can't ever hold; here
such a condition is refused, with what would be right.
"""

from difflib import get_close_matches

from daemon.domain.messages import SEGMENT_TYPES
from daemon.mapping.subscribe.errors import SubscribeError, shown
from daemon.mapping.subscribe.functions import FUNCTIONS, PATTERN, TYPE_NAMES
from daemon.mapping.subscribe.syntax import (
    NULL,
    NUMBER,
    TEXT,
    Call,
    Constant,
    Node,
    Path,
    Scalar,
    in_words,
    is_condition,
    kind_of_constant,
    kinds_of,
    paths,
)
from daemon.mapping.subscribe.writing import write, write_value

_ORDINALS = ("first", "second")


def check_condition(node: Node, at: int) -> None:
    """Refuse what is no condition by itself."""
    if isinstance(node, Path):
        text = write(node)
        why = f"{shown(text)} alone is no condition; compare it, as in {shown(text + ' != null')}"
        raise _wrong(at, why)
    if not is_condition(node):
        raise _wrong(at, f"{shown(write(node))} alone is no condition; compare it")
    if not isinstance(node, Constant):
        check_reads_something(node, at)


def check_negation(node: Node, at: int) -> None:
    """Refuse `!` before a mere value: it binds more tightly than any comparison."""
    if not is_condition(node):
        text = write(node)
        what = f"`!` stands before a condition, and {shown(text)} is none"
        raise _wrong(at, f"{what}; write {shown(f'{text} != …')} or {shown(f'!({text} = …)')}")


def check_reads_something(node: Node, at: int) -> None:
    """Refuse what has the same answer for every message."""
    if next(paths(node), None) is None:
        text = shown(write(node))
        raise _wrong(at, f"{text} is the same for every message; name a part, such as event")


def check_order(sign: str, side: Node, at: int) -> None:
    """Refuse to order what can't be a number."""
    if kinds_of(side) & NUMBER:
        return
    right = ""
    if isinstance(side, Constant):
        right = _spelled("number", side.value)
    elif TEXT & kinds_of(side):
        right = f"; write {shown(f'number({write(side)})')}"
    raise _wrong(at, f"`{sign}` compares numbers, {_said(side)}{right}")


def check_equal(left: Node, right: Node, at: int) -> None:
    """Refuse to ask whether two things are equal that never are."""
    for one, other in ((left, right), (right, left)):
        if isinstance(other, Constant):
            check_value(one, other.value, at)
            return
    if not kinds_of(left) & kinds_of(right) - NULL:
        raise _wrong(at, f"{_is(left)} and {_is(right)}: they are never equal")


def check_value(node: Node, value: Scalar, at: int) -> None:
    """Refuse to ask whether `node` equals a value it never has."""
    if isinstance(node, Path) and node.root == "type" and value not in SEGMENT_TYPES:
        raise _wrong(at, f"type is one of {', '.join(sorted(SEGMENT_TYPES))}")
    if not kinds_of(node) & kind_of_constant(value):
        raise _wrong(at, f"{_is(node)}, never {shown(write_value(value))}{_other(node, value)}")
    if not isinstance(node, Call) or not isinstance(value, str):
        return
    function = FUNCTIONS[node.function]
    if function.settles and function.apply(value) != value:
        right = shown(write_value(function.apply(value)))
        raise _wrong(
            at, f"{shown(write(node))} is never {shown(write_value(value))}; write {right}"
        )
    if node.function == "typeof" and value not in TYPE_NAMES.values():
        names = sorted(set(TYPE_NAMES.values()))
        raise _wrong(at, f"typeof gives one of {', '.join(names)}{close(value, names)}")


def check_argument(function: str, number: int, node: Node, at: int) -> None:
    """Refuse an argument of a kind the function has no answer for."""
    takes = FUNCTIONS[function].takes[number]
    if takes == PATTERN:
        raise _wrong(
            at, f'the pattern of {function} is text in quotes, as in {function}(event, "A*")'
        )
    if not kinds_of(node) & takes:
        which = f" as its {_ORDINALS[number]} argument" if number else ""
        raise _wrong(at, f"{function} takes {in_words(takes)}{which}, {_said(node)}")


def close(found: str, allowed: list[str]) -> str:
    """A hint at what may have been meant."""
    near = get_close_matches(found, allowed, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _said(node: Node) -> str:
    return f"not {shown(write(node))}" if isinstance(node, Constant) else f"and {_is(node)}"


def _is(node: Node) -> str:
    verb = "gives" if isinstance(node, Call) else "is"
    return f"{shown(write(node))} {verb} {in_words(kinds_of(node))}"


def _other(node: Node, value: Scalar) -> str:
    """What to write in place of a value of the wrong kind."""
    kinds = kinds_of(node)
    if TEXT & kinds and isinstance(value, bool | int | float):
        return f"; write {shown(write_value(write_value(value)))}"
    return _spelled("number" if NUMBER & kinds else "bool", value)


def _spelled(kind: str, value: Scalar) -> str:
    """What to write where text spells a number or boolean."""
    meant = FUNCTIONS[kind].apply(value) if isinstance(value, str) else None
    return "" if meant is None else f"; write {shown(write_value(meant))}"


def _wrong(at: int, why: str) -> SubscribeError:
    return SubscribeError(at + 1, why)
