"""How drift is written for people: parts by name, values short, persons masked. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from daemon.domain.commands import Group
from daemon.mapping.catalog import Catalog
from daemon.telemetry.redaction import mask_id

LONGEST_VALUE = 60
NOTHING = "—"
_PERSONAL = re.compile(
    r"name|mail|phone|mobile|address|street|birth|gender|salutation|ssn|passport|token|secret",
    re.IGNORECASE,
)
_LOOKS_PERSONAL = re.compile(r"[^@\s]+@[^@\s]+|\+?\d[\d ()/-]{6,}\d", re.ASCII)
_GROUPS: dict[str, Group] = {
    "list": "emailList",
    "channel": "messageChannel",
    "messageType": "messageType",
}
_NAMES = {"email": "e-mail"}
_LABELS = {"list": "list", "channel": "channel", "messageType": "message type"}


def masked(identifier: str) -> str:
    """An identifier or user key like `e:ann@example.com`, masked: `a***@example.com`."""
    return mask_id(identifier[2:] if identifier[1:2] == ":" else identifier)


def part_words(part: str, catalog: Catalog) -> str:
    """`field plan`, `list "VIP" (4711)`, `channel Marketing SMS`, `user`, `identity`."""
    kind, _, name = part.partition(":")
    if kind == "field":
        return f"field {name}"
    if kind not in _GROUPS:
        return part
    known = catalog.name(_GROUPS[kind], int(name))
    if known is None:
        return f"{_LABELS[kind]} {name}"
    return f'list "{known}" ({name})' if kind == "list" else f"{_LABELS[kind]} {known}"


def identity_words(
    seen: Mapping[str, str | None], wanted: Mapping[str, str | None], *, reveal: bool
) -> tuple[str, str]:
    """The identifiers in which two identities differ, by name; masked unless `reveal`.

    What Segment doesn't name is no difference. Where there is none at all, both are shown whole.
    """
    differing = [key for key, value in wanted.items() if value and value != seen.get(key)]
    names = differing or list(wanted)
    return _identifiers(seen, names, reveal=reveal), _identifiers(wanted, names, reveal=reveal)


def _identifiers(identity: Mapping[str, str | None], names: Sequence[str], *, reveal: bool) -> str:
    shown = [(_NAMES.get(key, key), identity.get(key)) for key in names]
    words = [f"{name} {value if reveal else masked(value)}" for name, value in shown if value]
    return ", ".join(words) or NOTHING


def value_words(part: str, value: Any, *, reveal: bool) -> str:
    """A value as JSON, cut short; what tells of a person is masked unless `reveal`.

    What other parts than fields hold are words like `member`, and stay as they are.
    """
    kind, _, name = part.partition(":")
    if kind != "field":
        return str(value)
    if value is None:
        return NOTHING
    text = msgspec.json.encode(value).decode()
    if not reveal and (_PERSONAL.search(name) or _LOOKS_PERSONAL.search(text)):
        return "***"
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
