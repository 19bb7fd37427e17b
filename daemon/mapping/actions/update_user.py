"""`update_user`: traits become the fields of a profile (iterable.md §7, segment.md §13.3-13.4)."""

from typing import Any

from daemon.domain.identity import ProjectType
from daemon.mapping.declarations.action import Action, Default, Given, Kind, Preset, Request, Route
from daemon.mapping.declarations.caller import (
    UPDATE,
    email_change,
    identity_fields,
    identity_of,
    prefer_user_id,
    written,
)
from daemon.mapping.declarations.field import Field, Type
from daemon.mapping.declarations.keys import (
    CREATE_NEW_FIELDS,
    EMPTY,
    NULLS,
    OMIT,
    data_fields,
    subscribe,
)
from daemon.mapping.declarations.objects import told
from daemon.mapping.declarations.reserved import refusal, writable

_BULK = "/api/users/bulkUpdate"
_SEGMENT: dict[str, Any] = {
    "dataFields": {"@path": "$.traits"},
    "phoneNumber": {"@path": "$.traits.phone"},
}
_PASSED_ON = ("mergeNestedObjects", "preferUserId", "createNewFields")


def _build(given: Given) -> list[Request]:
    values = given.values
    data = writable(values.get("dataFields", {}), identity_of(values))
    if "phoneNumber" in values:
        data["phoneNumber"] = values["phoneNumber"]
    row = {**written(given), "dataFields": told(data, given.options)}
    if given.project is ProjectType.USER_ID and values.get("email"):
        row["dataFields"]["email"] = values["email"]
    row |= {name: values[name] for name in _PASSED_ON if name in values}
    if values.get("updateOnly"):
        requests = [Request("POST", _BULK, {"updateOnly": True, "users": [row]})]
    else:
        requests = [Request("POST", UPDATE, row)]
    if values.get("newEmail"):
        requests.append(email_change(given))
    return requests


ACTION = Action(
    name="update_user",
    about="Writes fields of the user's profile; makes the user where there is none.",
    kind=Kind.STATE,
    routes=(Route("POST", UPDATE, "iterable.md §7", bulk=_BULK, rows="users"),),
    open=True,
    refuses=refusal,
    build=_build,
    fields=(
        *identity_fields(),
        *data_fields("An object whose keys are all written.", "segment.md §13.3", short=True),
        Field(
            "phoneNumber",
            Type.TEXT,
            "The phone number Iterable sends to.",
            "segment.md §13.3",
            nullable=True,
        ),
        Field(
            "mergeNestedObjects",
            Type.FLAG,
            "Whether an object is merged into the stored one instead of replacing it.",
            "iterable.md §6.4",
            default=False,
        ),
        Field(
            "newEmail",
            Type.EMAIL,
            "The address the user has from now on: a second call.",
            "segment.md §13.4",
        ),
        Field(
            "updateOnly",
            Type.FLAG,
            "Don't make users; Iterable has to enable it.",
            "iterable.md §7",
        ),
        prefer_user_id(),
        CREATE_NEW_FIELDS,
    ),
    keys=(subscribe(), OMIT, NULLS, EMPTY),
    presets=(
        Preset(
            "segment",
            "All traits, and `phone` as `phoneNumber` too.",
            "segment.md §13.3",
            _SEGMENT,
        ),
        Preset(
            "Entities Audience Membership Changed",
            "A linked audience's membership, as an identify call.",
            "segment.md §13.3",
            _SEGMENT,
            slug="warehouse_audience_membership_changed_identify",
        ),
        Preset(
            "Journeys Step Entered",
            "A journey's step. Segment sends a track call, which has no traits: only the user"
            " is written.",
            "segment.md §13.3",
            _SEGMENT,
            slug="journeys_step_entered_track",
        ),
        Preset(
            "segment-classic",
            "All traits and some of the context, under the names the classic destination used.",
            "segment.md §13.7",
            {
                **_SEGMENT,
                "dataFields.app": {"@path": "$.context.app"},
                "dataFields.device": {"@path": "$.context.device"},
                "dataFields.ip": {"@path": "$.context.ip"},
                "dataFields.locale": {"@path": "$.context.locale"},
                "dataFields.location": {"@path": "$.context.location"},
                "dataFields.page": {"@path": "$.context.page"},
                "dataFields.timeZone": {"@path": "$.context.timezone"},
                "dataFields.userAgent": {"@path": "$.context.userAgent"},
                "dataFields.met": {"@path": "$.traits.created"},
            },
            keys={"omit": ["id", "phone", "created"], "nulls": "keep"},
        ),
        Preset(
            "group",
            "The traits of a group call, as one field.",
            "segment.md §1.6",
            {
                "email": {"@path": "$.context.traits.email"},
                "dataFields.groupId": {"@path": "$.groupId"},
                "dataFields.group": {"@path": "$.traits"},
            },
        ),
    ),
    defaults=(
        Default("segment", "profiles", 'type = "identify"', "segment"),
        Default("segment", "groups", 'type = "group"', "group", on=False),
        Default("segment-classic", "profiles", 'type = "identify"', "segment-classic"),
    ),
)
