"""What a configuration's names are resolved to when it is published, and what becomes a version."""

from pathlib import Path
from typing import Any

import pytest

from daemon.actors.clock import SystemClock
from daemon.app.publish import Publisher
from daemon.clients.iterable.client import IterableClient
from daemon.domain.identity import ProjectType
from daemon.sandbox.settings import MESSAGE_TYPES
from daemon.store import migrate
from daemon.store.database import Database, open_database
from tests.clients.served import iterable, sandbox, settings

pytestmark = pytest.mark.anyio

PROMOTIONS, DIGEST, OFFERS = (each.id for each in MESSAGE_TYPES[:3])


@pytest.fixture
def database(tmp_path: Path) -> Database:
    url = f"sqlite:///{tmp_path}/segue.db"
    migrate.upgrade(url)
    return open_database(url)


def publisher(
    database: Database, client: IterableClient, *types: str | int, opt_in_types: bool = True
) -> Publisher:
    block: dict[str, Any] = {
        "name": "opt-outs",
        "action": "update_subscriptions",
        "subscribe": 'event = "Off"',
        "unsubscribe": {"message_types": list(types)},
    }
    hybrid, clock = ProjectType.HYBRID, SystemClock()
    return Publisher(database, client, clock, hybrid, [block], opt_in_types=opt_in_types)


@pytest.mark.parametrize("types", [("Promotions", "Weekly Digest"), (PROMOTIONS, DIGEST)])
async def test_the_policy_of_every_message_type_is_known_named_or_numbered(
    database: Database, types: tuple[str | int, ...]
) -> None:
    async with sandbox() as control, iterable(control.base_url) as client:
        published = await publisher(database, client, *types).publish()
        assert {target.id for target in published.subscriptions[0].targets} == {PROMOTIONS, DIGEST}
        assert published.opt_in_types == {DIGEST}


async def test_where_settings_say_so_all_types_go_by_the_same_list(database: Database) -> None:
    async with sandbox() as control, iterable(control.base_url) as client:
        published = await publisher(database, client, DIGEST, opt_in_types=False).publish()
        assert published.opt_in_types == frozenset()


async def test_a_policy_is_part_of_the_version_and_remembered_while_iterable_is_away(
    database: Database,
) -> None:
    async with sandbox() as control, iterable(control.base_url) as client:
        first = await publisher(database, client, DIGEST).publish()
        again = await publisher(database, client, DIGEST).publish()
        assert again.version == first.version
        await control.fault("/api/messageTypes", status=503)
        remembered = await publisher(database, client, DIGEST).publish()
        assert (remembered.version, set(remembered.opt_in_types)) == (first.version, {DIGEST})
        other = await publisher(database, client, DIGEST, opt_in_types=False).publish()
        assert (other.version, set(other.opt_in_types)) == (first.version + 1, set())


async def test_types_nobody_maps_make_no_new_version(database: Database) -> None:
    async with sandbox() as control, iterable(control.base_url) as client:
        first = await publisher(database, client, PROMOTIONS).publish()
    fewer = settings(message_types=MESSAGE_TYPES[:1])
    async with sandbox(fewer) as control, iterable(control.base_url) as client:
        assert (await publisher(database, client, PROMOTIONS).publish()).version == first.version
