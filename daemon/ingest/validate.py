"""One member of a request becomes a message, or is rejected with a reason. Pure.

Members are decoded once, straight into a struct whose fields may hold anything; what a field must
be is checked here, so that the reasons can be Segment's own (segment.md §1.5). `null` is absent
everywhere, and so is an empty name or identifier. An identifier nobody has (`null`, `anonymous`,
zeros) is absent too: it would make one person of many.
"""

import json
import math
import re
from typing import Any, NoReturn

import msgspec

from daemon.domain.messages import SEGMENT_TYPES, Message
from daemon.errors import MessageRejected
from daemon.ingest.scan import deeper_than, malformed
from daemon.ingest.times import effective_time
from daemon.settings.schema import IngestSettings

LONGEST_MESSAGE_ID = 100  # segment.md §1.3
LONGEST_GROUP_ID = 500  # segment.md §1.3
LONGEST_ID = 512  # more would not fit an index entry of PostgreSQL
LONGEST_EMAIL = 254

_ZEROS = re.compile(r"[0-]*")  # segment.md §6
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f.]+(?:\.[^@\s\x00-\x1f\x7f.]+)+")


class Rules(msgspec.Struct, frozen=True):
    """The bounds of one door. `blocked` holds identifiers nobody has, in lower case."""

    max_bytes: int
    max_nesting: int
    max_traits: int
    blocked: frozenset[str]


def rules_of(settings: IngestSettings, max_bytes: int) -> Rules:
    return Rules(
        max_bytes=max_bytes,
        max_nesting=settings.max_nesting,
        max_traits=settings.max_traits,
        blocked=frozenset(value.strip().lower() for value in settings.blocked_ids),
    )


class Origin(msgspec.Struct, frozen=True):
    """What the members of one request share.

    `type` is the route's, where the route names one. `sent_at` corrects their timestamps (ms; None
    where the sender's skew is unknown, or where Segment has corrected them already). `context` is
    the batch's own and yields to a member's.
    """

    source: str
    received_at: int
    type: str | None = None
    sent_at: int | None = None
    context: dict[str, Any] = {}
    context_bytes: int = 0


class Member(msgspec.Struct, rename="camel", gc=False):
    """A member as sent: each field may be anything. Other fields are not decoded."""

    type: Any = None
    message_id: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    event: Any = None
    name: Any = None
    category: Any = None
    group_id: Any = None
    previous_id: Any = None
    traits: Any = None
    properties: Any = None
    context: Any = None
    timestamp: Any = None


_decoder = msgspec.json.Decoder(Member)

_DIGITS = bytes(ord("0") if byte in b"0123456789" else 0 for byte in range(256))
_MANY = b"0" * len(str(2**63))
_BEYOND_64_BITS = re.compile(rb"[\[,:\s]-?[0-9]{%d}" % len(_MANY))


def read_member(raw: bytes, rules: Rules, shared_bytes: int = 0) -> Member:
    """Decode one member, bounded in size and depth first; `shared_bytes` is its batch's context.

    Raises:
        MessageRejected: it is too large, too deep, not an object, or holds what JSON can't.
        RequestRefused: it is no JSON at all.
    """
    if len(raw) + shared_bytes > rules.max_bytes:
        raise MessageRejected(
            "too_large", f"{len(raw) + shared_bytes} bytes; the limit is {rules.max_bytes}"
        )
    if deeper_than(raw, rules.max_nesting):
        raise MessageRejected("too_deep", f"nested more than {rules.max_nesting} levels")
    if _MANY in raw.translate(_DIGITS) and _BEYOND_64_BITS.search(raw):
        return read_leniently(raw)
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return read_leniently(raw)


def read_leniently(raw: bytes) -> Member:
    """Decode what the strict decoder would not take, or say exactly why it can't be taken.

    Integers beyond 64 bits, which the store's encoding has none of, become floats, as they are in
    JavaScript.

    Raises:
        MessageRejected: NaN, Infinity, text that is not Unicode, or not an object.
        RequestRefused: it is no JSON at all.
    """
    try:
        value = json.loads(
            raw.decode(), parse_constant=_not_finite, parse_float=_finite, parse_int=_integer
        )
        msgspec.json.encode(value)  # half a surrogate pair fails here
    except UnicodeError:
        raise MessageRejected("text_not_unicode", "holds text that is not Unicode") from None
    except ValueError as error:
        raise malformed(str(error)) from None
    if not isinstance(value, dict):
        raise MessageRejected("not_an_object", "a message must be an object")
    return msgspec.convert(value, Member)


