"""Keeps secrets and people out of what is written: logs, reports, error texts.

`mask_email` and `mask_id` are for values known to be of a person; a `Redactor` is for free text, in
which it finds e-mail addresses, credentials by their usual shapes, and the secrets it was told of.
"""

import re
from collections.abc import Iterable

from pydantic import BaseModel, SecretStr

HIDDEN = "[secret]"
SHORTEST_SECRET = 6
SHOWN_OF_AN_ID = 2  # at either end

_EMAIL = re.compile(r"[\w.!#$*+^`~-]{1,64}(@|%40)([A-Za-z0-9][A-Za-z0-9.-]{0,253})")
_CREDENTIALS = (
    re.compile(r"(?i)(://[^\s/:@]{0,256}:)[^\s/@]{1,1024}(?=@)"),
    re.compile(
        r"(?i)((?:api[-_]?key|authorization|x-signature|write_?key|password|token)"
        r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:basic |bearer )?)[^\s\"',;}&]{1,4096}"
    ),
)


def mask_email(email: str) -> str:
    """`a***@example.com`: enough to recognise whom one knows, too little to learn of others."""
    name, at, domain = email.rpartition("@")
    return f"{name[:1]}***@{domain}" if at else mask_id(email)


def mask_id(identifier: str) -> str:
    """The ends of a longer identifier, so that two can be told apart; an e-mail address as such."""
    if "@" in identifier:
        return mask_email(identifier)
    shown = SHOWN_OF_AN_ID
    first = identifier[:shown] if len(identifier) > 3 * shown else ""
    last = identifier[-shown:] if len(identifier) > 4 * shown else ""
    return f"{first}***{last}"


class Redactor:
    """Takes secrets and e-mail addresses out of a text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}
        longest_first = sorted(known, key=lambda secret: (-len(secret), secret))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """`text` without them; the rest stays as it is."""
        if self._known:
            text = self._known.sub(HIDDEN, text)
        for pattern in _CREDENTIALS:
            text = pattern.sub(rf"\g<1>{HIDDEN}", text)
        return _EMAIL.sub(lambda found: f"{found[0][0]}***{found[1]}{found[2]}", text)


def secrets_of(settings: BaseModel) -> list[str]:
    """Every secret that settings hold, for a `Redactor`; a SQLite file's address is none."""
    return [secret for secret in _walk(settings) if not secret.startswith("sqlite:")]


def _walk(value: object) -> Iterable[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _walk(getattr(value, name))
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _walk(inner)
