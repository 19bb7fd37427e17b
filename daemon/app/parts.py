"""Everything a process works with, built once from settings. Nothing here runs yet."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

from daemon.actors.clock import SystemClock
from daemon.app.publish import Publisher
from daemon.clients.http import open_http
from daemon.clients.iterable.budgets import Budgets
from daemon.clients.iterable.client import IterableClient
from daemon.clients.iterable.endpoints import effective_limits
from daemon.domain.messages import SHARDS
from daemon.domain.ports import Clock
from daemon.errors import ConfigurationError
from daemon.mapping.room import Bounds
from daemon.outbound.landing import Patience
from daemon.outbound.parts import LaneParts
from daemon.outbound.parts import LaneSettings as LaneBounds
from daemon.settings import Settings
from daemon.store.database import Database, open_database
from daemon.store.instance import instance_lock
from daemon.store.migrate import require_current
from daemon.telemetry.setup import Telemetry

_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Parts:
    """What actors are built from. `look_at_lock` raises StoreUnavailable once the store is lost to
    others; it blocks.
    """

    settings: Settings
    clock: Clock
    rng: random.Random
    database: Database
    budgets: Budgets
    client: IterableClient
    publisher: Publisher
    telemetry: Telemetry
    look_at_lock: Callable[[], None]

    @property
    def lag(self) -> int:
        """The visibility lag, ms."""
        return int(self.settings.iterable.lag_seconds * 1000)

    def lane(self, number: int) -> LaneParts:
        """What lane `number` works with: every count-th shard is its own."""
        return LaneParts(
            shards=tuple(range(number, SHARDS, self.settings.lanes.count)),
            database=self.database,
            client=self.client,
            budgets=self.budgets,
            mappings=self.publisher.mappings,
            clock=self.clock,
            rng=self.rng,
            instruments=self.telemetry.instruments,
            settings=_lane_bounds(self.settings),
        )


@asynccontextmanager
async def open_parts(settings: Settings, telemetry: Telemetry) -> AsyncIterator[Parts]:
    """Own the store, and hold a connection pool to Iterable, for as long as the block runs.

    Raises ConfigurationError (SchemaNotCurrent, InstanceLocked), StoreUnavailable.
    """
    key = settings.iterable.api_key
    if key is None:
        raise ConfigurationError(settings.missing_credentials()[0])  # the key stands first
    url = settings.store.url.get_secret_value()
    with instance_lock(url) as look_at_lock, closing(open_database(url)) as database:
        require_current(database)
        async with open_http() as http:
            limits = settings.iterable.limits
            budgets = Budgets(effective_limits(overrides=limits))
            client = IterableClient(
                http,
                base_url=settings.iterable.url,
                api_key=key,
                budgets=budgets,
                seconds=settings.iterable.timeout_seconds,
            )
            clock = SystemClock()
            yield Parts(
                settings=settings,
                clock=clock,
                rng=random.Random(),  # noqa: S311 -- jitter needs no secrecy
                database=database,
                budgets=budgets,
                client=client,
                publisher=Publisher(
                    database,
                    client,
                    clock,
                    settings.project.type,
                    settings.mappings,
                    opt_in_types=settings.iterable.opt_in_types == "subscribed",
                ),
                telemetry=telemetry,
                look_at_lock=look_at_lock,
            )


def _lane_bounds(settings: Settings) -> LaneBounds:
    lanes = settings.lanes
    return LaneBounds(
        turn_messages=lanes.turn_messages,
        window=lanes.window_messages,
        parked=lanes.parked_messages,
        hold=int(lanes.hold_anonymous_days * _DAY),
        held_per_user=lanes.hold_anonymous_messages,
        max_hops=lanes.max_hops,
        calls_per_endpoint=settings.iterable.concurrency,
        bounds=Bounds(
            registers=lanes.profile_max_traits,
            value_bytes=lanes.trait_max_bytes,
            profile_bytes=lanes.profile_max_bytes,
        ),
        patience=Patience(lag=int(settings.iterable.lag_seconds * 1000)),
    )
