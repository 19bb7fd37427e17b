import pytest

from daemon.settings import Cron, Every, Schedule, parse_schedule


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("every 30s", Every(30)),
        ("every 15m", Every(900)),
        ("every 6h", Every(21_600)),
        ("every 1d", Every(86_400)),
        ("0 4 * * *", Cron("0 4 * * *")),
        ("*/5 0-6 * * mon-fri", Cron("*/5 0-6 * * mon-fri")),
        ("off", None),
    ],
)
def test_three_forms_are_read(text: str, expected: Schedule | None) -> None:
    assert parse_schedule(text) == expected


@pytest.mark.parametrize(
    "text", ["", "every", "every 0h", "every 6 h", "every 6w", "hourly", "0 4 * *", "0 25 * * *"]
)
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match='should be "every" and a time'):
        parse_schedule(text)
