"""`update_email`: a user gets another e-mail address (iterable.md §5, §7)."""

from daemon.mapping.declarations.action import Action, Kind, Route
from daemon.mapping.declarations.caller import (
    UPDATE,
    UPDATE_EMAIL,
    email_change,
    identity_fields,
)
from daemon.mapping.declarations.field import Field, Type
from daemon.mapping.declarations.keys import subscribe

ACTION = Action(
    name="update_email",
    about="Changes the user's e-mail address; profile and events move along.",
    kind=Kind.EVENT,
    routes=(
        Route("POST", UPDATE_EMAIL, "iterable.md §7"),
        Route("POST", UPDATE, "iterable.md §5"),
    ),
    build=lambda given: [email_change(given)],
    fields=(
        *identity_fields(),
        Field(
            "newEmail",
            Type.EMAIL,
            "The address the user has from now on.",
            "iterable.md §7",
            required=True,
        ),
    ),
    keys=(subscribe(),),
)
