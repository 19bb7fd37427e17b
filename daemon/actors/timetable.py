"""Runs a job at the times a trigger names. APScheduler is the calendar; the loop is ours.

A run missed while the process was down is caught up once, however many were missed; times missed
while the job ran are skipped. Waits are short naps against the wall clock, so that a machine that
was suspended, or whose time was set, is late by one nap at most.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol, assert_never
from zoneinfo import ZoneInfo

import anyio
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from daemon.domain.ports import Clock
from daemon.settings import Cron, Every, Schedule

NAP_SECONDS = 60.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = timedelta(milliseconds=1)


class Trigger(Protocol):
    """What we need of APScheduler 3's triggers, all of which fit."""

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """Where `previous` is `None`: the first time from `now` on."""


def trigger_of(schedule: Schedule, zone: str = "UTC") -> Trigger:
    """The calendar of a schedule from settings; `zone` is where crontab's hours are meant.

    Every so often means multiples since 1970, so that a restart doesn't shift them. On the day the
    clocks go forward a crontab time they skip is run an hour later; on the day they go back a time
    in the repeated hour is run twice.
    """
    trigger: Trigger
    match schedule:
        case Every(seconds=seconds):
            trigger = IntervalTrigger(seconds=seconds, start_date=_EPOCH, timezone=UTC)
        case Cron(expression=expression):
            trigger = CronTrigger.from_crontab(expression, timezone=ZoneInfo(zone))
        case _:
            assert_never(schedule)
    return trigger


class Timetable:
    """An actor: one job, never twice at once.

    `last_run_at` is when the job last ran in an earlier life of the process (milliseconds UTC);
    with `None` nothing is caught up.
    """

    def __init__(
        self,
        name: str,
        trigger: Trigger,
        job: Callable[[], Awaitable[None]],
        clock: Clock,
        *,
        last_run_at: int | None = None,
    ) -> None:
        self.name = name
        self._trigger, self._job, self._clock = trigger, job, clock
        self._last = None if last_run_at is None else _moment(last_run_at)
        self._catch_up = last_run_at is not None

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Wait and run, until the trigger names no further time."""
        ready()
        while (due := self._next()) is not None:
            now = await self._until(due)
            # Before the job, so that a job that fails waits for its next time, not for a restart.
            self._last, self._catch_up = now, False
            await self._job()

    def _next(self) -> datetime | None:
        after = self._now()
        if self._last is not None:
            following = self._last + _INSTANT
            after = following if self._catch_up else max(after, following)
        # Never a previous time: the interval trigger would count from it and leave its grid.
        return self._trigger.get_next_fire_time(None, after)

    async def _until(self, due: datetime) -> datetime:
        while (now := self._now()) < due:  # noqa: ASYNC110 -- time has no event
            await anyio.sleep(min((due - now).total_seconds(), NAP_SECONDS))
        return now

    def _now(self) -> datetime:
        return _moment(self._clock.now())


def _moment(at: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at)
