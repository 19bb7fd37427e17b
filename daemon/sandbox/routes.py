"""Which handler answers which method and path; what stands here and nowhere else is served."""

import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from daemon.sandbox import (
    commerce,
    devices,
    events,
    exports,
    identity_changes,
    lists,
    sends,
    subscriptions,
    users,
)
from daemon.sandbox.answers import Answer, Call
from daemon.sandbox.project import Project

Handler = Callable[[Project, Call], Answer]


class Route(Struct, frozen=True, eq=False):
    """A handler and the name its calls are limited and counted by, e.g. `GET /api/lists`."""

    name: str
    handler: Handler


TABLE: dict[str, Handler] = {
    "POST /api/users/update": users.update,
    "POST /api/users/bulkUpdate": users.bulk_update,
    "GET /api/users/getByEmail": users.get_by_email,
    "GET /api/users/byUserId": users.get_by_user_id,
    "GET /api/users/getFields": users.get_fields,
    "GET /api/users/getSentMessages": sends.get_sent_messages,
    "GET /api/users/forgotten": identity_changes.get_forgotten,
    "GET /api/users/forgottenUserIds": identity_changes.get_forgotten_user_ids,
    "GET /api/users/{email}": users.get_by_email,
    "GET /api/users/byUserId/{userId}": users.get_by_user_id,
    "DELETE /api/users/{email}": users.delete_by_email,
    "DELETE /api/users/byUserId/{userId}": users.delete_by_user_id,
    "POST /api/users/updateEmail": identity_changes.update_email,
    "POST /api/users/merge": identity_changes.merge,
    "POST /api/users/forget": identity_changes.forget,
    "POST /api/users/unforget": identity_changes.unforget,
    "POST /api/users/updateSubscriptions": subscriptions.update_subscriptions,
    "POST /api/users/bulkUpdateSubscriptions": subscriptions.bulk_update_subscriptions,
    "POST /api/users/registerDeviceToken": devices.register_device,
    "POST /api/users/registerBrowserToken": devices.register_browser,
    "POST /api/users/disableDevice": devices.disable_device,
    "POST /api/events/track": events.track,
    "POST /api/events/trackBulk": events.track_bulk,
    "POST /api/events/trackPushOpen": events.track_push_open,
    "GET /api/events/{email}": events.get_by_email,
    "GET /api/events/byUserId/{userId}": events.get_by_user_id,
    "POST /api/commerce/trackPurchase": commerce.track_purchase,
    "POST /api/commerce/updateCart": commerce.update_cart,
    "GET /api/lists": lists.get_lists,
    "POST /api/lists": lists.create_list,
    "POST /api/lists/subscribe": lists.subscribe,
    "POST /api/lists/unsubscribe": lists.unsubscribe,
    "GET /api/lists/getUsers": lists.get_users,
    "GET /api/lists/previewUsers": lists.preview_users,
    "GET /api/lists/{listId}/size": lists.get_size,
    "DELETE /api/lists/{listId}": lists.delete_list,
    "GET /api/channels": subscriptions.get_channels,
    "GET /api/messageTypes": subscriptions.get_message_types,
    "PUT /api/subscriptions/{group}/{id}": subscriptions.put_group,
    "PATCH /api/subscriptions/{group}/{id}/user/{email}": subscriptions.subscribe_one,
    "DELETE /api/subscriptions/{group}/{id}/user/{email}": subscriptions.unsubscribe_one,
    "PATCH /api/subscriptions/{group}/{id}/byUserId/{userId}": subscriptions.subscribe_one,
    "DELETE /api/subscriptions/{group}/{id}/byUserId/{userId}": subscriptions.unsubscribe_one,
    "POST /api/email/target": sends.target,
    "POST /api/push/target": sends.target,
    "POST /api/sms/target": sends.target,
    "POST /api/inApp/target": sends.target,
    "POST /api/email/cancel": sends.cancel,
    "POST /api/push/cancel": sends.cancel,
    "POST /api/sms/cancel": sends.cancel,
    "POST /api/inApp/cancel": sends.cancel,
    "POST /api/workflows/triggerWorkflow": sends.trigger_workflow,
    "GET /api/webhooks": sends.get_webhooks,
    "GET /api/export/data.json": exports.data_json,
    "GET /api/export/data.csv": exports.data_csv,
    "POST /api/export/start": exports.start,
    "GET /api/export/jobs": exports.get_jobs,
    "GET /api/export/userEvents": exports.user_events,
    "GET /api/export/{jobId}/files": exports.get_files,
    "DELETE /api/export/{jobId}": exports.cancel,
    "GET /_export/{jobId}/{number}": exports.download,
}
KEYLESS = "/_export/"


class Routes:
    """Finds the route of a method and path: exact paths first, then patterns in order."""

    def __init__(self, table: Mapping[str, Handler]) -> None:
        self._exact: dict[tuple[str, str], Route] = {}
        self._patterns: dict[str, list[tuple[re.Pattern[str], Route]]] = {}
        for name, handler in table.items():
            method, path = name.split(" ", 1)
            route = Route(name, handler)
            if "{" not in path:
                self._exact[method, path] = route
                continue
            pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))
            self._patterns.setdefault(method, []).append((pattern, route))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and what its pattern caught, or None: no such URL."""
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact, {}
        for pattern, route in self._patterns.get(method, ()):
            caught = pattern.fullmatch(path)
            if caught is not None:
                return route, caught.groupdict()
        return None
