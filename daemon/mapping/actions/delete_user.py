"""`delete_user`: the user is deleted; later data makes a new one (iterable.md §7)."""

from urllib.parse import quote

from daemon.mapping.declarations.action import Action, Given, Kind, Request, Route
from daemon.mapping.declarations.caller import identity_fields, only
from daemon.mapping.declarations.keys import subscribe

_SOURCE = "iterable.md §7"
_BY_EMAIL = Route("DELETE", "/api/users/{email}", _SOURCE)
_BY_USER_ID = Route("DELETE", "/api/users/byUserId/{userId}", _SOURCE)


def _build(given: Given) -> list[Request]:
    who = {name: quote(value, safe="@") for name, value in only(given).items()}
    route = _BY_EMAIL if "email" in who else _BY_USER_ID
    return [Request(route.method, route.path.format(**who), None)]


ACTION = Action(
    name="delete_user",
    about="Deletes the user. Data that comes later makes a new one.",
    kind=Kind.EVENT,
    routes=(_BY_EMAIL, _BY_USER_ID),
    build=_build,
    fields=identity_fields(),
    keys=(subscribe(),),
)
