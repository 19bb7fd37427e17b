"""users/updateSubscriptions and its bulk form: each array named is replaced (iterable.md §7)."""

from daemon.sandbox.answers import Answer, Call, Refusal, envelope, json, refuse
from daemon.sandbox.decoding import decode
from daemon.sandbox.identity import Failure, find
from daemon.sandbox.ledger import APPLIED, CODE
from daemon.sandbox.lists import note_subscription
from daemon.sandbox.people import Choices, User
from daemon.sandbox.project import Project
from daemon.sandbox.requests import BulkSubscriptions, Subscriptions
from daemon.sandbox.users import within_limit
from daemon.sandbox.writes import put_choices, write_user

FAILED_ROWS = ("invalidEmails", "invalidUserIds", "validEmailFailures", "validUserIdFailures")


def _wanted(project: Project, old: Choices, row: Subscriptions) -> Choices:
    """The arrays after an overwrite; raises Refusal for a type of a channel opted out of."""
    if row.subscribedMessageTypeIds is not None and not project.settings.opt_in_feature:
        raise refuse("subscribedMessageTypeIds requires opt-in message types to be enabled")
    new = Choices(
        old.lists if row.emailListIds is None else tuple(row.emailListIds),
        old.off_channels
        if row.unsubscribedChannelIds is None
        else tuple(row.unsubscribedChannelIds),
        old.off_types
        if row.unsubscribedMessageTypeIds is None
        else tuple(row.unsubscribedMessageTypeIds),
        old.on_types
        if row.subscribedMessageTypeIds is None
        else tuple(row.subscribedMessageTypeIds),
    )
    if row.validateChannelAlignment is not False and row.subscribedMessageTypeIds:
        for one in row.subscribedMessageTypeIds:
            kind = project.message_types.get(one)
            if kind is not None and kind.channel_id in new.off_channels:
                raise refuse(f"Message type {one} belongs to an unsubscribed channel")
    return new


def _note_changes(
    project: Project, user: User, old: Choices, new: Choices, row: Subscriptions, now: int
) -> None:
    """The system events of an overwrite: what was left, and what was entered."""
    left = {
        "lists": tuple(i for i in old.lists if i not in new.lists),
        "channels": tuple(i for i in new.off_channels if i not in old.off_channels),
        "types": tuple(i for i in new.off_types if i not in old.off_types)
        + tuple(i for i in old.on_types if i not in new.on_types),
    }
    entered = {
        "lists": tuple(i for i in new.lists if i not in old.lists),
        "channels": tuple(i for i in old.off_channels if i not in new.off_channels),
        "types": tuple(i for i in old.off_types if i not in new.off_types)
        + tuple(i for i in new.on_types if i not in old.on_types),
    }
    if any(left.values()):
        ids = {"campaignId": row.campaignId, "templateId": row.templateId}
        note_subscription(project, user, now, left, on=False, extra=ids)
    if any(entered.values()):
        note_subscription(project, user, now, entered, on=True)


def overwrite(project: Project, row: Subscriptions, now: int) -> None:
    """Replace the arrays a row names; raises Failure or Refusal and changes nothing then."""
    user, email, user_id = find(project, row.email, row.userId)
    old = Choices() if user is None or user.true.choices is None else user.true.choices
    new = _wanted(project, old, row)
    at = now + project.lag_single.draw()
    if user is None:
        user = write_user(project, None, email, user_id, None, visible_at=at, now=now)
    if user is not None:
        put_choices(project, user, new, visible_at=at, now=now)
        _note_changes(project, user, old, new, row, now)


def update_subscriptions(project: Project, call: Call) -> Answer:
    """POST users/updateSubscriptions."""
    row = decode(call.body, Subscriptions, call.path)
    overwrite(project, row, call.now)
    project.ledger.one(call.now, call.path, "subscription", call.body)
    return envelope()


def bulk_update_subscriptions(project: Project, call: Call) -> Answer:
    """POST users/bulkUpdateSubscriptions: a valid identifier whose row is refused stands apart."""
    rows = decode(call.body, BulkSubscriptions, call.path).updateSubscriptionsRequests
    within_limit(project, len(rows))
    failed: dict[str, list[str]] = {name: [] for name in FAILED_ROWS}
    codes = bytearray()
    for row in rows:
        try:
            overwrite(project, row, call.now)
        except Failure as failure:
            codes.append(CODE[failure.kind])
            by_email = failure.kind.endswith("Email")
            failed["invalidEmails" if by_email else "invalidUserIds"].append(failure.value)
        except Refusal:
            codes.append(CODE["invalidDataEmail" if row.email else "invalidDataUserId"])
            name = "validEmailFailures" if row.email else "validUserIdFailures"
            failed[name].append((row.email or "").lower() or row.userId or "")
        else:
            codes.append(APPLIED)
    key = "updateSubscriptionsRequests"
    project.ledger.bulk(call.now, call.path, "subscription", key, call.body, bytes(codes))
    applied = codes.count(APPLIED)
    return json({"successCount": applied, "failCount": len(codes) - applied, **failed})
