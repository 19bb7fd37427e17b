"""What a lane works with, and how much it may take on."""

import random
from collections.abc import Callable

import msgspec

from daemon.clients.iterable.budgets import Budgets
from daemon.clients.iterable.client import IterableClient
from daemon.domain.ports import Clock
from daemon.mapping.mappings import Mappings
from daemon.mapping.room import Bounds
from daemon.outbound.landing import Patience
from daemon.store.database import Database
from daemon.telemetry.instruments import Instruments


class LaneSettings(msgspec.Struct, frozen=True):
    """Bounds of one lane. `hold` is how long somebody unknown may be held, ms."""

    turn_messages: int = 2_000
    window: int = 20_000
    parked: int = 100_000
    residents: int = 20_000
    hold: int = 30 * 86_400_000
    held_per_user: int = 1_000
    max_hops: int = 5
    calls_per_endpoint: int = 4
    bounds: Bounds = Bounds()
    patience: Patience = Patience()


class LaneParts(msgspec.Struct, frozen=True):
    """What a lane works with. `mappings` gives the published version, asked between turns."""

    shards: tuple[int, ...]
    database: Database
    client: IterableClient
    budgets: Budgets
    mappings: Callable[[], Mappings]
    clock: Clock
    rng: random.Random
    instruments: Instruments
    settings: LaneSettings
