"""An explanation of one user, as people read it: who, what is known, what is held, each message."""

from collections.abc import Iterator
from typing import Any

import msgspec

from daemon.cli.printing import moment, say, say_table
from daemon.domain.commands import SubscriptionTarget
from daemon.mapping.catalog import Catalog
from daemon.outbound.explain import Explanation, MessageStory
from daemon.reconcile.words import part_words, value_words

HIDDEN = "…"
"""What stands in the place of a value that is masked."""

_LABEL = 10
_KINDS = {"u": "userId", "e": "e-mail", "a": "anonymousId"}
_COLUMNS = ("PART", "SHOULD BE", "BELIEVED", "SINCE (UTC)", "WHY")


def print_explanation(found: Explanation, names: Catalog, *, asked: str, masked: bool) -> None:
    """All of it. `asked` is the name people asked by; `masked`: tell them how to unmask."""
    say(*_profile(found, names))
    rows = _parts(found, names)
    if rows:
        say("")
        say_table(_COLUMNS, rows, indent=0)
    if found.messages:
        say("", "Messages, oldest first, times in UTC:")
        for message in found.messages:
            say(*_message(message, asked))
    if masked:
        say("", "Persons are masked: --unmasked shows identifiers and values.")


def _profile(found: Explanation, names: Catalog) -> Iterator[str]:
    yield _line("User", _identifier(found.user))
    others = [each for each in found.identifiers if each != found.user]
    if others:
        yield _line("Known as", " · ".join(map(_identifier, others)))
    if found.traits:
        yield _line("Traits", _values(found.traits))
    if found.audiences:
        yield _line("Audiences", _values(found.audiences))
    for name, choice in found.choices.items():
        mapping, _, part = name.rpartition("/")
        yield _line("Choice", f"{part_words(part, names)} {choice}, by mapping {mapping!r}")
    if found.waits_since is not None:
        yield _line("Open", f"not accepted yet since position {found.waits_since}")
    for line in found.waiting:
        yield _line("Waiting", line)


def _identifier(key: str) -> str:
    return f"{_KINDS.get(key[:1], '')} {key[2:]}".strip()


def _values(values: dict[str, Any]) -> str:
    """Names, and values where they are not masked."""
    return ", ".join(
        name if value == HIDDEN else f"{name} = {msgspec.json.encode(value).decode()}"
        for name, value in values.items()
    )


def _parts(found: Explanation, names: Catalog) -> list[tuple[str, ...]]:
    """What Iterable should hold beside what it is believed to hold."""
    desired = dict(_desired(found.desired or {}))
    believed = {each.part: each for each in found.believed}
    rows: list[tuple[str, ...]] = []
    for part in sorted(desired.keys() | believed.keys()):
        held = believed.get(part)
        certainty = held.certainty if held else "not sent yet"
        since = moment(held.at) if held else ""
        why = held.reason if held else ""
        rows.append((part_words(part, names), desired.get(part, "—"), certainty, since, why))
    return rows


def _desired(desired: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in desired.get("fields", {}).items():
        part = f"field:{name}"
        yield part, HIDDEN if value == HIDDEN else value_words(part, value, reveal=True)
    for number, member in desired.get("lists", {}).items():
        yield f"list:{number}", "member" if member else "not member"
    for (group, number), choice, _ in desired.get("subscriptions", []):
        yield SubscriptionTarget(group, number).part, choice


def _message(message: MessageStory, asked: str) -> Iterator[str]:
    mark = "→" if message.message_id == asked else " "
    name = f"{message.type} {message.name}".strip()
    head = f"{mark} {message.position:>8}  {moment(message.received_at)}  "
    yield f"{head}{name}  ({message.message_id})"
    folded = "folded" if message.folded else "not folded yet"
    yield " " * len(head) + "; ".join([folded, message.fate, *message.calls])


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}} {text}"
