"""`send_campaign`: one message to the user, or a planned one taken back (iterable.md §11)."""

from typing import Any

from daemon.mapping.declarations.action import Action, Given, Kind, Request, Route
from daemon.mapping.declarations.caller import identity_fields, only
from daemon.mapping.declarations.field import Field, Type
from daemon.mapping.declarations.key import Key
from daemon.mapping.declarations.keys import (
    AT_MOST,
    EXPIRES_AFTER,
    OMIT,
    ONCE_PER,
    constant,
    data_fields,
    subscribe,
)
from daemon.mapping.declarations.problems import ActionFailed, FieldProblem
from daemon.mapping.declarations.shapes import FLAG, ID, Word

_SOURCE = "iterable.md §11"
_MEDIA = ("email", "push", "sms")
_TARGET, _CANCEL = "/api/{medium}/target", "/api/{medium}/cancel"
_PASSED_ON = ("dataFields", "sendAt", "allowRepeatMarketingSends")


def _build(given: Given) -> list[Request]:
    medium = given.values["medium"]
    if given.values.get("cancel"):
        return [Request("POST", _CANCEL.format(medium=medium), _cancelled(given))]
    return [Request("POST", _TARGET.format(medium=medium), _sent(given, medium))]


def _sent(given: Given, medium: str) -> dict[str, Any]:
    values, who = given.values, only(given)
    row: dict[str, Any] = {"campaignId": _campaign(given)}
    if "email" in who:
        row["recipientEmail"] = who["email"]
    else:
        row["recipientUserId"] = who["userId"]
    row |= {name: values[name] for name in _PASSED_ON if name in values}
    if "metadata" in values and medium != "sms":
        row["metadata"] = values["metadata"]
    return row


def _cancelled(given: Given) -> dict[str, Any]:
    """One planned message by its own id, or that of a campaign to this user."""
    if "scheduledMessageId" in given.values:
        return {"scheduledMessageId": given.values["scheduledMessageId"]}
    return {"campaignId": _campaign(given), **only(given)}


def _campaign(given: Given) -> int:
    campaign = given.values.get("campaignId")
    if campaign is None:
        raise ActionFailed([FieldProblem("campaignId", "is required")])
    return int(campaign)


ACTION = Action(
    name="send_campaign",
    about="Sends the user one e-mail, push or SMS, or takes a planned one back. A call sent"
    " twice may send twice.",
    kind=Kind.EVENT,
    routes=(Route("POST", _TARGET, _SOURCE), Route("POST", _CANCEL, _SOURCE)),
    open=True,
    build=_build,
    fields=(
        *identity_fields(),
        Field(
            "medium",
            Type.WORD,
            "How it is sent: `email`, `push` or `sms`.",
            _SOURCE,
            required=True,
            default="email",
            words={medium: medium for medium in _MEDIA},
        ),
        Field("campaignId", Type.WHOLE, "The campaign's id.", _SOURCE),
        *data_fields("An object whose keys the template gets.", _SOURCE, short=True),
        Field(
            "sendAt",
            Type.UTC,
            "When to send it, at most 365 days ahead; in the past it is now.",
            _SOURCE,
        ),
        Field(
            "allowRepeatMarketingSends",
            Type.FLAG,
            "Whether a campaign may reach one user twice; Iterable assumes so.",
            _SOURCE,
        ),
        Field("metadata", Type.OBJECT, "What webhooks get back; not for SMS.", _SOURCE),
        Field("cancel", Type.FLAG, "Take a planned message back instead.", _SOURCE),
        Field(
            "scheduledMessageId",
            Type.WHOLE,
            "With `cancel`: the planned message, instead of campaign and user.",
            _SOURCE,
        ),
    ),
    keys=(
        subscribe(),
        Key("campaign", ID, "The campaign's id.", fills=constant("campaignId")),
        Key(
            "medium",
            Word(*_MEDIA),
            "How it is sent; an e-mail unless told otherwise.",
            fills=constant("medium"),
        ),
        Key(
            "cancel",
            FLAG,
            "Whether planned messages of the campaign to this user are taken back instead.",
            fills=constant("cancel"),
        ),
        EXPIRES_AFTER,
        OMIT,
        AT_MOST,
        ONCE_PER,
    ),
)
