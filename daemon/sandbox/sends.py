"""Journeys and messages to single users, and what was sent (iterable.md §7, §11).

Nothing here can be repeated safely, as in the real service: every accepted call is one message.
"""

from datetime import UTC, datetime

from daemon.sandbox.answers import Answer, Call, encode, envelope, json, refuse
from daemon.sandbox.dates import parse, shown
from daemon.sandbox.event_log import Event
from daemon.sandbox.events import enter
from daemon.sandbox.identity import Failure, find, refusal
from daemon.sandbox.project import Project, Send
from daemon.sandbox.requests import Cancel, Target, TriggerWorkflow, decode
from daemon.sandbox.writes import write_user

USUAL_MESSAGES, MOST_MESSAGES = 10, 1000


def target(project: Project, call: Call) -> Answer:
    """POST email|push|sms|inApp/target: sent at once, or scheduled when sendAt lies ahead."""
    medium = call.path.split("/")[2]
    row = decode(call.body, Target, call.path)
    try:
        user, email, user_id = find(project, row.recipientEmail, row.recipientUserId)
    except Failure as failure:
        raise refusal(project, failure) from failure
    if row.campaignId not in project.settings.campaigns:
        msg = "Invalid campaignId" if medium == "email" else "Invalid Campaign Id"
        raise refuse(msg, params={"campaignId": str(row.campaignId)})
    send_at = call.now
    if row.sendAt is not None:
        at = parse(row.sendAt)
        if at is None:
            raise refuse(f"Invalid sendAt: {row.sendAt}")
        send_at = max(at, call.now)
    if user is None and medium in ("email", "inApp"):
        at = call.now + project.lag_single.draw()
        user = write_user(project, None, email, user_id, None, visible_at=at, now=call.now)
    sent = Send(
        f"{project.rng.getrandbits(128):032x}",
        row.campaignId,
        medium,
        email,
        user_id,
        send_at,
        project.serial(),
    )
    project.sends.append(sent)
    if medium == "email" and send_at <= call.now:
        ids = {"campaignId": row.campaignId, "messageId": sent.message_id}
        event = Event("emailSend", "", "", email, user_id, send_at, send_at, encode(ids))
        enter(project, event, user)
    project.ledger.one(call.now, call.path, "send", call.body)
    to = row.recipientEmail or email or user_id
    if send_at <= call.now:
        return envelope(f"Campaign {row.campaignId} - Sent triggered message to: {to}")
    when = datetime.fromtimestamp(send_at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    msg = f"Campaign {row.campaignId} - Scheduled triggered message for: {when} to: {to}"
    return envelope(msg, params={"scheduledMessageId": sent.scheduled_id})


def cancel(project: Project, call: Call) -> Answer:
    """POST email|push|sms|inApp/cancel: by scheduledMessageId, or by campaign and user."""
    row = decode(call.body, Cancel, call.path)
    waiting = [s for s in project.sends if s.send_at > call.now and not s.cancelled]
    if row.scheduledMessageId is not None:
        found = [s for s in waiting if s.scheduled_id == row.scheduledMessageId]
        if not found:
            raise refuse("No scheduled messages found- Invalid scheduledMessageId")
    else:
        try:
            _, email, user_id = find(project, row.email, row.userId)
        except Failure as failure:
            raise refusal(project, failure) from failure
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
    ids = ",".join(str(s.scheduled_id) for s in reversed(found))
    project.ledger.one(call.now, call.path, "cancel", call.body)
    return envelope(
        f"Successfully cancelled scheduled messages with scheduledMessageId: {ids} "
        f"from project: {project.settings.project_id}"
    )


def trigger_workflow(project: Project, call: Call) -> Answer:
    """POST workflows/triggerWorkflow: the journey is only noted in the ledger."""
    row = decode(call.body, TriggerWorkflow, call.path)
    if row.listId is not None:
        if row.listId not in project.lists:
            raise refuse(f"error.lists.invalidListId({row.listId})", "Success")
    elif row.email is None and row.userId is None:
        raise refuse("Must provide either an email or list id", "GenericError")
    else:
        try:
            find(project, row.email, row.userId)
        except Failure as failure:
            raise refusal(project, failure) from failure
    if row.workflowId not in project.settings.workflows:
        raise refuse(f"Workflow {row.workflowId} does not exist")
    project.ledger.one(call.now, call.path, "journey", call.body)
    return envelope()


def get_sent_messages(project: Project, call: Call) -> Answer:
    """GET users/getSentMessages: newest first; nothing for one nobody knows."""
    email, user_id = call.query.get("email"), call.query.get("userId")
    text = call.query.get("limit", str(USUAL_MESSAGES))
    if not text.isdigit() or not 1 <= int(text) <= MOST_MESSAGES:
        raise refuse(f"limit must be between 1 and {MOST_MESSAGES}")
    sent = [
        s
        for s in reversed(project.sends)
        if s.send_at <= call.now
        and not s.cancelled
        and ((email and s.email == email.lower()) or (user_id and s.user_id == user_id))
    ]
    rows = [
        {
            "messageId": s.message_id,
            "campaignId": s.campaign_id,
            "templateId": s.campaign_id,
            "createdAt": shown(s.send_at),
        }
        for s in sent[: int(text)]
    ]
    return json({"messages": rows})


def get_webhooks(project: Project, call: Call) -> Answer:  # noqa: ARG001 -- handlers take both
    """GET webhooks: none; a cheap probe of the key."""
    return json({"webhooks": []})
