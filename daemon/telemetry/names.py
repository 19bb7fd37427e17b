"""The names of spans, instruments and attributes, each spelled once.

Attributes hold words of the configuration and of the protocol (a source, an endpoint, a verdict),
never anything of a person.
"""

from dataclasses import dataclass
from typing import Final

SCOPE: Final = "segue"

SPAN_COMMIT: Final = "segue.ingest.commit"
SPAN_TURN: Final = "segue.lane.turn"
SPAN_CALL: Final = "segue.iterable.call"
SPAN_SWEEP: Final = "segue.reconcile.sweep"

ATTR_ACTOR: Final = "actor"
ATTR_CAUSE: Final = "cause"
ATTR_ENDPOINT: Final = "endpoint"
ATTR_KIND: Final = "kind"
ATTR_LANE: Final = "lane"
ATTR_OUTCOME: Final = "outcome"
ATTR_REASON: Final = "reason"
ATTR_SOURCE: Final = "source"
ATTR_VERDICT: Final = "verdict"

MESSAGES: Final = "segue.messages"
COMMIT_DURATION: Final = "segue.commit.duration"
COMMIT_MESSAGES: Final = "segue.commit.messages"
CLAMPED: Final = "segue.timestamps.clamped"
HOPS: Final = "segue.handover.hops"
CALL_DURATION: Final = "segue.call.duration"
CALL_ROWS: Final = "segue.call.rows"
ROWS: Final = "segue.rows"
THROTTLED: Final = "segue.throttled"
DEAD: Final = "segue.dead"
DRIFT_FOUND: Final = "segue.drift.found"
DRIFT_REPAIRED: Final = "segue.drift.repaired"
ACTOR_FAILURES: Final = "segue.actor.failures"


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure read when it is exported, one for each value of `attribute`."""

    name: str
    unit: str
    description: str
    attribute: str


UNSENT_AGE: Final = Gauge(
    "segue.unsent.age", "s", "Age of the oldest message not yet sent.", ATTR_ENDPOINT
)
LANE_PROGRESS_AGE: Final = Gauge(
    "segue.lane.progress.age", "s", "Time since the lane last got something done.", ATTR_LANE
)
MARKS_OPEN: Final = Gauge(
    "segue.marks.open", "{user}", "Users whose state is still to be sent.", ATTR_KIND
)
WAITING: Final = Gauge("segue.waiting", "{row}", "Rows that wait alone.", ATTR_KIND)
OPEN_INTENTS: Final = Gauge(
    "segue.calls.open", "{call}", "Calls begun whose outcome is not known.", ATTR_ENDPOINT
)
BUDGET_TOKENS: Final = Gauge(
    "segue.budget.tokens", "{call}", "Calls that may be made at once.", ATTR_ENDPOINT
)
MAILBOX_DEPTH: Final = Gauge(
    "segue.mailbox.depth", "{message}", "What waits in an actor's mailbox.", ATTR_ACTOR
)
