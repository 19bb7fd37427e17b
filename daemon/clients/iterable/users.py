"""A user as Iterable shows it, as Observed. Pure; one reading for point reads and export lines."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from daemon.domain.identity import IterableIdentity
from daemon.domain.profiles import Observed

OWN_FIELDS = frozenset(
    {
        "itblUserId",
        "itblInternal",
        "itblDS",
        "signupSource",
        "profileUpdatedAt",
        "emailListIds",
        "userListIds",
        "subscribedMessageTypeIds",
        "unsubscribedChannelIds",
        "unsubscribedMessageTypeIds",
        "devices",
        "browserTokens",
        "phoneNumberDetails",
        "receivedSMSDisclaimer",
        "knownLitigatorFilter",
        "shoppingCartItems",
        "whatsAppPhoneNumber",
    }
)
"""Fields only Iterable writes (iterable.md §6.5). Those a mapping may write too, like signupDate
or city, are kept: what no mapping names is never compared."""

_DATE = 19
"""Characters of `yyyy-MM-dd HH:mm:ss`."""


def parse_user(user: Mapping[str, Any], as_of: int) -> Observed:
    """A user out of a point read's `user`, or out of a line of a `user` export.

    A line is flat and writes nested fields as dotted names (iterable.md §12); absent id lists are
    empty (§6.5).
    """
    inner = user.get("dataFields")
    data = inner if isinstance(inner, dict) else user
    email, user_id = (_identifier(user, data, name) for name in ("email", "userId"))
    return Observed(
        as_of=as_of,
        exists=email is not None or user_id is not None,
        identity=IterableIdentity(email.lower() if email else None, user_id),
        fields=_fields(data),
        lists=sorted({*_ids(data, "emailListIds"), *_ids(data, "userListIds")}),
        unsubscribed_channels=_ids(data, "unsubscribedChannelIds"),
        unsubscribed_message_types=_ids(data, "unsubscribedMessageTypeIds"),
        subscribed_message_types=_ids(data, "subscribedMessageTypeIds"),
        profile_updated_at=_milliseconds(data.get("profileUpdatedAt")),
    )


def missing_user(identity: IterableIdentity, as_of: int) -> Observed:
    """A user who was looked for and isn't there."""
    return Observed(as_of=as_of, exists=False, identity=identity)


def _identifier(user: Mapping[str, Any], data: Mapping[str, Any], name: str) -> str | None:
    value = user.get(name) or data.get(name)
    return str(value) if value else None


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in data.items():
        root, dot, rest = name.partition(".")
        if root in OWN_FIELDS:
            continue
        if dot and root and rest:
            _nest(fields, name.split("."), value)
        else:
            fields[name] = value
    return fields


def _nest(fields: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        inner = fields.get(name)
        if not isinstance(inner, dict):
            inner = fields[name] = {}
        fields = inner
    fields[path[-1]] = value


def _ids(data: Mapping[str, Any], name: str) -> list[int]:
    value = data.get(name)
    if not isinstance(value, list):
        return []
    return sorted({int(one) for one in value if isinstance(one, (int, float))})


def _milliseconds(text: Any) -> int:
    """`yyyy-MM-dd HH:mm:ss +00:00` in ms, 0 for what can't be read (exports hold such, §6.2)."""
    if not isinstance(text, str):
        return 0
    try:
        moment = datetime.fromisoformat(text[:_DATE])
    except ValueError:
        return 0
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)
