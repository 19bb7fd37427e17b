"""What a sandbox is told before it starts, and what may be changed while it runs.

Where the real services leave something open (UNCONFIRMED in iterable.md §20), a setting chooses.
The values are frozen; `POST /_sandbox/settings` swaps the whole struct for a changed copy.
"""

from typing import Literal

from msgspec import Struct

ProjectType = Literal["email", "userId", "hybrid"]
GIVEN_AT_START = 1_500_000_000_000


class LagSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a write stays invisible to reads (iterable.md §14)."""

    mode: Literal["recorded", "fixed", "off"] = "recorded"
    scale: float = 1.0
    fixed_ms: int = 1000


class RateRule(Struct, frozen=True, forbid_unknown_fields=True):
    """`count` calls in `seconds`; at most `capacity` in a burst (None: as many as count)."""

    count: float
    seconds: float = 1.0
    capacity: float | None = None


class ListSeed(Struct, frozen=True, forbid_unknown_fields=True):
    """A list that is there from the start."""

    id: int
    name: str
    type: Literal["Standard", "Dynamic", "Suppression", "Internal"] = "Standard"
    in_use: bool = False


class ChannelSeed(Struct, frozen=True, forbid_unknown_fields=True):
    """A channel (iterable.md §10)."""

    id: int
    name: str
    type: Literal["Marketing", "Transactional"]
    medium: Literal["Email", "Push", "SMS"]


class MessageTypeSeed(Struct, frozen=True, forbid_unknown_fields=True):
    """A message type of a channel (iterable.md §10)."""

    id: int
    name: str
    channel_id: int
    policy: Literal["OptIn", "OptOut"] = "OptOut"


class CampaignSeed(Struct, frozen=True, forbid_unknown_fields=True):
    """A campaign, and the message type that says who may be sent it (iterable.md §10, §11)."""

    id: int
    name: str
    message_type_id: int
    template_id: int
    type: Literal["Blast", "Triggered"] = "Triggered"


class JourneySeed(Struct, frozen=True, forbid_unknown_fields=True):
    """A journey (iterable.md §11)."""

    id: int
    name: str


LISTS = (
    ListSeed(1001, "Newsletter"),
    ListSeed(1002, "Gold Members"),
    ListSeed(1003, "Cart Abandoners"),
    ListSeed(1004, "New users", "Dynamic"),
)
CHANNELS = (
    ChannelSeed(2001, "Marketing Email", "Marketing", "Email"),
    ChannelSeed(2002, "Marketing SMS", "Marketing", "SMS"),
    ChannelSeed(2003, "Marketing Push", "Marketing", "Push"),
    ChannelSeed(2004, "Transactional Email", "Transactional", "Email"),
)
MESSAGE_TYPES = (
    MessageTypeSeed(3001, "Promotions", 2001),
    MessageTypeSeed(3002, "Weekly Digest", 2001, "OptIn"),
    MessageTypeSeed(3003, "SMS Offers", 2002, "OptIn"),
    MessageTypeSeed(3004, "Push Offers", 2003),
    MessageTypeSeed(3005, "Receipts", 2004),
)
CAMPAIGNS = (
    CampaignSeed(4001, "Welcome", 3001, 6001),
    CampaignSeed(4002, "Order Receipt", 3005, 6002),
    CampaignSeed(4003, "Your Week", 3002, 6003),
)
JOURNEYS = (JourneySeed(5001, "Onboarding"), JourneySeed(5002, "Win Back"))


class SandboxSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a sandbox can be told. Sizes are bytes, times milliseconds."""

    project_type: ProjectType = "hybrid"
    project_id: int = 10216
    api_key: str = "sandbox-api-key"
    api_key_kind: Literal["ServerSide", "Mobile", "JavaScript"] = "ServerSide"
    disabled_api_key: str = "sandbox-disabled-key"
    seed: int = 0

    limits: bool = True
    limit_overrides: dict[str, RateRule] = {}
    limit_body: Literal["documented", "params", "legacy", "plain"] = "documented"
    body_limit: int = 4_000_000
    item_limit: int = 10_000
    text_limit: int = 32_766
    user_fields_limit: int = 1_000
    event_fields_limit: int = 8_000

    lag_single: LagSettings = LagSettings()
    lag_bulk: LagSettings = LagSettings()
    lag_export: LagSettings = LagSettings()

    create_new_fields: bool = True
    update_only_feature: bool = True
    subscriptions_feature: bool = True
    opt_in_feature: bool = True
    disallowed_event_names: tuple[str, ...] = ()
    event_resend: Literal["replace", "merge"] = "replace"
    event_id_scope: Literal["project", "name", "user"] = "project"
    event_time_unit: Literal["seconds", "detect"] = "seconds"
    list_settle_ms: int = 0
    dynamic_list_edit: Literal["ignore", "refuse"] = "ignore"
    channel_unsubscribe_default: bool = False
    journey_of_unknown: Literal["accept", "refuse"] = "accept"
    forgotten_status: Literal[400, 409] = 409
    email_exists_status: Literal[400, 409] = 400
    user_id_miss: Literal["json", "text", "empty"] = "json"
    export_queue_ms: int = 250
    export_run_ms: int = 250
    exports_at_once: int = 4
    export_broken_every: int = 0
    export_states: Literal["live", "documented"] = "live"
    export_file_bytes: int = 10_000_000
    export_url_ms: int = 1_800_000

    lists: tuple[ListSeed, ...] = LISTS
    channels: tuple[ChannelSeed, ...] = CHANNELS
    message_types: tuple[MessageTypeSeed, ...] = MESSAGE_TYPES
    campaigns: tuple[CampaignSeed, ...] = CAMPAIGNS
    journeys: tuple[JourneySeed, ...] = JOURNEYS

    profile_space: str = "sandbox-space"
    profile_token: str = "sandbox-profile-token"  # noqa: S105 -- made up, opens only a sandbox
    profile_lag_ms: int = 0
    profile_unescaped: Literal["fail", "serve"] = "fail"
