"""One lane, from the log to Iterable."""

from pathlib import Path

import pytest

from tests.outbound.bench import bench

pytestmark = pytest.mark.anyio


async def test_an_identify_becomes_a_user(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org", "plan": "pro"})
        await b.settled()
        user = await b.user("1")
        assert user is not None
        assert user["dataFields"]["plan"] == "pro"
        assert user["email"] == "ann@x.org"


async def test_a_track_becomes_an_event_after_its_users_state(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.say(user_id="1", email="ann@x.org", traits={"email": "ann@x.org"})
        b.say(type="track", user_id="1", event="Bought", properties={"price": 3})
        await b.settled()
        paths = [row["path"] for row in await b.ledger()]
        assert paths == ["/api/users/bulkUpdate", "/api/events/trackBulk"]
