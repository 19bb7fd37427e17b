"""Messages, mappings and profiles, briefly."""

from collections.abc import Iterable
from typing import Any

import yaml

from daemon.domain.identity import ProjectType
from daemon.domain.messages import Message, Stamp
from daemon.domain.profiles import Profile
from daemon.mapping.blocks import read
from daemon.mapping.catalog import Catalog
from daemon.mapping.fold import fold
from daemon.mapping.identity import learn
from daemon.mapping.mappings import Mappings
from daemon.mapping.room import Bounds

CATALOG = Catalog(
    lists={"VIP": 4711, "Churn risk": 4712},
    channels={"Marketing Email": 11, "Marketing SMS": 12},
    message_types={"Newsletter": 21},
)
BOUNDS = Bounds()
DAY = 86_400_000


def message(
    kind: str = "track",
    *,
    at: int = 1_000,
    received: int | None = None,
    mid: str = "m1",
    index: int = 0,
    user: str | None = "u1",
    email: str | None = None,
    anonymous: str | None = None,
    event: str | None = None,
    traits: dict[str, Any] | None = None,
    properties: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
) -> Message:
    return Message(
        type=kind,
        message_id=mid,
        received_at=at if received is None else received,
        effective_at=at,
        source="web",
        index=index,
        user_id=user,
        email=email,
        anonymous_id=anonymous,
        event=event,
        traits=traits or {},
        properties=properties or {},
        context=context or {},
    )


def computed(key: str, value: Any, *, at: int = 1_000, computation: str = "audience") -> Message:
    """An Engage identify (segment.md §7.1), with a trait besides that must not be folded."""
    return message(
        "identify",
        at=at,
        mid=f"engage-{at}",
        traits={key: value, "email": "other@example.com"},
        context={"personas": {"computation_class": computation, "computation_key": key}},
    )


def mappings(text: str, project: ProjectType = ProjectType.HYBRID) -> Mappings:
    """YAML blocks, published against CATALOG."""
    return read(yaml.safe_load(text)).publish(1, project, CATALOG)


def profile_of(messages: Iterable[Message], mapped: Mappings, bounds: Bounds = BOUNDS) -> Profile:
    """All messages folded, the e-mails they carry claimed for the profile."""
    profile = Profile()
    for one in messages:
        fold(profile, one, mapped, bounds)
        if one.email:
            learn(profile, "e:" + one.email)
    return profile


Registers = dict[str, dict[str, tuple[Any, Stamp]]]


def registers(profile: Profile) -> Registers:
    """What a profile says, with stamps in place of their indices."""
    groups = {
        "traits": profile.traits,
        "audiences": profile.audiences,
        "choices": profile.choices,
    }
    return {
        group: {name: (value, profile.stamps[index]) for name, (value, index) in said.items()}
        for group, said in groups.items()
    }
