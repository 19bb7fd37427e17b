"""When a message happened: Segment's ISO-8601 times, and the correction for skewed clocks."""

from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LONGEST = 64


def parse_time(value: Any) -> int | None:
    """An ISO-8601 time in ms UTC; None where it is absent or is none. No offset means UTC.

    SDKs send `Z` or `+00:00`, in milliseconds or microseconds (segment.md §2.1, §2.6).
    """
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return None


def effective_time(timestamp: Any, *, sent_at: int | None, received_at: int) -> tuple[int, bool]:
    """When a message counts as having happened (ms), and whether that had to be clamped.

    receivedAt - (sentAt - timestamp) where sentAt is known, else the timestamp itself
    (segment.md §1.8); never later than receivedAt, so that a clock set to 2099 wins nothing, and
    never before 1970. Without a time of its own it happened when it was received.
    """
    at = parse_time(timestamp)
    if at is None:
        return received_at, False
    if sent_at is not None:
        at += received_at - sent_at
    within = max(0, min(at, received_at))
    return within, within != at
