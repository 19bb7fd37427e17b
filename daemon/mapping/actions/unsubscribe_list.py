"""`unsubscribe_list`: whoever a message is about leaves a list (iterable.md §9)."""

from daemon.mapping.declarations.action import Action, Kind, Preset
from daemon.mapping.declarations.keys import AT_MOST, subscribe
from daemon.mapping.declarations.lists import (
    CAMPAIGN_ID,
    CHANNEL_UNSUBSCRIBE,
    IDENTITY,
    LIST,
    LIST_ID,
    UNSUBSCRIBE,
    leaving,
)

ACTION = Action(
    name="unsubscribe_list",
    about="Takes the user off a list; it is no opt-out.",
    kind=Kind.STATE,
    routes=(UNSUBSCRIBE,),
    build=lambda given: [leaving(given)],
    fields=(*IDENTITY, LIST_ID, CHANNEL_UNSUBSCRIBE, CAMPAIGN_ID),
    keys=(subscribe(), LIST, AT_MOST),
    presets=(
        Preset(
            "segment",
            "The list Segment made for the audience a message was computed for.",
            "segment.md §13.5",
            {"listId": {"@path": "$.context.personas.external_audience_id"}},
        ),
    ),
)
