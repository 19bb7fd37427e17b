from datetime import UTC, datetime, timedelta
from itertools import pairwise

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.actors.timetable import Timetable, Trigger, trigger_of
from daemon.settings import Cron, Every
from tests.clock import VIRTUAL, LoopClock, VirtualLoop

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = 3600, 86_400


def cron(expression: str, zone: str = "UTC") -> Trigger:
    return trigger_of(Cron(expression), zone)


def every(seconds: int) -> Trigger:
    return trigger_of(Every(seconds))


def at(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


async def times(
    trigger: Trigger,
    *,
    began: datetime,
    lasts: float,
    seconds: float,
    last_run: datetime | None = None,
) -> list[datetime]:
    """When the job ran, on a clock that begins at `began`, in so many seconds."""
    clock, ran = LoopClock(began), list[datetime]()

    async def job() -> None:
        ran.append(datetime.fromtimestamp(clock.now() / 1000, UTC))
        await anyio.sleep(lasts)

    last_run_at = None if last_run is None else at(last_run)
    with anyio.move_on_after(seconds):
        await Timetable("t", trigger, job, clock, last_run_at=last_run_at).run(ready=lambda: None)
    return ran


def stamps(ran: list[datetime]) -> list[str]:
    return [moment.strftime("%d %H:%M:%S") for moment in ran]


CASES: list[tuple[str, Trigger, datetime, list[str]]] = [
    (
        "clocks go forward at 2",
        cron("0 3 * * *", "America/New_York"),
        datetime(2026, 3, 7, tzinfo=UTC),
        ["07 08:00:00", "08 07:00:00", "09 07:00:00"],
    ),
    (
        "clocks go back at 2",
        cron("0 3 * * *", "America/New_York"),
        datetime(2026, 10, 31, tzinfo=UTC),
        ["31 07:00:00", "01 08:00:00", "02 08:00:00"],
    ),
    (
        "a time the clocks skip is run an hour later",
        cron("30 2 * * *", "Europe/Berlin"),
        datetime(2026, 3, 28, tzinfo=UTC),
        ["28 01:30:00", "29 01:30:00", "30 00:30:00"],
    ),
    (
        "UTC knows no change",
        cron("15 */12 * * *"),
        datetime(2026, 3, 28, tzinfo=UTC),
        [f"{day} {hour}:15:00" for day in (28, 29, 30) for hour in ("00", "12")],
    ),
]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [VIRTUAL])
@pytest.mark.parametrize(
    ("trigger", "began", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
async def test_three_days(trigger: Trigger, began: datetime, expected: list[str]) -> None:
    ran = await times(trigger, began=began, lasts=1, seconds=3 * DAY)
    assert stamps(ran) == expected


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [VIRTUAL])
async def test_a_job_that_overruns_skips_what_it_missed() -> None:
    ran = await times(every(60), began=JANUARY, lasts=150, seconds=800)
    assert [(moment - JANUARY).seconds for moment in ran] == [0, 180, 360, 540, 720]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [VIRTUAL])
@pytest.mark.parametrize("trigger", [cron("0 */6 * * *"), every(6 * HOUR)], ids=["cron", "every"])
@pytest.mark.parametrize(
    ("last_run", "expected"),
    [
        (None, ["01 12:00:00", "01 18:00:00"]),
        (timedelta(hours=-1), ["01 12:00:00", "01 18:00:00"]),
        (timedelta(minutes=-500), ["01 08:00:00", "01 12:00:00", "01 18:00:00"]),
        (timedelta(hours=-8), ["01 08:00:00", "01 12:00:00", "01 18:00:00"]),
        (timedelta(days=-90), ["01 08:00:00", "01 12:00:00", "01 18:00:00"]),
        (timedelta(hours=5), ["01 18:00:00"]),
    ],
    ids=["first life", "none missed", "one missed", "ran on time", "many missed", "time set back"],
)
async def test_runs_missed_while_down_are_caught_up_once(
    trigger: Trigger, last_run: timedelta | None, expected: list[str]
) -> None:
    began = JANUARY + timedelta(hours=8)
    before = None if last_run is None else began + last_run
    ran = await times(trigger, began=began, lasts=1, seconds=11 * HOUR, last_run=before)
    assert stamps(ran) == expected


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [VIRTUAL])
async def test_a_failed_job_waits_for_its_next_time_also_when_restarted() -> None:
    clock, ran = LoopClock(JANUARY), list[float]()

    async def job() -> None:
        ran.append(anyio.current_time())
        raise ValueError("broken")

    table = Timetable("t", every(600), job, clock, last_run_at=at(JANUARY) - 5_000_000)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            await table.run(ready=lambda: None)
    assert ran == [0, 600, 1200]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [VIRTUAL])
async def test_a_clock_that_is_set_forward_is_noticed_within_a_nap() -> None:
    class Leaping(LoopClock):
        def now(self) -> int:
            return super().now() + (2 * HOUR * 1000 if anyio.current_time() > 100 else 0)

    ran: list[float] = []

    async def job() -> None:
        ran.append(anyio.current_time())

    clock = Leaping(JANUARY + timedelta(seconds=1))
    with anyio.move_on_after(200):
        await Timetable("t", every(HOUR), job, clock).run(ready=lambda: None)
    assert ran == [120]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [VIRTUAL])
async def test_it_is_ready_before_it_waits_and_ends_with_its_trigger() -> None:
    class Once:
        def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
            return JANUARY if now <= JANUARY else None

    said: list[str] = []

    async def job() -> None:
        said.append("ran")

    def ready() -> None:
        said.append("ready")

    await Timetable("t", Once(), job, LoopClock(JANUARY)).run(ready=ready)
    assert said == ["ready", "ran"]


@settings(max_examples=40, deadline=None)
@given(
    step=st.integers(1, 7 * DAY),
    offset=st.integers(0, 10**9),
    lasts=st.integers(0, 3 * DAY),
    down=st.none() | st.integers(0, 60 * DAY),
)
def test_times_lie_on_the_grid_and_never_overlap(
    step: int, offset: int, lasts: int, down: int | None
) -> None:
    began = JANUARY + timedelta(milliseconds=offset)
    last_run = None if down is None else began - timedelta(seconds=down)

    async def main() -> list[datetime]:
        return await times(
            every(step), began=began, lasts=lasts, seconds=5 * step, last_run=last_run
        )

    ran = anyio.run(main, backend_options={"loop_factory": VirtualLoop})
    grid = step * 1000
    missed = last_run is not None and at(last_run) // grid < (at(began) - 1) // grid
    on_grid = ran[1:] if missed else ran
    assert all(at(moment) % grid == 0 for moment in on_grid)
    assert not missed or ran[0] == began
    assert all(b - a >= timedelta(seconds=lasts) for a, b in pairwise(ran))
    assert len(set(ran)) == len(ran)
