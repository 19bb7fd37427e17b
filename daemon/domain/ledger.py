"""What calls and turns leave behind, so that every message can be accounted for (DESIGN §5.2).

A *call* is one bulk request: open it is the intent, closed it is the proof. A *turn* is what one
lane did between two checkpoints of a stage: it covers the positions after `from` up to and
including `to`, of its shards.
"""

import msgspec


class CallRows(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The rows of a call, in their order. All lists that are not empty are equally long.

    Events fill `users`, `positions` and `message_ids`; state fills `users` and `parts` (part name
    to the 8-byte hash of what was sent).
    """

    users: list[str] = []
    positions: list[int] = []
    message_ids: list[str] = []
    parts: list[dict[str, int]] = []


class FailedRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The row at `index` of its call was not accepted. `reason` is for people, without values."""

    index: int
    verdict: str
    reason: str = ""


class TurnBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of the messages a turn covers. Lists hold positions.

    `messages` counts them, `no_mapping` those no mapping is about. `verdicts` counts fold verdicts
    by mapping. `opened` and `settled` are the `since` positions of marks. `handed` pairs a position
    with the one its copy took in another shard; `passed_on` are events that go on as such a copy.
    `repairs` maps a repair's position to its verdict.
    """

    messages: int = 0
    verdicts: dict[str, dict[str, int]] = {}
    opened: list[int] = []
    settled: list[int] = []
    handed: list[tuple[int, int]] = []
    delivered: list[int] = []
    filtered: list[int] = []
    expired: list[int] = []
    parked: list[int] = []
    dead: list[int] = []
    passed_on: list[int] = []
    no_mapping: int = 0
    repairs: dict[int, str] = {}
    counters: dict[str, int] = {}
