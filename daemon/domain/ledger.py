"""What calls and turns leave behind, so that every message can be accounted for (DESIGN §5.2).

A *call* is one bulk request: open it is the intent, closed it is the proof. A *turn* is what one
lane did between two checkpoints of a stage: it covers the positions after `from` up to and
including `to`, of its shards. Ingest and the reconciler note what they append as turns too, of
stages of their own: so every row of the log is known twice.
"""

import msgspec

INGESTED = "ingested"
"""The stage of an ingest commit."""
OBSERVED = "observed"
"""The stage of a plan being applied: its observations enter the log."""


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

    `appended` holds the shards (one byte each) of the rows it appended to the log, from position
    `appended_from` on. `called` pairs each call it opened with the lowest position the call is
    about, `closed` names the calls it closed. `rejected` are the rows of rejected members; an
    ingest commit counts its members in `verdicts`, by source. `version` is the mapping's.
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
    appended_from: int = 0
    appended: bytes = b""
    called: list[tuple[int, int]] = []
    closed: list[int] = []
    rejected: list[int] = []
    version: int = 0
