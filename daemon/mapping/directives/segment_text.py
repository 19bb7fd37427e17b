"""Segment's directives that choose a value or work on text (segment.md §11.3).

`@path @template @literal @if @case @replace @json`
"""

from typing import Any, Final

from msgspec import DecodeError
from msgspec.json import decode

from daemon.mapping.directives.bounds import TEMPLATE_LENGTH, VALUE_DEPTH
from daemon.mapping.directives.errors import MappingFailed
from daemon.mapping.directives.javascript import (
    check_depth,
    is_blank,
    is_falsy,
    json_text,
    kind,
    text_of,
    units,
)
from daemon.mapping.directives.lookup import Run, pieces_of, walk, without_root
from daemon.mapping.directives.nodes import NOTHING, WHOLE, At, Node, bounded, described, reads_of
from daemon.mapping.directives.reader import Reader, is_options
from daemon.mapping.directives.replacing import replacer
from daemon.mapping.directives.templates import read_template, renderer
from daemon.mapping.paths import MISSING

_LONGEST_PATTERN: Final = 10
_CASES: Final = {"lower": str.lower, "upper": str.upper}
_MODES: Final = ("encode", "decode")


def path(reader: Reader, argument: Any, at: At) -> Node:
    if isinstance(argument, str):
        return reader.path(argument, at)
    names = reader.text(argument, at.as_argument())
    if names.constant:
        known = _known(reader, names, at)
        return NOTHING if known is None else reader.path(known, at)

    def run(root: Any) -> Any:
        return walk(root, pieces_of(without_root(_dynamic(names.run(root), at.place))))

    return Node(run, reads_of(names) | WHOLE, gaps=at.root_gaps, deep=at.root_gaps)


def template(reader: Reader, argument: Any, at: At) -> Node:
    if isinstance(argument, str):
        return reader.template(argument, at)
    texts = reader.text(argument, at.as_argument())
    if texts.constant:
        known = _known(reader, texts, at)
        return NOTHING if known is None else reader.template(known, at)

    def run(root: Any) -> Any:
        found = read_template(_dynamic(texts.run(root), at.place))
        return renderer(found, from_object=at.from_object)(root)

    return Node(bounded(run, at.place), reads_of(texts) | WHOLE)


def _known(reader: Reader, node: Node, at: At) -> str | None:
    """The text that a directive always gives; None where it is wrong, or gives no text."""
    found = node.run({})
    if not isinstance(found, str) and node is not NOTHING:
        reader.wrong(at, f"must be text, not {kind(found)}")
    return found if isinstance(found, str) else None


def _dynamic(text: Any, place: str) -> str:
    if not isinstance(text, str):
        raise MappingFailed(place, f"expected text, found {kind(text)}")
    if len(text) > TEMPLATE_LENGTH:
        raise MappingFailed(place, f"the text has more than {TEMPLATE_LENGTH} characters")
    return text


def literal(reader: Reader, argument: Any, at: At) -> Node:
    return reader.value(argument, at.as_written())


def if_(reader: Reader, argument: Any, at: At) -> Node:
    if not is_options(reader, argument, at):
        return NOTHING
    if is_falsy(argument.get("exists")) and is_falsy(argument.get("blank")):
        return reader.wrong(at, "must have `exists` or `blank`, with a value that can be tested")
    test_name = "exists" if "exists" in argument else "blank"
    conditions = {
        name: reader.value(argument[name], at.inner(name))
        for name in ("exists", "blank")
        if name in argument
    }
    tested = conditions[test_name]
    then = _branch(reader, argument, "then", at)
    otherwise = _branch(reader, argument, "else", at)
    if is_falsy(argument.get("else")):
        otherwise = NOTHING
    test = _exists if test_name == "exists" else _not_blank
    return _choice(tested, test, then, otherwise)


def _branch(reader: Reader, argument: dict[str, Any], key: str, at: At) -> Node:
    return reader.value(argument[key], at.under(key)) if key in argument else NOTHING


def _exists(value: Any) -> bool:
    return value is not None and value is not MISSING


def _not_blank(value: Any) -> bool:
    return not is_blank(value)


def _choice(tested: Node, test: Run, then: Node, otherwise: Node) -> Node:
    find, chosen, other = tested.run, then.run, otherwise.run
    return Node(
        lambda root: chosen(root) if test(find(root)) else other(root),
        reads_of(tested, then, otherwise),
        gaps=then.gaps or otherwise.gaps,
        deep=then.deep or otherwise.deep,
    )


