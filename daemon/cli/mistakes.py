"""Mistakes in the mappings of a file, with the line each stands at."""

import re
from pathlib import Path

from daemon.errors import ConfigurationError
from daemon.mapping.blocks import read
from daemon.settings import Document, read_document
from daemon.settings.document import Path as Place

_PLACE = re.compile(r"mappings\[(\d+)\]([^:]*)")


def mistakes_of(config: Path) -> list[str]:
    """One line for each mistake in the mappings; none where the file itself can't be read.

    What the settings say of the file is theirs to say; here only its mappings are looked at, so
    that both kinds of mistakes are named at once.
    """
    try:
        document = read_document(config.read_text(encoding="utf-8"), config.name)
    except (OSError, UnicodeDecodeError, ConfigurationError):
        return []
    blocks = document.value.get("mappings") if isinstance(document.value, dict) else None
    if not isinstance(blocks, list):
        return []
    try:
        read(blocks)
    except ConfigurationError as error:
        return [with_line(problem, document) for problem in error.problems]
    return []


def with_line(problem: str, document: Document) -> str:
    """A mistake in `mappings[n]`, with the line of the file it stands at."""
    found = _PLACE.match(problem)
    if found is None:
        return problem
    line = document.lines.get(_written(found, document))
    where = f" ({document.name} line {line})" if line else ""
    return f"{found[0]}{where}{problem[found.end() :]}"


def _written(found: re.Match[str], document: Document) -> Place:
    """The nearest place around a mistake that stands in the file. Keys may hold dots."""
    place: Place = ("mappings", int(found[1]))
    rest = found[2].removeprefix(".")
    while rest:
        key, _, further = rest.partition(".")
        if (*place, rest) in document.lines:
            return (*place, rest)
        if (*place, key) not in document.lines:
            break
        place, rest = (*place, key), further
    return place