def _not_finite(text: str) -> NoReturn:
    raise MessageRejected("number_not_finite", f"holds {text[:20]}, which is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _not_finite(text)


def _integer(text: str) -> int | float:
    number = int(text) if len(text) <= len(str(-(2**63))) else None
    return _finite(text) if number is None or not -(2**63) <= number < 2**64 else number


def message_of(
    member: Member, origin: Origin, index: int, message_id: str, rules: Rules
) -> tuple[Message, bool]:
    """The message, and whether its effective time was clamped.

    Raises:
        MessageRejected: with a reason of segment.md §1.5 where there is one.
    """
    kind = origin.type or member.type
    if not isinstance(kind, str) or kind not in SEGMENT_TYPES:
        raise MessageRejected("type_not_known", "type is none of Segment's")
    traits = _object(member.traits, "traits_not_object", rules)
    properties = _object(member.properties, "properties_not_object", rules)
    context = _object(member.context, "context_not_object", rules)
    if origin.context:
        context = {**origin.context, **context}
    user_id = identifier(member.user_id, rules)
    anonymous_id = identifier(member.anonymous_id, rules)
    email = email_of(kind, traits, context, rules)
    if not (user_id or anonymous_id or email):
        _nobody(member)
    page = kind in {"page", "screen"}
    effective_at, clamped = effective_time(
        member.timestamp, sent_at=origin.sent_at, received_at=origin.received_at
    )
    return Message(
        type=kind,
        message_id=message_id,
        received_at=origin.received_at,
        effective_at=effective_at,
        source=origin.source,
        index=index,
        user_id=user_id,
        email=email,
        anonymous_id=anonymous_id,
        event=_event(member.event) if kind == "track" else None,
        name=_text(member.name, "name_not_string") if page else None,
        category=_text(member.category, "category_not_string") if page else None,
        group_id=_required(member.group_id, "groupId", LONGEST_GROUP_ID, rules)
        if kind == "group"
        else None,
        previous_id=_required(member.previous_id, "previousId", LONGEST_ID, rules)
        if kind == "alias"
        else None,
        traits=traits,
        properties=properties,
        context=context,
    ), clamped


def message_id_of(member: Member) -> str:
    """The member's own messageId; "" where it has none.

    Raises:
        MessageRejected: it is no text, or too long (segment.md §1.3).
    """
    value = _text(member.message_id, "message_id_not_string")
    if value is None:
        return ""
    if len(value) > LONGEST_MESSAGE_ID:
        raise MessageRejected(
            "message_id_too_long", f"messageId is longer than {LONGEST_MESSAGE_ID} characters"
        )
    if _CONTROL.search(value):
        raise MessageRejected("message_id_not_string", "messageId holds control characters")
    return value


def identifier(value: Any, rules: Rules, longest: int = LONGEST_ID) -> str | None:
    """An identifier; None where it is absent, or a value nobody has.

    Raises:
        MessageRejected: it is no text, has control characters or is longer than `longest`.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise MessageRejected("id_not_string", "an identifier is not a string")
    if len(value) > longest:
        raise MessageRejected("id_too_long", f"an identifier is longer than {longest} characters")
    if _CONTROL.search(value):
        raise MessageRejected("id_not_string", "an identifier holds control characters")
    plain = value.strip().lower()
    return None if plain in rules.blocked or _ZEROS.fullmatch(plain) else value


def email_of(
    kind: str, traits: dict[str, Any], context: dict[str, Any], rules: Rules
) -> str | None:
    """The e-mail that identifies: identify's `traits.email`, else `context.traits.email`.

    What doesn't look like an e-mail stays a trait and identifies nobody.
    """
    of_context = context.get("traits")
    return (looks_like_email(traits.get("email"), rules) if kind == "identify" else None) or (
        looks_like_email(of_context.get("email"), rules) if isinstance(of_context, dict) else None
    )


def looks_like_email(value: Any, rules: Rules) -> str | None:
    """The e-mail in lower case, without blanks around it; None where it is none."""
    if not isinstance(value, str) or len(value) > LONGEST_ID:
        return None
    plain = value.strip().lower()
    if len(plain) > LONGEST_EMAIL or plain in rules.blocked or not _EMAIL.fullmatch(plain):
        return None
    return plain


def _object(value: Any, reason: str, rules: Rules) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MessageRejected(reason, reason.replace("_", " "))
    if len(value) > rules.max_traits:
        raise MessageRejected("too_many_traits", f"{len(value)} keys; at most {rules.max_traits}")
    return value


def _text(value: Any, reason: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise MessageRejected(reason, reason.replace("_", " "))
    return value or None


def _event(value: Any) -> str:
    event = _text(value, "event_not_string")
    if event is None:
        raise MessageRejected("event_not_defined", "a track call needs the name of its event")
    return event


def _required(value: Any, name: str, longest: int, rules: Rules) -> str:
    found = identifier(value, rules, longest)
    if found is None:
        raise MessageRejected("id_required", f"{name} is missing or names nobody")
    return found


def _nobody(member: Member) -> NoReturn:
    if member.user_id or member.anonymous_id:
        raise MessageRejected("id_blocked", "its identifiers are values nobody has")
    raise MessageRejected("no_user_anon_id", "neither userId nor anonymousId nor an e-mail")
