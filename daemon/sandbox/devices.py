"""Device and browser tokens (iterable.md §7), kept on the profile; and people's web tokens."""

from typing import Any

import msgspec

from daemon.sandbox.answers import Answer, Call, envelope, refuse
from daemon.sandbox.decoding import decode
from daemon.sandbox.identity import find
from daemon.sandbox.people import User, decode_fields
from daemon.sandbox.project import Project
from daemon.sandbox.requests import DisableDevice, InvalidateJwts, RegisterBrowser, RegisterDevice
from daemon.sandbox.writes import write_user

MOST_TOKENS = 500
PLATFORMS = ("APNS", "APNS_SANDBOX", "GCM")


def _held(user: User | None, field: str) -> list[dict[str, Any]]:
    if user is None:
        return []
    held = decode_fields(user.true.data).get(field, [])
    return [d for d in held if isinstance(d, dict)] if isinstance(held, list) else []


def _add(
    project: Project,
    call: Call,
    email: str | None,
    user_id: str | None,
    field: str,
    token: dict[str, Any],
    *,
    prefer_user_id: bool = False,
) -> None:
    user, email, user_id = find(project, email, user_id, prefer_user_id=prefer_user_id)
    held = _held(user, field)
    known = next((d for d in held if d.get("token") == token["token"]), {})
    tokens = [d for d in held if d is not known]
    if len(tokens) >= MOST_TOKENS:
        raise refuse(f"User has more than {MOST_TOKENS} {field}")
    write_user(
        project,
        user,
        email,
        user_id,
        {field: [*tokens, {**known, **token}]},
        visible_at=call.now + project.lag_single.draw(),
        now=call.now,
    )
    project.ledger.one(call.now, call.path, "device", call.body)


def register_device(project: Project, call: Call) -> Answer:
    """POST users/registerDeviceToken."""
    row = decode(call.body, RegisterDevice, call.path)
    if row.device.platform not in PLATFORMS:
        raise refuse(f"Invalid platform: {row.device.platform}")
    if not row.device.token:
        who = f"Some({row.email or row.userId})"
        msg = f"Unable to register token to user {who}"
        raise refuse(msg, "GenericError", status=500)
    sent = {k: v for k, v in msgspec.to_builtins(row.device).items() if v is not None}
    device = {**sent, "endpointEnabled": True}
    prefer = bool(row.preferUserId)
    _add(project, call, row.email, row.userId, "devices", device, prefer_user_id=prefer)
    return envelope()


def register_browser(project: Project, call: Call) -> Answer:
    """POST users/registerBrowserToken."""
    row = decode(call.body, RegisterBrowser, call.path)
    _add(project, call, row.email, row.userId, "browserTokens", {"token": row.browserToken})
    return envelope()


def disable_device(project: Project, call: Call) -> Answer:
    """POST users/disableDevice: of one user, or of everyone holding the token."""
    row = decode(call.body, DisableDevice, call.path)
    if row.email is None and row.userId is None:
        users = [u for u in project.people.living() if row.token.encode() in u.true.data]
    else:
        user, _, _ = find(project, row.email, row.userId)
        users = [] if user is None else [user]
    for user in users:
        devices = _held(user, "devices")
        for device in devices:
            if device.get("token") == row.token:
                device["endpointEnabled"] = False
        write_user(
            project,
            user,
            None,
            None,
            {"devices": devices} if devices else None,
            visible_at=call.now + project.lag_single.draw(),
            now=call.now,
        )
    project.ledger.one(call.now, call.path, "device", call.body)
    return envelope()


def invalidate_jwts(project: Project, call: Call) -> Answer:
    """POST auth/jwts/invalidate: the sandbox gives none out, so only the user is looked at."""
    row = decode(call.body, InvalidateJwts, call.path)
    find(project, row.email, row.userId)
    return envelope()
