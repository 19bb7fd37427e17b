"""Calls as requests: path, query and body (iterable.md §7 to §10). Pure."""

from collections.abc import Mapping
from typing import Any, assert_never

import msgspec

from daemon.clients.iterable.endpoints import ENDPOINTS
from daemon.domain.commands import Call, CallKey, Command, Endpoint

_encoder = msgspec.json.Encoder()


def row_size(row: Mapping[str, Any]) -> int:
    """The length of a row in bytes as sent, with the comma after it.

    Raises UnicodeEncodeError for a lone surrogate: such a row can't be sent at all.
    """
    return len(_encoder.encode(row)) + 1


def request_body(call: Call) -> bytes:
    """The JSON body of a call's request."""
    return _encoder.encode(_body(call))


def path_of(key: CallKey) -> str:
    """The path of a call, below `/api/`."""
    return ENDPOINTS[key.endpoint].path.format(group=key.group, target=key.target)


def query_of(key: CallKey) -> dict[str, str] | None:
    """The query of a call, None for none."""
    return {"action": key.action} if key.endpoint is Endpoint.SUBSCRIPTIONS else None


def _body(call: Call) -> dict[str, Any]:
    rows = [command.row for command in call.commands]
    endpoint = call.key.endpoint
    match endpoint:
        case Endpoint.BULK_UPDATE | Endpoint.TRACK_BULK:
            return {ENDPOINTS[endpoint].rows_key: rows}
        case Endpoint.LIST_SUBSCRIBE:
            return {"listId": call.key.target, "subscribers": rows}
        case Endpoint.LIST_UNSUBSCRIBE:
            # said explicitly, since true would opt people out of the list's channel (§9)
            return {"listId": call.key.target, "subscribers": rows, "channelUnsubscribe": False}
        case Endpoint.SUBSCRIPTIONS:
            return _people(call.commands)
        case Endpoint.UPDATE_SUBSCRIPTIONS | Endpoint.UPDATE_EMAIL:
            (row,) = rows
            return row
        case (
            Endpoint.GET_USER
            | Endpoint.GET_FIELDS
            | Endpoint.LISTS
            | Endpoint.LIST_USERS
            | Endpoint.CHANNELS
            | Endpoint.MESSAGE_TYPES
            | Endpoint.EXPORT_START
            | Endpoint.EXPORT_FILES
            | Endpoint.FORGOTTEN
            | Endpoint.FORGOTTEN_USER_IDS
        ):
            raise ValueError(f"{endpoint.value} takes no rows")
        case _:
            assert_never(endpoint)


def _people(commands: list[Command]) -> dict[str, Any]:
    """Users by the key their row names; a row that names none goes by e-mail if it has one."""
    users: list[str] = []
    by_user_id: list[str] = []
    for command in commands:
        email = command.row.get("email")
        user_id = command.row.get("userId")
        if email is None and user_id is None:
            email, user_id = command.email, command.user_id
        if email is not None:
            users.append(email)
        elif user_id is not None:
            by_user_id.append(user_id)
    people = {"users": users, "usersByUserId": by_user_id}
    return {name: who for name, who in people.items() if who}
