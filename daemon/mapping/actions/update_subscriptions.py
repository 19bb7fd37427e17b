"""`update_subscriptions`: opt-outs and opt-ins of channels, message types and lists.

Iterable's incremental calls (iterable.md §10): `users/updateSubscriptions` would replace whole
arrays (§7), so what it should hold can't be said from one message.
"""

from typing import Any

from daemon.domain.commands import Group
from daemon.mapping.declarations.action import Action, Given, Kind, Request, Route
from daemon.mapping.declarations.caller import identity_fields, only
from daemon.mapping.declarations.field import Field, Type
from daemon.mapping.declarations.key import Key
from daemon.mapping.declarations.keys import subscribe
from daemon.mapping.declarations.problems import ActionFailed, FieldProblem
from daemon.mapping.declarations.shapes import Condition, Keys, ListOf, Reference

_SOURCE = "iterable.md §10"
_ROUTE = Route("PUT", "/api/subscriptions/{group}/{id}?action={action}", _SOURCE)
_OUT, _IN = "unsubscribe", "subscribe"
_GROUPS: dict[str, tuple[str, Group]] = {
    # key: (field, group of Iterable's)
    "channels": ("channelIds", "messageChannel"),
    "message_types": ("messageTypeIds", "messageType"),
    "lists": ("listIds", "emailList"),
}


def _fills(targets: dict[str, list[int]]) -> dict[str, Any]:
    return {_GROUPS[key][0]: {"@literal": ids} for key, ids in targets.items()}


def _build(given: Given) -> list[Request]:
    action = given.values["choice"]
    who = only(given)
    users = {"users": [who["email"]]} if "email" in who else {"usersByUserId": [who["userId"]]}
    requests = [
        Request(_ROUTE.method, _ROUTE.path.format(group=group, id=identifier, action=action), users)
        for field, group in _GROUPS.values()
        for identifier in given.values.get(field, [])
    ]
    if not requests:
        raise ActionFailed([FieldProblem("channelIds", "is required, or messageTypeIds, listIds")])
    return requests


ACTION = Action(
    name="update_subscriptions",
    about="Opts the user out of channels, message types and lists, or in again.",
    kind=Kind.STATE,
    routes=(_ROUTE,),
    build=_build,
    fields=(
        *identity_fields(),
        Field(
            "choice",
            Type.WORD,
            "`unsubscribe` or `subscribe`; `out` and `in` are the same.",
            _SOURCE,
            required=True,
            default=_OUT,
            words={_OUT: _OUT, _IN: _IN, "out": _OUT, "in": _IN},
        ),
        Field("channelIds", Type.WHOLES, "Channels, by id.", _SOURCE, most=100),
        Field("messageTypeIds", Type.WHOLES, "Message types, by id.", _SOURCE, most=100),
        Field("listIds", Type.WHOLES, "Lists, by id.", _SOURCE, most=100),
    ),
    keys=(
        subscribe("Which messages opt a person out.", choice=_OUT),
        Key(
            name="unsubscribe",
            shape=Keys(
                channels=ListOf(Reference("messageChannel")),
                message_types=ListOf(Reference("messageType")),
                lists=ListOf(Reference("emailList")),
            ),
            about="Of what: `channels`, `message_types`, `lists`, each by name or id, one or"
            " several.",
            required=True,
            fills=_fills,
        ),
        Key(
            name="opt_in",
            shape=Condition(),
            about="Which messages opt in again; without it none does.",
            fills=lambda _: {"choice": _IN},
            condition=str,
        ),
    ),
)
