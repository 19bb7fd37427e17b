"""What Segment takes back while a row says the opposite, and what ends beside a call."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from daemon.domain.identity import ProjectType
from daemon.domain.messages import Message
from daemon.mapping.blocks import DEFAULT, read
from daemon.outbound.retention import Retention
from daemon.outbound.turns import Turns
from daemon.store import Connection, marks, turns, waiting
from tests.outbound.bench import CATALOG, NOW, Bench, bench, quick_lane
from tests.outbound.truth import assert_balanced, deliveries, open_calls, waiting_kinds

pytestmark = pytest.mark.anyio
SHORT: dict[str, Any] = {
    "name": "short",
    "action": "track_event",
    "subscribe": 'type = "track"',
    "preset": "segment",
    "expires_after": "1s",
}


async def plan(b: Bench) -> Any:
    user = await b.user("1")
    return user and user["dataFields"].get("plan")


def open_marks(b: Bench) -> int:
    return b.database.read_now(marks.count)


async def test_a_change_taken_back_in_flight_stays_open_and_holds_events(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(user_id="1", traits={"plan": "basic"})
        await b.settled()
        await b.fault(path="/api/users/bulkUpdate", delay_ms=400, times=1)
        b.say(user_id="1", traits={"plan": "pro"})
        await b.until(lambda: open_calls(b) != [])
        b.say(user_id="1", traits={"plan": "basic"})
        b.say(type="track", user_id="1", event="After")
        await anyio.sleep(0.2)
        assert (open_marks(b), await deliveries(b)) == (1, [])
        await b.settled()
        assert (await plan(b), await deliveries(b)) == ("basic", ["m4"])
        rows = [row["payload"] for row in await b.ledger() if row["result"] == "applied"]
        assert [row.get("eventName", row["dataFields"].get("plan")) for row in rows] == [
            "basic",
            "pro",
            "basic",
            "After",
        ]


async def test_a_change_taken_back_before_a_crash_is_put_right(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        async with b.running():
            b.say(user_id="1", traits={"plan": "basic"})
            await b.settled()
        b.renew()
        with anyio.CancelScope() as crash:
            async with b.running():
                await b.fault(path="/api/users/bulkUpdate", hang=True, apply=True, times=1)
                b.say(user_id="1", traits={"plan": "pro"})
                await b.until(lambda: open_calls(b) != [])
                position = b.say(user_id="1", traits={"plan": "basic"})
                await b.until(lambda: _folded(b) >= position)
                crash.cancel()
        b.renew()
        async with b.running():
            await b.until(lambda: open_calls(b) == [])  # and stop within the lag
        assert open_marks(b) == 1
        b.renew()
        async with b.running():
            await b.settled()
        assert await plan(b) == "basic"
        assert_balanced(b)


async def test_a_call_that_was_not_taken_leaves_nothing_open_of_what_was_taken_back(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(user_id="1", traits={"plan": "basic"})
        await b.settled()
        await b.fault(path="/api/users/bulkUpdate", status=404, body={}, delay_ms=300, times=1)
        b.say(user_id="1", traits={"plan": "pro"})
        await b.until(lambda: open_calls(b) != [])
        b.say(user_id="1", traits={"plan": "basic"})
        b.say(type="track", user_id="1", event="After")
        await b.settled()
        assert (await plan(b), await deliveries(b)) == ("basic", ["m4"])


async def test_an_event_that_dies_as_it_expires_leaves_its_letter_in_the_same_turn(
    tmp_path: Path,
) -> None:
    mapped = read([*DEFAULT, SHORT]).publish(1, ProjectType.HYBRID, CATALOG)
    calls = "/api/events/trackBulk"
    async with bench(tmp_path, mappings=mapped) as b:
        bad = {"msg": "wrong", "code": "BadParams", "params": None}
        await b.fault(path=calls, status=400, body=bad, times=2)
        await b.fault(path=calls, status=503, delay_ms=1_200, times=1)
        now = b.parts.clock.now()
        with anyio.CancelScope() as crash:
            async with b.running():
                b.say(type="track", user_id="1", event="E", received_at=now, effective_at=now)
                await b.until(lambda: _passed_as_dead(b))
                assert waiting_kinds(b) == [("u:1", "dead")]
                assert_balanced(b)
                crash.cancel()


async def test_all_that_was_held_too_long_expires_however_much_it_is(tmp_path: Path) -> None:
    async with bench(tmp_path, settings=quick_lane(hold=1)) as b:
        said = [_looked(number) for number in range(1_200)] + [_looked(0, f"{n}") for n in range(9)]
        b.append(said)
        async with b.running():
            await b.until(lambda: len(waiting_counts(b)) > 0 and waiting_counts(b)[0] == len(said))
        b.renew()
        async with b.running():
            await b.until(lambda: waiting_counts(b) == [])
        assert_balanced(b)


async def test_a_turn_older_than_what_it_folded_is_kept_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    puts_off, said = Turns._puts_off_folding, list[int]()

    async with bench(tmp_path) as b:

        def hear(self: Turns) -> bool:
            """A message comes after the turn began, and before it reads the log."""
            if not said:
                said.append(b.parts.clock.now() + 20)
                b.say(user_id="2", received_at=said[0], effective_at=said[0], traits={"n": 1})
            return puts_off(self)

        async with b.running():
            b.say(user_id="1", received_at=b.parts.clock.now(), traits={"n": 0})
            await b.settled()
            monkeypatch.setattr(Turns, "_puts_off_folding", hear)
            b.nudge()
            await b.until(lambda: bool(said))
            await b.settled()
        retention = Retention(
            b.database, _At(said[0] + 1_000), keep=1_000, dedupe_hours=10**5, progress=_nothing
        )
        await retention.trim()
        assert_balanced(b)


class _At:
    def __init__(self, at: int) -> None:
        self._at = at

    def now(self) -> int:
        return self._at


def _nothing() -> None:
    """Nobody looks."""


def _looked(number: int, mid: str = "") -> Message:
    return Message(
        type="track",
        message_id=f"x{number}{mid}",
        received_at=NOW,
        effective_at=NOW,
        source="web",
        anonymous_id=f"a{number}",
        event="Looked",
    )


def waiting_counts(b: Bench) -> list[int]:
    return list(b.database.read_now(waiting.counts).values())


def _folded(b: Bench) -> int:
    def read_(connection: Connection) -> int:
        found = turns.scan(connection, 0, 1_000)
        return max((turn.to_position for turn in found if turn.stage == "folded"), default=0)

    return b.database.read_now(read_)


def _passed_as_dead(b: Bench) -> bool:
    found = b.database.read_now(lambda c: turns.scan(c, 0, 1_000))
    return any(turn.body.dead and turn.stage != "folded" for turn in found)
