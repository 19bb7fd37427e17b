"""The demo's story: traffic, tampering, drift found, explained and repaired, proof.

No clock is shortened: Iterable's writes become visible when they would, and Segue waits for them
as it always does. What was said goes on being counted in its ledgers, where the figures come from.
"""

from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import msgspec

from daemon.actors.clock import SystemClock
from daemon.cli.demonstration import ledgers
from daemon.cli.demonstration.ledgers import Backlog
from daemon.cli.demonstration.screen import chapter, counting, waiting
from daemon.cli.demonstration.senders import SdkSender, WebhookSender
from daemon.cli.demonstration.stage import CHANNEL, LAG_SECONDS, LIST, WEBHOOK_SOURCE, Stage
from daemon.cli.demonstration.traffic import Cast, Traffic
from daemon.cli.drift_report import print_report
from daemon.cli.printing import say
from daemon.clients.status import StatusReport
from daemon.domain.messages import shard_of
from daemon.errors import Unavailable
from daemon.outbound.audit import audit
from daemon.reconcile.report import DriftState, RunReport
from daemon.reconcile.settling import last_sent
from daemon.sandbox.settings import CHANNELS, LISTS

_LOOK_SECONDS = 0.25
_SENT_SECONDS = 0.02
_LONGEST_SECONDS = 180
_CALM_LOOKS = 2


class Figures(msgspec.Struct, frozen=True):
    """What the demo came to. `calls` are all requests made to Iterable, reads included."""

    accepted: int
    rejected: int
    duplicates: int
    applied: int
    delivered: int
    unchanged: int
    filtered: int
    superseded: int
    waiting: int
    dead: int
    calls: int
    drift_found: int
    drift_repaired: int
    drift_after: int
    audit_balanced: bool
    seconds: float


class Played(msgspec.Struct, frozen=True):
    """The figures, and what both senders say they have sent."""

    figures: Figures
    sdk_sent: int
    webhook_sent: int

    @property
    def proven(self) -> bool:
        """Whether drift was found, all of it repaired, and every message accounted for."""
        figures = self.figures
        repaired = figures.drift_found == figures.drift_repaired > 0
        return repaired and not figures.drift_after and figures.audit_balanced


async def play(stage: Stage, traffic: Traffic, began: float) -> Played:
    """Play the whole story; `began` is when the demo did, on the event loop's clock.

    Raises Unavailable where something doesn't come about in time, and what a service ends in.
    """
    chapter("Segment speaks")
    sent = await _speak(stage, traffic)
    say("", f"  The SDK sent {sent[0]:,} messages, Segment's webhooks {sent[1]:,}.")
    await _settle(stage, "until Iterable holds all of it, opt-outs read back")
    chapter("Careless people")
    await _tamper(stage, traffic.cast)
    await _await_visible(stage, traffic.cast)
    chapter("segue reconcile")
    found = await _reconcile(stage)
    print_report(found)
    repaired = await _apply(stage, found)
    chapter("Proof")
    after = await _reconcile(stage)
    print_report(after)
    await _settle(stage, "for the last ledger entries")
    figures = await _figures(stage, found, repaired, after, anyio.current_time() - began)
    return Played(figures, *sent)


async def _speak(stage: Stage, traffic: Traffic) -> tuple[int, int]:
    """Send every act through its door; how many messages each sender has sent."""
    sdk = SdkSender(stage.write_key, stage.web, traffic.count("sdk"))
    webhook = WebhookSender(WEBHOOK_SOURCE, stage.webhook_secret, stage.web, SystemClock())
    for act in traffic.acts:
        sender = sdk if act.door == "sdk" else webhook
        with counting(act.title, len(act.says) * act.times) as said:
            for _ in range(act.times):
                work = partial(sender.send, act.says, said)
                await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
            # Not by the SDK's own flush: nothing ends that while nobody answers.
            while not sender.is_done():  # noqa: ASYNC110 -- the SDK rings no bell
                await anyio.sleep(_SENT_SECONDS)
    await anyio.to_thread.run_sync(sdk.close, abandon_on_cancel=True)
    return sdk.taken, webhook.sent


