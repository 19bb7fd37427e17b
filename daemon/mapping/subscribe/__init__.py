"""Which messages a mapping is about: the `subscribe` language, and Segment's trigger dialect.

parse ─▶ tokens ─▶ parser (checks) ─▶ syntax ─▶ compiling ─▶ matches
                                         ├────▶ narrowing ─▶ types, events
a trigger ─▶ trigger_reading ─▶ converting ─┘
                    └─▶ trigger (decides as Segment does)
"""

from daemon.mapping.subscribe.converting import Converted, convert
from daemon.mapping.subscribe.dialect import parse_as_trigger
from daemon.mapping.subscribe.errors import SubscribeError
from daemon.mapping.subscribe.language import Subscribe, parse
from daemon.mapping.subscribe.trigger import Trigger, decides, parse_trigger

__all__ = [
    "Converted",
    "Subscribe",
    "SubscribeError",
    "Trigger",
    "convert",
    "decides",
    "parse",
    "parse_as_trigger",
    "parse_trigger",
]
