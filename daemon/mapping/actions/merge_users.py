"""`merge_users`: two users become one (iterable.md §7, "users/merge")."""

from typing import Any

from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.mapping.declarations.action import Action, Given, Kind, Preset, Request, Route
from daemon.mapping.declarations.field import Field, Type
from daemon.mapping.declarations.keys import subscribe
from daemon.mapping.declarations.problems import ActionFailed, FieldProblem
from daemon.mapping.declarations.values import LONGEST_USER_ID

_SOURCE = "iterable.md §7"
_ROUTE = Route("POST", "/api/users/merge", _SOURCE)


def _side(side: str, role: str) -> tuple[Field, Field]:
    return (
        Field(f"{side}Email", Type.EMAIL, f"The e-mail address of the user who {role}.", _SOURCE),
        Field(
            f"{side}UserId",
            Type.USER_ID,
            f"The userId of the user who {role}.",
            _SOURCE,
            most=LONGEST_USER_ID,
        ),
    )


def _one(given: Given, side: str) -> dict[str, str]:
    """One identifier of a side: Iterable takes not both."""
    identity = IterableIdentity(given.values.get(f"{side}Email"), given.values.get(f"{side}UserId"))
    key = identity.key(given.project or ProjectType.HYBRID)
    if key is None:
        by = "Email" if given.project is ProjectType.EMAIL else "UserId"
        raise ActionFailed([FieldProblem(f"{side}{by}", "is required in this project")])
    return {f"{side}{name[0].upper()}{name[1:]}": value for name, value in key.items()}


def _build(given: Given) -> list[Request]:
    source, destination = _one(given, "source"), _one(given, "destination")
    if list(source.values()) == list(destination.values()):
        raise ActionFailed([FieldProblem("sourceUserId", "names the user it is merged into")])
    row: dict[str, Any] = {**source, **destination}
    if "arrayMerge" in given.values:
        row["arrayMerge"] = given.values["arrayMerge"]
    return [Request(_ROUTE.method, _ROUTE.path, row)]


ACTION = Action(
    name="merge_users",
    about="Merges one user into another: the other's fields win, the one is deleted.",
    kind=Kind.EVENT,
    routes=(_ROUTE,),
    build=_build,
    fields=(
        *_side("source", "is merged and deleted"),
        *_side("destination", "stays"),
        Field(
            "arrayMerge",
            Type.OBJECTS,
            "Lists whose elements are merged: `field`, and `dedupeBy` where elements have a key.",
            _SOURCE,
        ),
    ),
    keys=(subscribe(),),
    presets=(
        Preset(
            "segment",
            "An alias call: who was `previousId` is `userId` from now on. Segment's destination"
            " merges nobody.",
            "segment.md §1.6",
            {
                "sourceUserId": {"@path": "$.previousId"},
                "destinationUserId": {"@path": "$.userId"},
            },
        ),
    ),
)
