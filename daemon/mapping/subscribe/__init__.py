"""Which messages a mapping is about: the `subscribe` language.

    parse ─▶ tokens ─▶ parser (checks) ─▶ syntax ─▶ compiling ─▶ matches
                                             └────▶ narrowing ─▶ types, events
"""

from daemon.mapping.subscribe.errors import SubscribeError
from daemon.mapping.subscribe.language import Subscribe, parse

__all__ = ["Subscribe", "SubscribeError", "parse"]