def case(reader: Reader, argument: Any, at: At) -> Node:
    if not is_options(reader, argument, at):
        return NOTHING
    operator = argument.get("operator")
    change = _CASES.get(operator) if isinstance(operator, str) else None
    if change is None:
        return reader.wrong(at.under("operator"), "must be lower or upper")
    value = _text_value(reader, argument, at)
    find = value.run

    def run(root: Any) -> Any:
        found = find(root)
        return change(found) if isinstance(found, str) else found

    return Node(run, value.reads, gaps=value.gaps, deep=value.deep)


def _text_value(reader: Reader, argument: dict[str, Any], at: At) -> Node:
    """The `value` of a directive; the literal '' counts as none, as in the original."""
    if "value" not in argument or argument["value"] == "":
        return NOTHING
    return reader.text(argument["value"], at.inner("value"))


def replace(reader: Reader, argument: Any, at: At) -> Node:
    if not is_options(reader, argument, at):
        return NOTHING
    if "value" not in argument:
        reader.wrong(at, "must have `value`")
    ignore_case = _flag(reader, argument, "ignorecase", at)
    everywhere = _flag(reader, argument, "global", at)
    pairs = _pairs(reader, argument, at)
    value = _text_value(reader, argument, at)
    if argument.get("value") == "":
        return NOTHING
    if reader.problems:
        return NOTHING
    steps = [
        replacer(old, new, everywhere=everywhere, ignore_case=ignore_case) for old, new in pairs
    ]
    find = value.run

    def run(root: Any) -> Any:
        found = find(root)
        if not isinstance(found, str | bool | int | float):
            return ""
        text = text_of(found)
        for step in steps:
            text = step(text)
        return text

    return Node(bounded(run, at.place), value.reads)


def _flag(reader: Reader, argument: dict[str, Any], key: str, at: At) -> bool:
    given = argument.get(key, key == "global")
    if not isinstance(given, bool):
        reader.wrong(at.under(key), f"must be true or false, not {described(given)}")
    return given is True


def _pairs(reader: Reader, argument: dict[str, Any], at: At) -> list[tuple[str, str]]:
    """What is replaced by what; the second pair is not looked at where it is no text."""
    if "pattern" not in argument:
        reader.wrong(at, "must have `pattern`")
    first = _pair(reader, argument.get("pattern", " "), argument.get("replacement", ""), "", at)
    pattern, replacement = argument.get("pattern2"), argument.get("replacement2")
    if not isinstance(pattern, str) or not pattern or not isinstance(replacement, str | None):
        return first
    return first + _pair(reader, pattern, replacement or "", "2", at)


def _pair(
    reader: Reader, pattern: Any, replacement: Any, which: str, at: At
) -> list[tuple[str, str]]:
    for name, text, shortest in (("pattern", pattern, 1), ("replacement", replacement, 0)):
        place = at.under(f"{name}{which}")
        if not isinstance(text, str):
            reader.wrong(place, f"must be text, not {described(text)}")
        elif not shortest <= units(text) <= _LONGEST_PATTERN:
            reader.wrong(place, f"must have {shortest} to {_LONGEST_PATTERN} characters")
    return [(pattern, replacement)] if isinstance(pattern, str) else []


def json(reader: Reader, argument: Any, at: At) -> Node:
    if not is_options(reader, argument, at):
        return NOTHING
    mode = argument.get("mode")
    if not isinstance(mode, str) or mode.lower() not in _MODES:
        reader.wrong(at.under("mode"), "must be encode or decode")
    if is_falsy(argument.get("value")):
        return reader.wrong(at.under("value"), "must be a value that is not empty, 0 or false")
    value = reader.value(argument["value"], at.inner("value"))
    find = value.run
    if mode not in _MODES:
        return Node(lambda root: _dropped(find(root)), value.reads)
    if mode == "encode":
        return Node(bounded(lambda root: _encoded(find(root)), at.place), value.reads)
    decode_it = bounded(lambda root: _decoded(find(root)), at.place)
    return Node(decode_it, value.reads, value.gaps, value.deep)


def _dropped(_: Any) -> Any:
    """The original takes other spellings of a mode, and then makes nothing."""
    return MISSING


def _encoded(value: Any) -> Any:
    return MISSING if value is MISSING else json_text(value)


def _decoded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        decoded = decode(value)
    except (DecodeError, ValueError, RecursionError):
        return value
    if value.count("[") + value.count("{") > VALUE_DEPTH:
        check_depth(decoded)
    return decoded
