"""`track_event`: a message becomes a custom event (iterable.md §8, segment.md §13.3-13.4)."""

from typing import Any

from daemon.mapping.declarations.action import Action, Default, Kind, Preset
from daemon.mapping.declarations.caller import EVENTS_EMAIL
from daemon.mapping.declarations.custom_event import FIELDS, KEYS, ROUTE, build, row

_SEGMENT: dict[str, Any] = {
    "email": EVENTS_EMAIL,
    "eventName": {"@path": "$.event"},
    "dataFields": {"@path": "$.properties"},
    "campaignId": {"@path": "$.properties.campaignId"},
    "templateId": {"@path": "$.properties.templateId"},
}
_LINKED = {
    "Associated Entity Added": "warehouse_entity_added_track",
    "Associated Entity Removed": "warehouse_entity_removed_track",
    "Entities Audience Entered": "warehouse_audience_entered_track",
    "Entities Exited": "warehouse_audience_exited_track",
    "Journeys Step Transition Track": "journeys_step_entered_track",
}
_CARTS = '(event in ["Product Added", "Product Removed"] and properties.products != null)'

ACTION = Action(
    name="track_event",
    about="Adds a custom event to the user.",
    kind=Kind.EVENT,
    routes=(ROUTE,),
    fields=FIELDS,
    build=build,
    row=row,
    keys=KEYS,
    presets=(
        Preset(
            "segment",
            "The event's name, and its properties as data.",
            "segment.md §13.3",
            _SEGMENT,
        ),
        *(
            Preset(
                name,
                "The same, for Segment's event of this name.",
                "segment.md §7.2, §13.3",
                _SEGMENT,
                slug=slug,
            )
            for name, slug in _LINKED.items()
        ),
    ),
    defaults=(
        Default(
            "segment",
            "events",
            'type = "track" and event != "Order Completed" and event != "Cart Updated"',
            "segment",
        ),
        Default(
            "segment-classic",
            "events",
            f'type = "track" and event != "Order Completed" and !{_CARTS}',
            "segment",
        ),
    ),
)
