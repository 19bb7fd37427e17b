"""commerce/trackPurchase and commerce/updateCart (iterable.md §8)."""

from typing import Any

import msgspec

from daemon.sandbox.answers import Answer, Call, encode, envelope, refuse
from daemon.sandbox.decoding import decode
from daemon.sandbox.event_log import Event
from daemon.sandbox.events import LONGEST_ID, enter, event_time
from daemon.sandbox.identity import find
from daemon.sandbox.people import User
from daemon.sandbox.project import Project
from daemon.sandbox.requests import Cart, Item, Purchase, UserRow
from daemon.sandbox.writes import write_user


def upsert(
    project: Project, row: UserRow, cart: list[dict[str, Any]] | None, call: Call
) -> User | None:
    """Write the user a commerce call names, with this cart (None empties it)."""
    if row.email is None and row.userId is None:
        raise refuse(
            "Either email or userId must be set: ApiUserUpdateRequest(None,None,None,None)"
        )
    fields = dict(row.dataFields or {})
    check = project.check_user(create=row.createNewFields)
    user, email, user_id = find(
        project, row.email, row.userId, prefer_user_id=bool(row.preferUserId)
    )
    check.row(fields)
    written = write_user(
        project,
        user,
        email,
        user_id,
        fields | {"shoppingCartItems": cart or None},
        visible_at=call.now + project.lag_single.draw(),
        now=call.now,
        nested=bool(row.mergeNestedObjects),
    )
    check.lock()
    return written or user


def _items(items: list[Item]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [msgspec.to_builtins(item) for item in items]
    return [{k: v for k, v in row.items() if v is not None} for row in rows]


def track_purchase(project: Project, call: Call) -> Answer:
    """POST commerce/trackPurchase: upserts the user, empties the cart; a known id is an update."""
    bought = decode(call.body, Purchase, call.path)
    if bought.id is not None and len(bought.id.encode()) > LONGEST_ID:
        raise refuse(f"Purchase id is longer than {LONGEST_ID} bytes")
    user = upsert(project, bought.user, None, call)
    if user is None:
        return envelope()
    data = encode(
        {**(bought.dataFields or {}), "total": bought.total, "items": _items(bought.items)}
    )
    known = project.events.by_id.get(("purchase", bought.id)) if bought.id is not None else None
    if known is not None:
        known.data, known.updated_at = data, call.now
    else:
        purchase_id = bought.id or project.uuid()
        at = event_time(project, bought.createdAt, call.now)
        visible_at = call.now + project.lag_single.draw()
        who = user.true
        event = Event("purchase", "", purchase_id, who.email, who.user_id, at, visible_at, data)
        event.extra = {
            "purchaseId": purchase_id,
            "campaignId": bought.campaignId,
            "templateId": bought.templateId,
        }
        project.events.by_id["purchase", purchase_id] = event
        enter(project, event, user)
    project.ledger.one(call.now, call.path, "purchase", call.body)
    return envelope()


def update_cart(project: Project, call: Call) -> Answer:
    """POST commerce/updateCart: the items replace shoppingCartItems."""
    cart = decode(call.body, Cart, call.path)
    upsert(project, cart.user, _items(cart.items), call)
    project.ledger.one(call.now, call.path, "cart", call.body)
    return envelope()
