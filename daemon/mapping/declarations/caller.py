"""Who a request is about: the two identifiers, and which of them each project type takes.

Iterable finds a user by e-mail in e-mail-based projects and by userId in userId-based ones; hybrid
projects take either (iterable.md §5). Of what a message says, `email` and `userId` may both be
sent where the user is written; elsewhere only the project's key is.
"""

from collections.abc import Mapping
from typing import Any

from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.mapping.declarations.action import Given, Request
from daemon.mapping.declarations.field import Field, Type
from daemon.mapping.declarations.problems import ActionFailed, FieldProblem
from daemon.mapping.declarations.values import LONGEST_USER_ID

USERS_EMAIL: dict[str, Any] = {
    "@if": {
        "exists": {"@path": "$.traits.email"},
        "then": {"@path": "$.traits.email"},
        "else": {"@path": "$.context.traits.email"},
    }
}
"""The user's e-mail address in an identify, and in any call that has it in its context."""
EVENTS_EMAIL: dict[str, Any] = {
    "@if": {
        "exists": {"@path": "$.properties.email"},
        "then": {"@path": "$.properties.email"},
        "else": {"@path": "$.context.traits.email"},
    }
}
"""Where Segment's destination looks for it in a track call (segment.md §13.3)."""

UPDATE = "/api/users/update"
UPDATE_EMAIL = "/api/users/updateEmail"


def identity_fields(prefix: str = "") -> tuple[Field, Field]:
    """The rows of a table that say who it is."""
    return (
        Field(
            name=f"{prefix}email",
            type=Type.EMAIL,
            about="The user's e-mail address; blanks around it and capitals don't count.",
            source="iterable.md §5",
            default=USERS_EMAIL,
            identity=True,
        ),
        Field(
            name=f"{prefix}userId",
            type=Type.USER_ID,
            about="The user's id; capitals count.",
            source="iterable.md §4",
            default={"@path": "$.userId"},
            identity=True,
            most=LONGEST_USER_ID,
        ),
    )


def prefer_user_id(prefix: str = "") -> Field:
    return Field(
        name=f"{prefix}preferUserId",
        type=Type.FLAG,
        about="In an e-mail-based project: make a user with a placeholder address where the userId"
        " is unknown.",
        source="iterable.md §5",
    )


def identity_of(values: Mapping[str, Any], prefix: str = "") -> IterableIdentity:
    """Who the values are about. Raises ActionFailed where they name nobody."""
    identity = IterableIdentity(values.get(f"{prefix}email"), values.get(f"{prefix}userId"))
    if identity == IterableIdentity():
        raise ActionFailed([FieldProblem(f"{prefix}email", f"it or {prefix}userId is required")])
    return identity


def written(given: Given, prefix: str = "") -> dict[str, Any]:
    """The identifiers of a request that writes the user: all that are known.

    A userId-based project takes the e-mail address as a field of the profile only.
    """
    identity = identity_of(given.values, prefix)
    prefers = given.values.get(f"{prefix}preferUserId")
    if not (prefers and given.project is ProjectType.EMAIL):
        _key(identity, given.project, prefix)
    row: dict[str, Any] = {}
    if identity.email and given.project is not ProjectType.USER_ID:
        row["email"] = identity.email
    if identity.user_id:
        row["userId"] = identity.user_id
    return row


def mentioned(given: Given, prefix: str = "") -> dict[str, str]:
    """The identifiers of a request about a user: the project's key; both where it isn't known."""
    identity = identity_of(given.values, prefix)
    if given.project is None:
        both = {"email": identity.email, "userId": identity.user_id}
        return {name: value for name, value in both.items() if value}
    return _key(identity, given.project, prefix)


def only(given: Given, prefix: str = "") -> dict[str, str]:
    """One identifier, for requests that take no more."""
    return _key(identity_of(given.values, prefix), given.project, prefix)


def _key(identity: IterableIdentity, project: ProjectType | None, prefix: str) -> dict[str, str]:
    key = identity.key(project or ProjectType.HYBRID)
    if key is not None:
        return key
    lacking = "email" if project is ProjectType.EMAIL else "userId"
    kind = "an e-mail-based" if project is ProjectType.EMAIL else "a userId-based"
    raise ActionFailed([FieldProblem(f"{prefix}{lacking}", f"is required in {kind} project")])


def email_change(given: Given) -> Request:
    """The change of an e-mail address (iterable.md §5, "change email").

    Where the project's type isn't known it is the call Segment's destination makes.
    """
    identity, new = identity_of(given.values), given.values["newEmail"]
    if given.project in (None, ProjectType.EMAIL):
        current = {"currentEmail": identity.email}
        if given.project is None:
            current["currentUserId"] = identity.user_id
        elif not identity.email:
            current = {"currentUserId": identity.user_id}
        known = {name: value for name, value in current.items() if value}
        return Request("POST", UPDATE_EMAIL, {**known, "newEmail": new})
    if identity.user_id is None:
        reason = "is required: outside e-mail-based projects an address is changed by userId"
        raise ActionFailed([FieldProblem("userId", reason)])
    return Request("POST", UPDATE, {"userId": identity.user_id, "dataFields": {"email": new}})
