"""The two doors, used as customers use them: Segment's own SDK, and Segment's signed webhooks."""

import hmac
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from daemon.cli.demonstration.traffic import Say
from daemon.cli.demonstration.wire import Place
from daemon.domain.ports import Clock
from daemon.errors import ConfigurationError, Unavailable

SDK = "segment"
_BATCH = 500
_UPLOAD_SECONDS = 0.1
_OK = 200
_HOUR = timedelta(hours=1)


def require_sdk() -> None:
    """Raises ConfigurationError where Segment's SDK is not installed."""
    if find_spec(SDK) is None:
        raise ConfigurationError(
            "segue demo sends with Segment's own SDK, which is not installed:"
            " pip install 'segue[demo]'"
        )


class SdkSender:
    """A program with `segment-analytics-python`. `taken` counts what the SDK took from it.

    What the SDK gave up on is in `failed`: its error and how many messages it was about.
    """

    def __init__(self, write_key: str, place: Place, messages: int) -> None:
        client = import_module("segment.analytics.client").Client
        self.taken = 0
        self.failed: list[tuple[Exception, int]] = []
        self._client: Any = client(
            write_key,
            host=place.url,
            max_queue_size=messages + 1,
            upload_interval=_UPLOAD_SECONDS,
            on_error=self._note,
        )

    def send(self, says: Sequence[Say], said: Callable[[int], None]) -> None:
        """Hand all to the SDK, which sends them in a thread of its own."""
        for say in says:
            self.taken += self._call(say)[0]
            said(1)

    def is_done(self) -> bool:
        """Whether the SDK has sent all it took. Raises Unavailable where it gave up on some."""
        if self.failed:
            error, lost = self.failed[0]
            raise Unavailable(f"the SDK gave up on {lost} messages: {error}")
        return not self._client.queue.unfinished_tasks

    def close(self) -> None:
        """Let the SDK's thread end."""
        self._client.join()

    def _call(self, say: Say) -> tuple[bool, Any]:
        who = {
            "user_id": say.user_id,
            "anonymous_id": say.anonymous_id,
            "message_id": say.message_id,
            "context": dict(say.context),
        }
        if say.type == "identify":
            called: tuple[bool, Any] = self._client.identify(traits=say.traits, **who)
        else:
            called = self._client.track(event=say.event, properties=say.properties, **who)
        return called

    def _note(self, error: Exception, batch: Sequence[Any]) -> None:
        self.failed.append((error, len(batch)))


class WebhookSender:
    """Segment's Webhooks destination. `sent` counts the messages it had answered with 200."""

    def __init__(self, source: str, secret: str, place: Place, clock: Clock) -> None:
        self._path, self._secret, self._place = f"/v1/webhook/{source}", secret, place
        self._clock = clock
        self.sent = 0

    def is_done(self) -> bool:
        """Always: what was posted was answered."""
        return True

    def send(self, says: Sequence[Say], said: Callable[[int], None]) -> None:
        """Post all in signed arrays. Raises Unavailable for another answer than 200."""
        now = datetime.fromtimestamp(self._clock.now() / 1000, UTC)
        for start in range(0, len(says), _BATCH):
            members = [webhook_body(say, now) for say in says[start : start + _BATCH]]
            signature = hmac.digest(self._secret.encode(), members[0], "sha1").hex()
            body = b"[" + b",".join(members) + b"]"
            status, answer = self._place.post(self._path, body, {"X-Signature": signature})
            if status != _OK:
                raise Unavailable(f"the webhook was answered {status}: {answer[:200].decode()}")
            self.sent += len(members)
            said(len(members))


def webhook_body(say: Say, now: datetime) -> bytes:
    """A message as Segment posts it (segment.md §3): its times are corrected already."""
    happened = now - _HOUR if say.late else now
    return json.dumps(
        {
            "type": say.type,
            "messageId": say.message_id,
            "userId": say.user_id,
            "anonymousId": say.anonymous_id,
            "event": say.event,
            "traits": say.traits if say.type == "identify" else None,
            "properties": say.properties if say.type == "track" else None,
            "context": say.context,
            "timestamp": happened.isoformat(timespec="milliseconds"),
            "receivedAt": now.isoformat(timespec="milliseconds"),
            "version": 2,
        }
    ).encode()
