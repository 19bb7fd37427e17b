"""The bodies Iterable takes, typed; names and kinds are those of its published contract."""

from typing import Any

from msgspec import Raw, Struct


class Who(Struct, gc=False):
    """Whom a call is about."""

    email: str | None = None
    userId: str | None = None  # noqa: N815 -- Iterable's own name


class UserRow(Struct, gc=False):
    """A user in users/update, users/bulkUpdate and lists/subscribe."""

    email: str | None = None
    userId: str | None = None  # noqa: N815
    dataFields: dict[str, Any] | None = None  # noqa: N815
    preferUserId: bool | None = None  # noqa: N815
    mergeNestedObjects: bool | None = None  # noqa: N815
    createNewFields: bool | None = None  # noqa: N815


class BulkUpdate(Struct):
    """users/bulkUpdate."""

    users: list[UserRow]
    createNewFields: bool | None = None  # noqa: N815
    updateOnly: bool | None = None  # noqa: N815


class Track(Struct, gc=False):
    """An event in events/track and events/trackBulk."""

    eventName: str  # noqa: N815
    email: str | None = None
    userId: str | None = None  # noqa: N815
    id: str | None = None
    createdAt: int | float | None = None  # noqa: N815
    dataFields: Raw = Raw(b"{}")  # noqa: N815
    campaignId: int | None = None  # noqa: N815
    templateId: int | None = None  # noqa: N815
    createNewFields: bool | None = None  # noqa: N815


class TrackBulk(Struct):
    """events/trackBulk."""

    events: list[Track]


class Subscribe(Struct):
    """lists/subscribe and lists/unsubscribe."""

    listId: int  # noqa: N815
    subscribers: list[UserRow]
    updateExistingUsersOnly: bool | None = None  # noqa: N815
    channelUnsubscribe: bool | None = None  # noqa: N815
    campaignId: int | None = None  # noqa: N815


class UpdateEmail(Struct):
    """users/updateEmail."""

    newEmail: str  # noqa: N815
    currentEmail: str | None = None  # noqa: N815
    currentUserId: str | None = None  # noqa: N815


class ArrayMerge(Struct):
    """One array that users/merge unites."""

    field: str
    dedupeBy: str | None = None  # noqa: N815


class Merge(Struct):
    """users/merge."""

    sourceEmail: str | None = None  # noqa: N815
    sourceUserId: str | None = None  # noqa: N815
    destinationEmail: str | None = None  # noqa: N815
    destinationUserId: str | None = None  # noqa: N815
    arrayMerge: list[ArrayMerge] = []  # noqa: N815


class Subscriptions(Struct):
    """users/updateSubscriptions, and a row of users/bulkUpdateSubscriptions."""

    email: str | None = None
    userId: str | None = None  # noqa: N815
    emailListIds: list[int] | None = None  # noqa: N815
    unsubscribedChannelIds: list[int] | None = None  # noqa: N815
    unsubscribedMessageTypeIds: list[int] | None = None  # noqa: N815
    subscribedMessageTypeIds: list[int] | None = None  # noqa: N815
    campaignId: int | None = None  # noqa: N815
    templateId: int | None = None  # noqa: N815
    validateChannelAlignment: bool | None = None  # noqa: N815


class BulkSubscriptions(Struct):
    """users/bulkUpdateSubscriptions."""

    updateSubscriptionsRequests: list[Subscriptions]  # noqa: N815


class DoubleOptIn(Struct):
    """subscriptions/subscribeToDoubleOptIn."""

    messageTypeIds: list[int]  # noqa: N815
    email: str | None = None
    userId: str | None = None  # noqa: N815
    phoneNumber: str | None = None  # noqa: N815
    brandName: str | None = None  # noqa: N815


class InvalidateJwts(Struct):
    """auth/jwts/invalidate."""

    email: str | None = None
    userId: str | None = None  # noqa: N815
    issuedBefore: int | None = None  # noqa: N815


class SubscriptionUsers(Struct):
    """PUT subscriptions/{group}/{id}."""

    users: list[str] = []
    usersByUserId: list[str] = []  # noqa: N815


class CreateList(Struct):
    """POST lists."""

    name: str
    description: str | None = None


class Device(Struct):
    """A device in users/registerDeviceToken."""

    token: str
    platform: str
    applicationName: str  # noqa: N815
    dataFields: dict[str, Any] | None = None  # noqa: N815


class RegisterDevice(Struct):
    """users/registerDeviceToken."""

    device: Device
    email: str | None = None
    userId: str | None = None  # noqa: N815
    preferUserId: bool | None = None  # noqa: N815


class RegisterBrowser(Struct):
    """users/registerBrowserToken."""

    browserToken: str  # noqa: N815
    email: str | None = None
    userId: str | None = None  # noqa: N815


class DisableDevice(Struct):
    """users/disableDevice."""

    token: str
    email: str | None = None
    userId: str | None = None  # noqa: N815


class Item(Struct):
    """An item bought or in the cart."""

    id: str
    name: str
    price: float
    quantity: int
    sku: str | None = None
    description: str | None = None
    categories: list[str] | None = None
    imageUrl: str | None = None  # noqa: N815
    url: str | None = None
    dataFields: dict[str, Any] | None = None  # noqa: N815


class Purchase(Struct):
    """commerce/trackPurchase."""

    user: UserRow
    items: list[Item]
    total: float
    id: str | None = None
    createdAt: int | float | None = None  # noqa: N815
    dataFields: dict[str, Any] | None = None  # noqa: N815
    campaignId: int | None = None  # noqa: N815
    templateId: int | None = None  # noqa: N815


class Cart(Struct):
    """commerce/updateCart."""

    user: UserRow
    items: list[Item]


class Target(Struct):
    """email|push|sms|inApp/target."""

    campaignId: int  # noqa: N815
    recipientEmail: str | None = None  # noqa: N815
    recipientUserId: str | None = None  # noqa: N815
    sendAt: str | None = None  # noqa: N815
    dataFields: dict[str, Any] | None = None  # noqa: N815
    allowRepeatMarketingSends: bool | None = None  # noqa: N815


class Cancel(Struct):
    """email|push|sms|inApp/cancel."""

    scheduledMessageId: int | None = None  # noqa: N815
    campaignId: int | None = None  # noqa: N815
    email: str | None = None
    userId: str | None = None  # noqa: N815


class TriggerWorkflow(Struct):
    """workflows/triggerWorkflow."""

    workflowId: int  # noqa: N815
    email: str | None = None
    userId: str | None = None  # noqa: N815
    listId: int | None = None  # noqa: N815
    dataFields: dict[str, Any] | None = None  # noqa: N815


class PushOpen(Struct):
    """events/trackPushOpen."""

    campaignId: int  # noqa: N815
    messageId: str  # noqa: N815
    email: str | None = None
    userId: str | None = None  # noqa: N815


class StartExport(Struct):
    """export/start."""

    dataTypeName: str  # noqa: N815
    outputFormat: str  # noqa: N815
    startDateTime: str | None = None  # noqa: N815
    endDateTime: str | None = None  # noqa: N815
    campaignId: int | None = None  # noqa: N815
    omitFields: str | None = None  # noqa: N815
    onlyFields: str | None = None  # noqa: N815
    delimiter: str | None = None
