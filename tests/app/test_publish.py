"""What a configuration's names are resolved to when it is published, and what becomes a version."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.actors.clock import SystemClock
from daemon.app.publish import Publisher
from daemon.clients.iterable.client import IterableClient
from daemon.domain.identity import ProjectType
from daemon.errors import ConfigurationError
from daemon.sandbox.settings import MESSAGE_TYPES, ListSeed
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


def lists(*found: tuple[int, str, str]) -> Any:
    seeds = tuple(ListSeed(number, name, kind) for number, name, kind in found)  # type: ignore[arg-type]
    return settings(lists=seeds)


def of_audience(database: Database, client: IterableClient, **fields: Any) -> Publisher:
    block = {"name": "vip", "action": "subscribe_list", "audience": "vip", "list": "VIP", **fields}
    return Publisher(database, client, SystemClock(), ProjectType.HYBRID, [block])


async def test_a_list_that_got_another_name_goes_on_as_itself(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with sandbox(lists((7, "VIP", "Standard"))) as control, iterable(control.base_url) as c:
        first = await of_audience(database, c, create=True).publish()
    renamed = lists((7, "Best", "Standard"), (8, "VIP", "Standard"))
    async with sandbox(renamed) as control, iterable(control.base_url) as c:
        again = await of_audience(database, c, create=True).publish()
        assert again.version == first.version
        assert [each.list_id for each in again.audiences("vip")] == [7]
        assert "'VIP' goes on as number 7, which Iterable calls 'Best' by now" in caplog.text
        changed = await of_audience(database, c, create=False).publish()
        assert [each.list_id for each in changed.audiences("vip")] == [8]


async def test_a_list_that_is_gone_is_looked_for_by_its_name_again(database: Database) -> None:
    async with sandbox(lists((7, "VIP", "Standard"))) as control, iterable(control.base_url) as c:
        await of_audience(database, c).publish()
    async with sandbox(lists((9, "VIP", "Standard"))) as control, iterable(control.base_url) as c:
        found = await of_audience(database, c).publish()
        assert [each.list_id for each in found.audiences("vip")] == [9]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([(7, "VIP", "Dynamic")], "mappings[0].list: 'VIP' is a dynamic list; it can't be edited"),
        (
            [(7, "VIP", "Standard"), (8, "VIP", "Standard")],
            "mappings[0].list: several lists are called 'VIP'; give one of the ids 7, 8",
        ),
        ([(7, "Best", "Standard")], "mappings[0].list: Iterable has no list"),
    ],
)
async def test_a_name_that_means_no_list_or_several_is_refused(
    database: Database, found: list[tuple[int, str, str]], said: str
) -> None:
    async with sandbox(lists(*found)) as control, iterable(control.base_url) as client:
        with pytest.raises(ConfigurationError) as caught:
            await of_audience(database, client).publish()
    assert caught.value.problems[0].startswith(said)


async def test_channels_and_message_types_of_one_name_are_refused_too(database: Database) -> None:
    twice = tuple(replace(MESSAGE_TYPES[0], id=number) for number in (11, 12))
    async with (
        sandbox(settings(message_types=twice)) as control,
        iterable(control.base_url) as client,
    ):
        with pytest.raises(ConfigurationError, match="give one of the ids 11, 12"):
            await publisher(database, client, "Promotions").publish()
