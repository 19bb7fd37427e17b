"""`register_device`: a device that can be sent push messages (iterable.md §7, "Devices")."""

from typing import Any

from daemon.mapping.declarations.action import Action, Given, Kind, Preset, Request, Route
from daemon.mapping.declarations.caller import identity_fields, mentioned, prefer_user_id
from daemon.mapping.declarations.field import Field, Type
from daemon.mapping.declarations.keys import subscribe

_SOURCE = "iterable.md §7"
_ROUTE = Route("POST", "/api/users/registerDeviceToken", _SOURCE)
_PARTS = ("token", "platform", "applicationName", "dataFields")


def _build(given: Given) -> list[Request]:
    values = given.values
    device = {part: values[f"device.{part}"] for part in _PARTS if f"device.{part}" in values}
    row: dict[str, Any] = {**mentioned(given), "device": device}
    if "preferUserId" in values:
        row["preferUserId"] = values["preferUserId"]
    return [Request(_ROUTE.method, _ROUTE.path, row)]


ACTION = Action(
    name="register_device",
    about="Adds a device to the user, or writes its data anew.",
    kind=Kind.EVENT,
    routes=(_ROUTE,),
    build=_build,
    fields=(
        *identity_fields(),
        Field("device.token", Type.TEXT, "The device's push token.", _SOURCE, required=True),
        Field(
            "device.platform",
            Type.WORD,
            "`APNS`, `APNS_SANDBOX` or `GCM`; `ios` and `android` stand for the first and last.",
            _SOURCE,
            required=True,
            words={
                "APNS": "APNS",
                "APNS_SANDBOX": "APNS_SANDBOX",
                "GCM": "GCM",
                "ios": "APNS",
                "android": "GCM",
            },
        ),
        Field(
            "device.applicationName",
            Type.TEXT,
            "The push integration in Iterable, usually the app's package name or bundle id.",
            _SOURCE,
            required=True,
        ),
        Field("device.dataFields", Type.OBJECT, "What else is known of the device.", _SOURCE),
        Field("device.dataFields.*", Type.ANY, "One of them.", _SOURCE),
        prefer_user_id(),
    ),
    keys=(subscribe(),),
    presets=(
        Preset(
            "segment",
            "The device and app in a mobile call's context. Segment's destination registers none.",
            "segment.md §1.10",
            {
                "device.token": {"@path": "$.context.device.token"},
                "device.platform": {"@path": "$.context.device.type"},
                "device.applicationName": {"@path": "$.context.app.namespace"},
            },
        ),
    ),
)
