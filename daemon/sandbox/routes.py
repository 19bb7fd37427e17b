"""Which handler answers which method and path; what stands here and nowhere else is served."""

import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from daemon.sandbox import (
    commerce,
    content,
    deletions,
    devices,
    event_reads,
    events,
    export_jobs,
    exports,
    identity_changes,
    journeys,
    lists,
    overwrites,
    sends,
    subscriptions,
    user_reads,
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
    "GET /api/users/getByEmail": user_reads.get_by_email,
    "GET /api/users/byUserId": user_reads.get_by_user_id,
    "GET /api/users/getFields": user_reads.get_fields,
    "GET /api/users/getSentMessages": sends.get_sent_messages,
    "GET /api/users/forgotten": deletions.get_forgotten,
    "GET /api/users/forgottenUserIds": deletions.get_forgotten_user_ids,
    "GET /api/users/{email}": user_reads.get_by_email,
    "GET /api/users/byUserId/{userId}": user_reads.get_by_user_id,
    "DELETE /api/users/{email}": deletions.delete_by_email,
    "DELETE /api/users/byUserId/{userId}": deletions.delete_by_user_id,
    "POST /api/users/updateEmail": identity_changes.update_email,
    "POST /api/users/merge": identity_changes.merge,
    "POST /api/users/forget": deletions.forget,
    "POST /api/users/unforget": deletions.unforget,
    "POST /api/users/updateSubscriptions": overwrites.update_subscriptions,
    "POST /api/users/bulkUpdateSubscriptions": overwrites.bulk_update_subscriptions,
    "POST /api/users/registerDeviceToken": devices.register_device,
    "POST /api/users/registerBrowserToken": devices.register_browser,
    "POST /api/users/disableDevice": devices.disable_device,
    "POST /api/auth/jwts/invalidate": devices.invalidate_jwts,
    "POST /api/events/track": events.track,
    "POST /api/events/trackBulk": events.track_bulk,
    "POST /api/events/trackPushOpen": events.track_push_open,
    "GET /api/events/{email}": event_reads.get_by_email,
    "GET /api/events/byUserId/{userId}": event_reads.get_by_user_id,
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
    "POST /api/subscriptions/subscribeToDoubleOptIn": subscriptions.subscribe_to_double_opt_in,
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
    "POST /api/workflows/triggerWorkflow": journeys.trigger_workflow,
    "GET /api/journeys": content.get_journeys,
    "GET /api/campaigns": content.get_campaigns,
    "GET /api/templates": content.get_templates,
    "GET /api/webhooks": content.get_webhooks,
    "GET /api/export/data.json": exports.data_json,
    "GET /api/export/data.csv": exports.data_csv,
    "POST /api/export/start": export_jobs.start,
    "GET /api/export/jobs": export_jobs.get_jobs,
    "GET /api/export/userEvents": exports.user_events,
    "GET /api/export/{jobId}/files": export_jobs.get_files,
    "DELETE /api/export/{jobId}": export_jobs.cancel,
    "GET /_export/{jobId}/{number}": export_jobs.download,
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
