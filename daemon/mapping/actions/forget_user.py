"""`forget_user`: the user is deleted, and stays so (iterable.md §7, "Deletion & GDPR")."""

from daemon.mapping.declarations.action import Action, Given, Kind, Request, Route
from daemon.mapping.declarations.caller import identity_fields, only
from daemon.mapping.declarations.keys import subscribe

_ROUTE = Route("POST", "/api/users/forget", "iterable.md §7")


def _build(given: Given) -> list[Request]:
    return [Request(_ROUTE.method, _ROUTE.path, dict(only(given)))]


ACTION = Action(
    name="forget_user",
    about="Deletes the user and keeps Iterable from taking data about them again.",
    kind=Kind.EVENT,
    routes=(_ROUTE,),
    build=_build,
    fields=identity_fields(),
    keys=(subscribe(),),
)
