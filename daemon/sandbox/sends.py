"""Messages to single users: who may be sent them, scheduling, cancelling (iterable.md §7, §11).

Nothing here can be repeated safely, as in the real service: every accepted call is one message. Who
has opted out is answered as if it were sent, and the ledger tells that it was not.
"""

from datetime import UTC, datetime
from typing import Any

from daemon.sandbox.answers import Answer, Call, encode, envelope, json, refuse
from daemon.sandbox.dates import parse_parameter, shown
from daemon.sandbox.decoding import decode, whole
from daemon.sandbox.event_log import Event
from daemon.sandbox.events import enter
from daemon.sandbox.identity import find
from daemon.sandbox.ledger import APPLIED, CODE
from daemon.sandbox.people import Choices, User
from daemon.sandbox.project import Project, Send
from daemon.sandbox.requests import Cancel, Target
from daemon.sandbox.settings import CampaignSeed
from daemon.sandbox.writes import write_user

USUAL_MESSAGES, MOST_MESSAGES = 10, 1000
CREATING = ("email", "inApp")
YEAR = 365 * 86_400_000
REPEAT_WITHIN = 18 * 3_600_000
OPTED_OUT, REPEATED, SCHEDULED = CODE["optedOut"], CODE["repeated"], CODE["scheduled"]


