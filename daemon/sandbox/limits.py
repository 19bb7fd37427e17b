"""Token buckets, one for each endpoint, and the ways Iterable words a 429 (iterable.md §3).

Rates are the published ones; endpoints without a published rate have no bucket until a setting
gives them one. A bucket's capacity was never published: by default it holds one period's calls.
"""

from math import ceil

from daemon.sandbox.answers import TEXT, Answer, envelope
from daemon.sandbox.settings import RateRule, SandboxSettings

PUBLISHED: dict[str, RateRule] = {
    "POST /api/users/update": RateRule(500),
    "POST /api/users/bulkUpdate": RateRule(5),
    "GET /api/users/{email}": RateRule(100),
    "GET /api/users/getByEmail": RateRule(100),
    "GET /api/users/byUserId": RateRule(100),
    "GET /api/users/byUserId/{userId}": RateRule(100),
    "DELETE /api/users/{email}": RateRule(100),
    "DELETE /api/users/byUserId/{userId}": RateRule(100),
    "GET /api/users/getFields": RateRule(3),
    "GET /api/users/getSentMessages": RateRule(3),
    "GET /api/users/forgotten": RateRule(3),
    "GET /api/users/forgottenUserIds": RateRule(3),
    "POST /api/users/forget": RateRule(3),
    "POST /api/users/unforget": RateRule(3),
    "POST /api/users/merge": RateRule(50),
    "POST /api/users/registerDeviceToken": RateRule(500),
    "POST /api/events/track": RateRule(2000),
    "POST /api/events/trackBulk": RateRule(10),
    "GET /api/events/{email}": RateRule(100),
    "GET /api/events/byUserId/{userId}": RateRule(100),
    "GET /api/lists": RateRule(100),
    "GET /api/channels": RateRule(100),
    "GET /api/messageTypes": RateRule(100),
    "GET /api/templates": RateRule(100),
    "GET /api/campaigns": RateRule(100),
    "GET /api/lists/getUsers": RateRule(5, 60),
    "GET /api/lists/previewUsers": RateRule(5, 60),
    "GET /api/lists/{listId}/size": RateRule(5, 60),
    "GET /api/export/data.json": RateRule(4, 60),
    "GET /api/export/data.csv": RateRule(4, 60),
    "POST /api/export/start": RateRule(1),
    "GET /api/export/{jobId}/files": RateRule(1),
    "DELETE /api/export/{jobId}": RateRule(1),
    "GET profiles": RateRule(100),
}
DAILY: dict[str, RateRule] = {
    "POST /api/users/forget": RateRule(1000, 86_400),
    "POST /api/users/unforget": RateRule(1000, 86_400),
}
WITH_PARAMS = ("POST /api/users/update", "POST /api/users/bulkUpdate")
PLAIN_PATHS = "/api/inApp/"
PLAIN = Answer(b"Rate limit exceeded. Please try again later.", 429, TEXT)
UNITS = {1.0: "second", 60.0: "minute", 86_400.0: "day"}


class Bucket:
    """A token bucket on the clock it is given."""

    def __init__(self, rule: RateRule, now: int) -> None:
        self.rule = rule
        self.capacity = rule.capacity if rule.capacity is not None else rule.count
        self.tokens = self.capacity
        self._filled_at = now

    def take(self, now: int) -> bool:
        """Take one token, or say there is none."""
        per_ms = self.rule.count / self.rule.seconds / 1000
        self.tokens = min(self.capacity, self.tokens + max(0, now - self._filled_at) * per_ms)
        self._filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def reset_seconds(self) -> float:
        """Seconds until there is a token again, rounded up to a millisecond."""
        missing = max(0.0, 1 - self.tokens) * self.rule.seconds / self.rule.count
        return ceil(missing * 1000) / 1000


class Limits:
    """The buckets of one project; a few endpoints have a second one for the whole day."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[Bucket, ...]] = {}

    def reset(self) -> None:
        """Start every bucket afresh, after the rules have changed."""
        self._buckets.clear()

    def refusal(
        self, endpoint: str, path: str, now: int, settings: SandboxSettings
    ) -> Answer | None:
        """The 429 for a call that comes too early, else None and a token is taken."""
        if not settings.limits:
            return None
        buckets = self._buckets.get(endpoint)
        if buckets is None:
            rules = (
                settings.limit_overrides.get(endpoint) or PUBLISHED.get(endpoint),
                DAILY.get(endpoint),
            )
            buckets = tuple(Bucket(rule, now) for rule in rules if rule is not None)
            self._buckets[endpoint] = buckets
        for bucket in buckets:
            if not bucket.take(now):
                return too_many(bucket, endpoint, path, settings)
        return None


def too_many(bucket: Bucket, endpoint: str, path: str, settings: SandboxSettings) -> Answer:
    """A 429 in the form the settings ask for (iterable.md §3.2)."""
    form = settings.limit_body
    if form == "plain" or (form == "documented" and path.startswith(PLAIN_PATHS)):
        return PLAIN
    rule = bucket.rule
    rate = ""
    if form == "legacy":
        count, unit = float(rule.count), UNITS.get(rule.seconds)
        if unit is None:
            count, unit = count / rule.seconds, "second"
        rate = f" of {count} per {unit}"
    params: dict[str, float] = {}
    if form == "params" or (form == "documented" and endpoint in WITH_PARAMS):
        params = {
            "rateLimitLimit": bucket.capacity,
            "rateLimitRemaining": int(bucket.tokens),
            "rateLimitReset": bucket.reset_seconds(),
        }
    msg = f"Exceeded rate limit{rate} for endpoint: {path}, "
    return envelope(f"{msg}project: {settings.project_id} ", "RateLimitExceeded", params, 429)
