"""Reads a YAML file as the plain data it is, and remembers at which line each key stands.

Values are resolved as in YAML 1.2's core schema, not PyYAML's 1.1: there `on:` would be the key
`True`, `12:30` the number 750 and `2026-11-20` a date. A key given twice is refused.
"""

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from daemon.errors import ConfigurationError

MAX_BYTES = 1 << 20

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says. `lines` maps the path of each key or item to its line, from 1."""

    name: str
    value: Any
    lines: dict[Path, int]


class _Loader(yaml.SafeLoader):
    """Safe tags only, plain scalars by YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)), 10)


_RESOLVED = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "int": (r"[-+]?[0-9]{1,18}", "-+0123456789"),
    "float": (r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?", "-+.0123456789"),
}
for _tag, (_pattern, _first) in _RESOLVED.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first)
    )
_Loader.add_constructor("tag:yaml.org,2002:int", _decimal)


def read_document(text: str, name: str) -> Document:
    """`text` as data; `name` is the file's, for messages.

    Raises:
        ConfigurationError: one line for each mistake, with its line and column.
    """
    if len(text) > MAX_BYTES:
        raise ConfigurationError(f"{name}: longer than {MAX_BYTES} characters")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return Document(name, None, {})
        lines: dict[Path, int] = {}
        twice: list[str] = []
        _survey(node, (), lines, twice, set())
        if twice:
            raise ConfigurationError([f"{name}:{problem}" for problem in twice])
        return Document(name, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{mark.line + 1}:{mark.column + 1}: " if mark else " "
        raise ConfigurationError(f"{name}:{place}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{name}: {str(error).splitlines()[0]}") from None
    except (RecursionError, ValueError) as error:
        raise ConfigurationError(f"{name}: cannot be read: {error}") from None


def _survey(
    node: yaml.Node, path: Path, lines: dict[Path, int], twice: list[str], seen: set[int]
) -> None:
    """Note lines and keys given twice; an aliased node is surveyed once, at its anchor."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            at, name = key.start_mark, str(key.value)
            if name in keys:
                twice.append(f"{at.line + 1}:{at.column + 1}: key {name!r} is given twice")
            keys.add(name)
            lines[*path, name] = at.line + 1
            _survey(value, (*path, name), lines, twice, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[*path, index] = item.start_mark.line + 1
            _survey(item, (*path, index), lines, twice, seen)
