"""Reading users and the names of their fields (iterable.md §7)."""

from typing import Any

from daemon.sandbox.answers import TEXT, Answer, Call, invalid_email, json, refuse_second
from daemon.sandbox.dates import shown_any
from daemon.sandbox.identity import email_ok
from daemon.sandbox.people import Version, decode_fields
from daemon.sandbox.project import Project

REGIONS = {"+55": "BR", "+44": "GB", "+49": "DE", "+33": "FR", "+1": "US"}


def region_of(phone: object) -> str | None:
    """The region Iterable reads off a telephone number, of the few that are told apart here."""
    if not isinstance(phone, str):
        return None
    return next((region for prefix, region in REGIONS.items() if phone.startswith(prefix)), None)


def profile(project: Project, version: Version) -> dict[str, Any]:
    """A version as GET user returns it, managed fields included (iterable.md §6.5)."""
    fields = decode_fields(version.data)
    internal: dict[str, Any] = {
        "documentCreatedAt": shown_any(version.created_at),
        "documentUpdatedAt": shown_any(version.visible_at),
    }
    region = region_of(fields.get("phoneNumber"))
    if region is not None:
        internal["regionCode"] = region
    user: dict[str, Any] = {}
    if version.email is not None:
        user["email"] = fields["email"] = version.email
        internal["emailDomain"] = version.email.rpartition("@")[2]
    fields["profileUpdatedAt"] = shown_any(version.updated_at)
    if version.choices is not None:
        fields[project.list_field] = list(version.choices.lists)
        fields["unsubscribedChannelIds"] = list(version.choices.off_channels)
        fields["unsubscribedMessageTypeIds"] = list(version.choices.off_types)
        fields["subscribedMessageTypeIds"] = list(version.choices.on_types)
    user["dataFields"] = fields
    if version.user_id is not None:
        user["userId"] = fields["userId"] = version.user_id
    fields["itblInternal"] = internal
    return user


def get_by_email(project: Project, call: Call) -> Answer:
    """GET users/{email} and users/getByEmail: a miss is 200 `{}`."""
    email = call.args.get("email", call.query.get("email", ""))
    if not email_ok(email):
        raise invalid_email(email)
    found = project.people.seen_by_email(email.lower(), call.now)
    return json({} if found is None else {"user": profile(project, found[1])})


def get_by_user_id(project: Project, call: Call) -> Answer:
    """GET users/byUserId: a miss is an error; one too new to be shown is 200 `{}` (§7)."""
    user_id = call.args.get("userId", call.query.get("userId", ""))
    found = project.people.seen_by_user_id(user_id, call.now)
    if found is not None:
        return json({"user": profile(project, found[1])})
    return json({}) if project.people.by_user_id.get(user_id) else _missed(project, user_id)


def _missed(project: Project, user_id: str) -> Answer:
    """A miss by userId in the form a setting asks for (iterable.md §20.6)."""
    match project.settings.user_id_miss:
        case "json":
            message, code = "No user with that id exists!", "error.users.noUserWithIdExists"
            raise refuse_second("BadRequest", message, code, 400, user_id)
        case "text":
            return Answer(b"No user with that id exists!", 400, TEXT)
        case "empty":
            return json({})


def get_fields(project: Project, call: Call) -> Answer:  # noqa: ARG001 -- every handler takes both
    """GET users/getFields."""
    return json({"fields": project.user_schema.known})
