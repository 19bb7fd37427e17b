"""When something recurs, as people write it: `every 6h`, five fields of crontab, or `off`."""

import re
from dataclasses import dataclass
from typing import TypeAlias

from apscheduler.triggers.cron import CronTrigger

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_EVERY = re.compile(r"every (\d{1,6})([smhd])")


@dataclass(frozen=True, slots=True)
class Every:
    """At multiples of so many seconds since 1970."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Cron:
    """At the times a crontab's five fields name."""

    expression: str


Schedule: TypeAlias = Every | Cron


def parse_schedule(text: str) -> Schedule | None:
    """`None` for `off`.

    Raises:
        ValueError: it is none of the three forms; the message says what they are.
    """
    if text == "off":
        return None
    found = _EVERY.fullmatch(text)
    if found and int(found[1]):
        return Every(int(found[1]) * _UNITS[found[2]])
    try:
        CronTrigger.from_crontab(text, timezone="UTC")
    except ValueError:
        raise ValueError(
            'should be "every" and a time such as 30m, 6h or 1d, or five fields of crontab'
            ' such as "0 4 * * *", or "off"'
        ) from None
    return Cron(text)
