"""One Iterable project: all state the handlers work on, and nothing of HTTP."""

from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID

from msgspec import Struct

from daemon.sandbox.event_log import EventLog
from daemon.sandbox.faults import Faults
from daemon.sandbox.field_types import USER_FIELDS, Check, Schema
from daemon.sandbox.lag import Lag
from daemon.sandbox.ledger import Ledger
from daemon.sandbox.limits import Limits
from daemon.sandbox.people import People, User
from daemon.sandbox.settings import GIVEN_AT_START, SandboxSettings

Clock = Callable[[], int]
NOT_YET = 1 << 62


class MailingList(Struct, eq=False):
    """A list; `members` holds everyone a read might still show."""

    id: int
    name: str
    type: str
    created_at: int
    description: str | None = None
    in_use: bool = False
    members: dict[User, None] = {}


class Send(Struct, eq=False):
    """A message to one user by email, push, SMS or in-app; unsent before `send_at`."""

    message_id: str
    campaign_id: int
    template_id: int
    medium: str
    email: str | None
    user_id: str | None
    send_at: int
    scheduled_id: int
    cancelled: bool = False


class ExportJob(Struct, eq=False):
    """An export asked for; `files` are filled when it runs. Times are ms."""

    id: int
    data_type: str
    output: str
    asked_at: int
    query: dict[str, str]
    begins_at: int = NOT_YET
    ends_at: int = NOT_YET
    files: list[Any] | None = None
    cancelled: bool = False


class Tally(Struct, eq=False):
    """What one endpoint was asked and how long its handler took."""

    calls: int = 0
    applied: int = 0
    failed: int = 0
    throttled: int = 0
    errors: int = 0
    seconds: float = 0.0


class Project:
    """The state of one Iterable project, driven by the clock and the dice it is given."""

    def __init__(self, settings: SandboxSettings, clock: Clock, rng: Random) -> None:
        self.clock = clock
        self.rng = rng
        self.people = People()
        self.events = EventLog()
        self.user_schema = Schema("user", dict(USER_FIELDS))
        self.event_schemas: dict[str, Schema] = {}
        self.ledger = Ledger()
        self.limits = Limits()
        self.faults = Faults(rng)
        self.counts: dict[str, Tally] = {}
        self.sends: list[Send] = []
        self.jobs: dict[int, ExportJob] = {}
        self.forgotten_emails: dict[str, str | None] = {}
        self.forgotten_user_ids: dict[str, str | None] = {}
        self.lists: dict[int, MailingList] = {}
        self._seeded: set[int] = set()
        self._serial = 100_000
        self.use(settings)

    def use(self, settings: SandboxSettings) -> None:
        """Work by these settings from now on; what is stored stays."""
        self.settings = settings
        self.lag_single = Lag(settings.lag_single, self.rng)
        self.lag_bulk = Lag(settings.lag_bulk, self.rng)
        self.lag_export = Lag(settings.lag_export, self.rng)
        self.people.longest_export_lag = self.lag_export.longest
        self.channels = {c.id: c for c in settings.channels}
        self.message_types = {m.id: m for m in settings.message_types}
        self.campaigns = {c.id: c for c in settings.campaigns}
        self.journeys = {j.id: j for j in settings.journeys}
        self.email_based = settings.project_type == "email"
        self.list_field = "emailListIds" if self.email_based else "userListIds"
        self.limits.reset()
        for seed in settings.lists:
            if seed.id in self._seeded:
                continue
            self._seeded.add(seed.id)
            known = MailingList(seed.id, seed.name, seed.type, GIVEN_AT_START)
            known.in_use = seed.in_use
            self.lists[seed.id] = known

    def serial(self) -> int:
        """A number nothing else in the project has."""
        self._serial += 1
        return self._serial

    def uuid(self) -> str:
        """A random id, from the project's own dice."""
        return str(UUID(int=self.rng.getrandbits(128), version=4))

    def check_user(self, *, create: bool | None) -> Check:
        """A check of user fields, by the request's createNewFields or the project's default."""
        wanted = self.settings.create_new_fields if create is None else create
        return self._check(self.user_schema, self.settings.user_fields_limit, create=wanted)

    def check_event(self, name: str, *, create: bool | None = None) -> Check:
        """A check of one event name's fields."""
        schema = self.event_schemas.get(name)
        if schema is None:
            schema = self.event_schemas[name] = Schema("customEvent", {})
        wanted = self.settings.create_new_fields if create is None else create
        return self._check(schema, self.settings.event_fields_limit, create=wanted)

    def _check(self, schema: Schema, limit: int, *, create: bool) -> Check:
        return Check(schema, create=create, limit=limit, project_id=self.settings.project_id)

    def tally(self, endpoint: str) -> Tally:
        """The running count of one endpoint."""
        found = self.counts.get(endpoint)
        if found is None:
            found = self.counts[endpoint] = Tally()
        return found
