"""How drift is written for people: parts by name, values short, persons masked. Pure."""

import re
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


def value_words(part: str, value: Any, *, reveal: bool) -> str:
    """A value as JSON, cut short; what tells of a person is masked unless `reveal`.

    What other parts than fields hold are words like `member`, and stay as they are.
    """
    kind, _, name = part.partition(":")
    if kind == "identity" and isinstance(value, dict):
        shown = value if reveal else {key: v and masked(v) for key, v in value.items()}
        return ", ".join(str(one) for one in shown.values() if one) or NOTHING
    if kind != "field":
        return str(value)
    if value is None:
        return NOTHING
    text = msgspec.json.encode(value).decode()
    if not reveal and (_PERSONAL.search(name) or _LOOKS_PERSONAL.search(text)):
        return "***"
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
