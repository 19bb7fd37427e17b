"""`trigger_journey`: the user enters a journey (iterable.md §11)."""

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
from daemon.mapping.declarations.shapes import ID, NAME, SHARE, Either, Keys, Length, Word

_SOURCE = "iterable.md §11"
_ROUTE = Route("POST", "/api/workflows/triggerWorkflow", _SOURCE)
_FIRST = "first_identify"
_ON = Either(
    Word(_FIRST),
    Keys(("inactive", "for"), inactive=NAME, for_=Length()),
    Keys(("falling", "by", "window"), falling=NAME, by=SHARE, window=Length()),
)


def _chosen(on: Any) -> str | None:
    """An identify may be a person's first; a silence is told by no message."""
    return 'type = "identify"' if on == _FIRST else None


def _build(given: Given) -> list[Request]:
    row: dict[str, Any] = {"workflowId": given.values["workflowId"], **only(given)}
    if "dataFields" in given.values:
        row["dataFields"] = given.values["dataFields"]
    return [Request(_ROUTE.method, _ROUTE.path, row)]


ACTION = Action(
    name="trigger_journey",
    about="Lets the user enter a journey. A call sent twice may enter twice.",
    kind=Kind.EVENT,
    routes=(_ROUTE,),
    open=True,
    build=_build,
    fields=(
        *identity_fields(),
        Field("workflowId", Type.WHOLE, "The journey's id.", _SOURCE, required=True),
        *data_fields("An object whose keys the journey gets.", _SOURCE, short=True),
    ),
    one_of=(("subscribe", "on"),),
    keys=(
        subscribe("Which messages enter their user.", required=False),
        Key(
            name="on",
            shape=_ON,
            about="Instead of messages: `first_identify`; an event that stays away"
            " (`inactive`, `for`); an event that gets rarer (`falling`, `by`, `window`).",
            fills=lambda _: {},
            condition=_chosen,
        ),
        Key(
            name="journey",
            shape=ID,
            about="The journey's id.",
            required=True,
            fills=constant("workflowId"),
        ),
        Key(
            "only_if",
            Keys(account_age_below=Length()),
            "Whom it is for: `account_age_below` leaves out who has been a customer for longer.",
        ),
        EXPIRES_AFTER,
        OMIT,
        AT_MOST,
        ONCE_PER,
        Key(
            "on_return",
            Keys(("track_event",), track_event=NAME),
            "With `on` of an event: the custom event that is added once the event is back.",
        ),
    ),
)
