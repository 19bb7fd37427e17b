"""Projects a profile to what Iterable should hold of its user."""

from typing import Any

from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.profiles import Choice, Desired, Profile, Register, Wish
from daemon.mapping.canonical import outgoing
from daemon.mapping.mappings import Mappings, UpdateUser
from daemon.mapping.paths import MISSING, walk

ITERABLES_OWN = frozenset(
    {
        "email",
        "userId",
        "itblUserId",
        "itblInternal",
        "itblDS",
        "signupSource",
        "profileUpdatedAt",
        "emailListIds",
        "userListIds",
        "subscribedMessageTypeIds",
        "unsubscribedMessageTypeIds",
        "unsubscribedChannelIds",
        "devices",
        "browserTokens",
        "phoneNumberDetails",
        "receivedSMSDisclaimer",
        "knownLitigatorFilter",
        "shoppingCartItems",
    }
)
"""Profile fields Iterable manages, or that are identifiers (iterable.md §6.5): never projected."""


def project(user: str, profile: Profile, mappings: Mappings) -> Desired:
    """What Iterable should hold of `user`, as far as its profile knows."""
    identity = identity_of(user, profile, mappings.project)
    both = identity is not None and bool(identity.email and identity.user_id)
    return Desired(
        identity=identity,
        fields=_fields(profile, mappings.users),
        lists=_lists(profile, mappings),
        subscriptions=_subscriptions(profile, mappings),
        identified=bool(mappings.users and (profile.traits or both)),
    )


def identity_of(user: str, profile: Profile, project_type: ProjectType) -> IterableIdentity | None:
    """The Iterable user this profile should be; None while it can't be addressed."""
    user_id = user[2:] if user.startswith("u:") else None
    identity = IterableIdentity(email=_email(profile), user_id=user_id)
    return None if identity.key(project_type) is None else identity


def _email(profile: Profile) -> str | None:
    """The trait, where this profile has claimed it; without a trait the latest claimed."""
    register = profile.traits.get("email")
    if register is None:
        return profile.emails[-1] if profile.emails else None
    said = register[0]
    email = said.strip().lower() if isinstance(said, str) else None
    return email if email in profile.emails else None


def _fields(profile: Profile, mappings: tuple[UpdateUser, ...]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for mapping in mappings:
        if mapping.everything:
            _take_everything(fields, profile.traits)
        for target, names in mapping.fields.items():
            register = profile.traits.get(names[0])
            if register is None:
                continue
            value = walk(register[0], list(names[1:]))
            if register[0] is None:
                value = None
            if value is not MISSING:
                fields[target] = outgoing(value)
    return fields


def _take_everything(fields: dict[str, Any], traits: dict[str, Register]) -> None:
    for name, (value, _) in traits.items():
        if name not in ITERABLES_OWN and "." not in name:
            fields[name] = outgoing(value)
    if "phone" in traits:
        phone = traits["phone"][0]
        number = isinstance(phone, int) and not isinstance(phone, bool)
        fields["phoneNumber"] = str(phone) if number else phone


def _lists(profile: Profile, mappings: Mappings) -> dict[int, bool]:
    return {
        mapping.list_id: profile.audiences[mapping.audience][0]
        for mapping in mappings.lists
        if mapping.audience in profile.audiences
    }


def _subscriptions(profile: Profile, mappings: Mappings) -> list[Wish]:
    """The latest choice for each target; where two have one stamp, out wins."""
    latest: dict[str, tuple[tuple[Any, ...], Wish]] = {}
    for mapping in mappings.subscriptions:
        for target in mapping.targets:
            register = profile.choices.get(f"{mapping.name}/{target.part}")
            if register is None:
                continue
            choice = Choice(register[0])
            stamp = profile.stamps[register[1]]
            rank = (stamp, choice is Choice.OUT)
            wish = Wish(target=target, choice=choice, chosen=stamp[0])
            if target.part not in latest or rank > latest[target.part][0]:
                latest[target.part] = (rank, wish)
    return [wish for _, wish in latest.values()]
