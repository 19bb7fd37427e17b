"""When a message happened."""

import pytest

from daemon.ingest.times import effective_time, parse_time

NOON = 1_704_110_400_000  # 2024-01-01T12:00:00Z
NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01T12:00:00Z", NOON),
        ("2024-01-01T12:00:00.123Z", NOON + 123),
        ("2024-01-01T12:00:00.123456Z", NOON + 123),
        ("2024-01-01T12:00:00.123456+00:00", NOON + 123),
        ("2024-01-01T13:00:00.123+01:00", NOON + 123),
        ("2024-01-01 12:00:00", NOON),
        ("1969-12-31T23:59:59.999Z", -1),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ("0001-01-01T00:00:00+14:00", -62_135_596_800_000 - 14 * 3_600_000),
        ("", None),
        ("yesterday", None),
        ("2024-13-01T00:00:00Z", None),
        ("+010000-01-01T00:00:00Z", None),
        ("2024-01-01T12:00:00Z" + " " * 100, None),
        (None, None),
        (1_704_110_400, None),
        ({"a": 1}, None),
    ],
)
def test_segments_times_are_understood(text: object, expected: int | None) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    ("timestamp", "sent_at", "expected"),
    [
        ("2024-01-01T12:00:00Z", None, (NOON, False)),
        # The sender's clock is an hour ahead: it sent at 13:00 what we received at NOW.
        ("2024-01-01T12:00:00Z", NOON + 3_600_000, (NOW - 3_600_000, False)),
        ("2024-01-01T12:00:00Z", NOON, (NOW, False)),
        ("2024-01-01T12:00:01Z", NOON, (NOW, True)),
        ("9999-01-01T00:00:00Z", None, (NOW, True)),
        ("2099-01-01T00:00:00Z", None, (NOW, True)),
        ("1969-01-01T00:00:00Z", None, (0, True)),
        ("1970-01-01T00:00:00Z", None, (0, False)),
        ("nonsense", NOON, (NOW, False)),
        (None, None, (NOW, False)),
    ],
)
def test_no_message_is_later_than_its_receipt(
    timestamp: object, sent_at: int | None, expected: tuple[int, bool]
) -> None:
    assert effective_time(timestamp, sent_at=sent_at, received_at=NOW) == expected