async def _settle(stage: Stage, what: str) -> None:
    """Wait until nothing is unsent, marked, parked or in the air."""
    calm = 0
    with waiting(f"waiting {what}") as tell:
        try:
            with anyio.fail_after(_LONGEST_SECONDS):
                while calm < _CALM_LOOKS:
                    left = await stage.database.read(ledgers.backlog)
                    calm = calm + 1 if left.settled else 0
                    tell(_words(left))
                    await anyio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            raise Unavailable(f"still not settled after {_LONGEST_SECONDS} s") from None


def _words(left: Backlog) -> str:
    return f"{left.unsent:,} unsent, {left.marks:,} marks, {left.calls} calls in the air"


async def _await_visible(stage: Stage, cast: Cast) -> None:
    """Wait out the visibility lag, of what was sent to the cast and of what was done to it: an
    export may not show either before, and nobody judges it.
    """
    people = [cast.edited, cast.deleted, cast.dropped, cast.resubscribed]
    keys = [(shard_of(user), user) for user in (f"u:{person.user_id}" for person in people)]
    read = partial(last_sent, keys)
    now = SystemClock().now()
    changed_at = max(await stage.database.read(read), now)
    with waiting("until exports can show it: the visibility lag"):
        await anyio.sleep((changed_at - now) / 1000 + LAG_SECONDS)


def tampering(cast: Cast) -> list[tuple[str, dict[str, Any]]]:
    """What careless people do, in words and as the sandbox is told."""
    list_id = next(one.id for one in LISTS if one.name == LIST)
    channel = next(one.id for one in CHANNELS if one.name == CHANNEL)
    return [
        (
            f"somebody edits {cast.edited.email}: the plan",
            {"action": "fields", "email": cast.edited.email, "fields": {"plan": "edited by hand"}},
        ),
        (
            f"somebody deletes {cast.deleted.email}",
            {"action": "delete", "email": cast.deleted.email},
        ),
        (
            f'a script drops {cast.dropped.email} from the list "{LIST}"',
            {"action": "drop_list", "email": cast.dropped.email, "id": list_id},
        ),
        (
            f"a script re-subscribes {cast.resubscribed.email}, who had opted out",
            {"action": "subscribe", "email": cast.resubscribed.email, "id": channel},
        ),
    ]


async def _tamper(stage: Stage, cast: Cast) -> None:
    for words, edit in tampering(cast):
        await anyio.to_thread.run_sync(stage.sandbox.tamper, edit)
        say(f"  {words}")


async def _reconcile(stage: Stage) -> RunReport:
    with waiting("comparing every user with what Iterable exports"):
        return msgspec.json.decode(await stage.control.reconcile(), type=RunReport)


async def _apply(stage: Stage, found: RunReport) -> RunReport:
    if found.plan is None:
        raise Unavailable("no drift was found after all that tampering")
    say("", f"segue reconcile --apply {found.plan.id} --recreate")
    with waiting("repairing through the lanes, then reading back once the lag is over"):
        answer = await stage.control.apply(found.plan.id, recreate=True, by="demo")
    report = msgspec.json.decode(answer, type=RunReport)
    print_report(report)
    return report


async def _figures(
    stage: Stage, found: RunReport, repaired: RunReport, after: RunReport, seconds: float
) -> Figures:
    totals = await stage.database.read(ledgers.add_up)
    audited = await stage.database.read(audit)
    for problem in audited.problems:
        say(f"  audit: {problem}")
    status = msgspec.json.decode(await stage.control.status(), type=StatusReport)
    states = repaired.plan.states if repaired.plan else {}
    return Figures(
        **msgspec.structs.asdict(totals),
        calls=sum(endpoint.taken for endpoint in status.endpoints.values()),
        drift_found=found.counts.drift,
        drift_repaired=states.get(DriftState.REPAIRED, 0),
        drift_after=after.counts.drift,
        audit_balanced=audited.balanced,
        seconds=round(seconds, 1),
    )