def target(project: Project, call: Call) -> Answer:
    """POST email|push|sms|inApp/target: sent at once, or scheduled when sendAt lies ahead."""
    medium = call.path.split("/")[2]
    row = decode(call.body, Target, call.path)
    user, email, user_id = find(project, row.recipientEmail, row.recipientUserId)
    campaign = project.campaigns.get(row.campaignId)
    if campaign is None:
        msg = "Invalid campaignId" if medium == "email" else "Invalid Campaign Id"
        raise refuse(msg, params={"campaignId": str(row.campaignId)})
    send_at = _send_at(row, call.now)
    settled = settled_by(user, call.now)
    if user is None and medium in CREATING:
        at = call.now + project.lag_single.draw()
        user = write_user(project, None, email, user_id, None, visible_at=at, now=call.now)
    sent = Send(
        f"{project.rng.getrandbits(128):032x}",
        campaign.id,
        campaign.template_id,
        medium,
        email,
        user_id,
        send_at,
        project.serial(),
    )
    result = _fate(project, campaign, sent, user, row, call.now)
    _note(project, sent, user, result, call.now)
    more = {"messageId": sent.message_id, "settled": settled}
    to = row.recipientEmail or email or user_id
    if send_at <= call.now:
        project.ledger.one(call.now, call.path, "send", call.body, code=result, more=encode(more))
        return envelope(f"Campaign {campaign.id} - Sent triggered message to: {to}")
    params = {"scheduledMessageId": sent.scheduled_id}
    project.ledger.one(
        call.now, call.path, "send", call.body, code=result, more=encode(more | params)
    )
    when = datetime.fromtimestamp(send_at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    msg = f"Campaign {campaign.id} - Scheduled triggered message for: {when} to: {to}"
    return envelope(msg, params=params)


def _send_at(row: Target, now: int) -> int:
    """When to send, in ms: now, or up to 365 days ahead."""
    if row.sendAt is None:
        return now
    at = parse_parameter(row.sendAt)
    if at is None or at > now + YEAR:
        raise refuse(f"Invalid sendAt: {row.sendAt}")
    return max(at, now)


def settled_by(user: User | None, now: int) -> bool | None:
    """Whether reads show a user as they are; None for nobody."""
    return None if user is None else user.true.visible_at <= now


def may_be_sent(project: Project, campaign: CampaignSeed, choices: Choices) -> bool:
    """Whether someone with these choices gets a campaign (iterable.md §10).

    A channel opted out of silences all its types; an opt-in type must have been chosen, another
    one must not have been opted out of.
    """
    kind = project.message_types.get(campaign.message_type_id)
    if kind is None:
        return True
    if kind.channel_id in choices.off_channels:
        return False
    if kind.policy == "OptIn" and project.settings.opt_in_feature:
        return kind.id in choices.on_types
    return kind.id not in choices.off_types


def _fate(
    project: Project, campaign: CampaignSeed, sent: Send, user: User | None, row: Target, now: int
) -> int:
    """What becomes of a message, by what reads show of the user; told as a ledger's code."""
    version = None if user is None else user.seen(now)
    choices = Choices() if version is None or version.choices is None else version.choices
    if not may_be_sent(project, campaign, choices):
        return OPTED_OUT
    if row.allowRepeatMarketingSends is False and _repeats(project, sent, now):
        return REPEATED
    return APPLIED if sent.send_at <= now else SCHEDULED


def _repeats(project: Project, new: Send, now: int) -> bool:
    return any(
        sent.campaign_id == new.campaign_id
        and now - REPEAT_WITHIN < sent.send_at <= now
        and not sent.cancelled
        and (sent.email, sent.user_id) == (new.email, new.user_id)
        for sent in reversed(project.sends)
    )


def _note(project: Project, sent: Send, user: User | None, result: int, now: int) -> None:
    """Keep what is or shall be sent, and the system event of what was or was not."""
    if result in (APPLIED, SCHEDULED):
        project.sends.append(sent)
    if result == SCHEDULED:
        return
    ids: dict[str, Any] = {"campaignId": sent.campaign_id, "templateId": sent.template_id}
    data: dict[str, Any] = {"messageId": sent.message_id}
    if result == REPEATED:
        data["reason"] = "DuplicateMarketingMessage"
    kind = f"{sent.medium}Send" if result == APPLIED else f"{sent.medium}SendSkip"
    event = Event(kind, "", "", sent.email, sent.user_id, now, now, encode(data))
    event.extra = ids
    enter(project, event, user)


def cancel(project: Project, call: Call) -> Answer:
    """POST email|push|sms|inApp/cancel: by scheduledMessageId, or by campaign and user."""
    row = decode(call.body, Cancel, call.path)
    waiting = [s for s in project.sends if s.send_at > call.now and not s.cancelled]
    if row.scheduledMessageId is not None:
        found = [s for s in waiting if s.scheduled_id == row.scheduledMessageId]
        if not found:
            raise refuse("No scheduled messages found- Invalid scheduledMessageId")
    else:
        _, email, user_id = find(project, row.email, row.userId)
        found = [
            s
            for s in waiting
            if s.campaign_id == row.campaignId
            and ((email is not None and s.email == email) or (user_id and s.user_id == user_id))
        ]
        if not found:
            kind = "email" if row.email is not None else "userId"
            raise refuse(f"No scheduled messages found- Invalid {kind} and campaignId combination")
    for sent in found:
        sent.cancelled = True
    ids = [s.scheduled_id for s in reversed(found)]
    more = encode({"scheduledMessageIds": ids})
    project.ledger.one(call.now, call.path, "cancel", call.body, more=more)
    return envelope(
        "Successfully cancelled scheduled messages with scheduledMessageId: "
        f"{','.join(map(str, ids))} from project: {project.settings.project_id}"
    )


def get_sent_messages(project: Project, call: Call) -> Answer:
    """GET users/getSentMessages: newest first; nothing for one nobody knows."""
    query = call.query
    limit = whole(query.get("limit", str(USUAL_MESSAGES)))
    if limit is None or not 1 <= limit <= MOST_MESSAGES:
        raise refuse(f"limit must be between 1 and {MOST_MESSAGES}")
    email, user_id = query.get("email", "").lower(), query.get("userId")
    start, end = _moment(query, "startDateTime", 0), _moment(query, "endDateTime", call.now + 1)
    campaigns = query["campaignIds"].split(",") if "campaignIds" in query else None
    medium = query.get("messageMedium", "").lower()
    sent = [
        s
        for s in reversed(project.sends)
        if start <= s.send_at < end
        and s.send_at <= call.now
        and not s.cancelled
        and ((email and s.email == email) or (user_id and s.user_id == user_id))
        and (campaigns is None or str(s.campaign_id) in campaigns)
        and medium in ("", s.medium.lower())
    ]
    return json({"messages": [_as_read(s) for s in sent[:limit]]})


def _moment(query: Any, name: str, missing: int) -> int:
    at = parse_parameter(query[name]) if name in query else missing
    if at is None:
        raise refuse(f"Invalid {name}: {query[name]}")
    return at


def _as_read(sent: Send) -> dict[str, Any]:
    return {
        "messageId": sent.message_id,
        "campaignId": sent.campaign_id,
        "templateId": sent.template_id,
        "createdAt": shown(sent.send_at),
    }
