"""Which calls are opened, and what a failed one is split into."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from daemon.domain.identity import ProjectType
from daemon.domain.messages import Message
from daemon.mapping.blocks import DEFAULT, read
from daemon.mapping.mappings import Mappings
from daemon.store import calls
from tests.outbound.bench import CATALOG, NOW, Bench, bench
from tests.outbound.truth import open_calls, stored

pytestmark = pytest.mark.anyio


def mapped(*blocks: dict[str, Any]) -> Mappings:
    return read([*DEFAULT, *blocks]).publish(1, ProjectType.HYBRID, CATALOG)


def audiences(lists: Sequence[int]) -> Mappings:
    """An audience for each list, by its number."""
    return mapped(
        *(
            {"name": f"l{each}", "action": "subscribe_list", "audience": f"a{each}", "list": each}
            for each in lists
        )
    )


def closed_calls(b: Bench) -> list[calls.CallRow]:
    return b.database.read_now(lambda c: calls.scan(c, 0, 10_000))


def enters(user: str, audience: int, number: int) -> Message:
    personas = {"computation_class": "audience", "computation_key": f"a{audience}"}
    return Message(
        type="identify",
        message_id=f"e{number}",
        received_at=NOW + number,
        effective_at=NOW + number,
        source="web",
        user_id=user,
        traits={f"a{audience}": True},
        context={"personas": personas},
    )


async def test_no_more_calls_of_an_endpoint_fly_than_may(tmp_path: Path) -> None:
    numbers = range(7_001, 7_011)
    async with bench(tmp_path, mappings=audiences(numbers)) as b:
        b.append([enters("1", each, each) for each in numbers])
        with anyio.CancelScope() as crash:
            async with b.running():
                await b.fault(path="/api/lists/subscribe", hang=True)
                await b.until(lambda: "/api/lists/subscribe" in open_calls(b))
                await anyio.sleep(0.05)
                asked = open_calls(b).count("/api/lists/subscribe")
                assert asked == b.parts.settings.calls_per_endpoint
                crash.cancel()


async def test_a_list_iterable_does_not_know_is_asked_for_a_few_times_and_holds_nobody_up(
    tmp_path: Path,
) -> None:
    unknown, vip = 7_001, 1_002
    async with bench(tmp_path, mappings=audiences([unknown, vip])) as b, b.running():
        for user in range(40):
            b.append([enters(f"{user}", unknown, 2 * user), enters(f"{user}", vip, 2 * user + 1)])
        await b.settled()
        asked = [each for each in closed_calls(b) if each.key.target == unknown]
        assert 6 <= len(asked) <= 12
        assert sum(len(each.rows.users) for each in asked[-1:]) > 1
        for user in range(40):
            held = await b.user(f"{user}")
            assert held is not None
            assert held["dataFields"]["userListIds"] == [vip]
        reasons = {
            part.reason
            for _, believed in stored(b).values()
            for name, part in believed.parts.items()
            if name == f"list:{unknown}"
        }
        assert len(reasons) == 1
        assert "no such list" in reasons.pop()
