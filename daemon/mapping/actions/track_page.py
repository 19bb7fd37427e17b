"""`track_page`: a page or screen call becomes a custom event (iterable.md §8, segment.md §13.7)."""

from typing import Any

from daemon.mapping.declarations.action import Action, Default, Kind, Preset
from daemon.mapping.declarations.caller import EVENTS_EMAIL
from daemon.mapping.declarations.custom_event import FIELDS, KEYS, ROUTE, build, row

_SEGMENT: dict[str, Any] = {
    "email": EVENTS_EMAIL,
    "eventName": {
        "@if": {
            "exists": {"@path": "$.name"},
            "then": {"@template": "{{name}} {{type}}"},
            "else": {"@path": "$.type"},
        }
    },
    "dataFields": {"@path": "$.properties"},
}

ACTION = Action(
    name="track_page",
    about="Adds a custom event for a page or a screen the user saw.",
    kind=Kind.EVENT,
    routes=(ROUTE,),
    fields=FIELDS,
    build=build,
    row=row,
    keys=KEYS,
    presets=(
        Preset(
            "segment",
            "`Pricing page` or `Home screen`: the name and the kind; its properties as data."
            " Segment's current destination leaves pages out, the classic one took them so.",
            "segment.md §13.7",
            _SEGMENT,
        ),
    ),
    defaults=(
        Default("segment", "pages", 'type = "page"', "segment", on=False),
        Default("segment", "screens", 'type = "screen"', "segment", on=False),
        Default("segment-classic", "pages", 'type = "page"', "segment"),
    ),
)
