"""Whose messages are, where claims and checkpoints part."""

from pathlib import Path

import pytest

from daemon.domain.messages import shard_of
from daemon.domain.profiles import decode_profile
from daemon.store import identifiers, users
from daemon.store.identifiers import Claim
from tests.outbound.bench import bench

pytestmark = pytest.mark.anyio


async def test_claims_whose_turn_came_to_no_checkpoint_are_learnt_the_next_time(
    tmp_path: Path,
) -> None:
    """They are committed before folding, so a crash may leave them alone in the store."""
    shard = shard_of("u:1")
    claims = [
        Claim("u", "1", shard, "u:1"),
        Claim("e", "ann@x.org", shard, "u:1"),
        Claim("a", "a1", shard, "u:1"),
    ]
    async with bench(tmp_path) as b:
        b.database.write_now(lambda c: identifiers.claim(c, claims))
        b.say(user_id="1", email="ann@x.org", anonymous_id="a1", traits={"email": "ann@x.org"})
        async with b.running():
            await b.settled()
            user = await b.user("1")
        assert user is not None
        assert user["email"] == "ann@x.org"
        row = b.database.read_now(lambda c: users.load(c, [(shard, "u:1")]))["u:1"]
        profile = decode_profile(row.profile)
        assert (profile.emails, profile.anonymous_ids) == (["ann@x.org"], ["a1"])
