"""What an observation of Iterable changes in Believed (DESIGN §3.5). It sends nothing."""

from daemon.domain.profiles import Believed, Certainty, Observation, Observed, Part
from daemon.mapping.canonical import value_hash
from daemon.mapping.diff import (
    IDENTITY,
    MEMBER,
    NO_MEMBER,
    SUBSCRIBED,
    UNSUBSCRIBED,
    identity_hash,
)

USER = "user"
"""The part that says whether Iterable has the user at all."""


def observed_hash(observed: Observed, part: str, opt_in_types: frozenset[int]) -> int:
    """The hash of what was seen of one part, comparable with those of Desired and Believed.

    Message types among `opt_in_types` somebody gets only if they are listed as subscribed.
    """
    kind, _, name = part.partition(":")
    if kind == "field":
        return value_hash(observed.fields.get(name))
    if part == IDENTITY:
        return identity_hash(observed.identity)
    identifier = int(name)
    if kind == "list":
        return MEMBER if identifier in observed.lists else NO_MEMBER
    if kind == "channel":
        gone = identifier in observed.unsubscribed_channels
    elif identifier in opt_in_types:
        gone = identifier not in observed.subscribed_message_types
    else:
        gone = identifier in observed.unsubscribed_message_types
    return UNSUBSCRIBED if gone else SUBSCRIBED


def apply_observation(
    believed: Believed,
    observation: Observation,
    desired: dict[str, int],
    lag: int,
    opt_in_types: frozenset[int],
) -> list[str]:
    """Set Believed to what was seen, in place; returns the parts that were left as they are.

    A part is left, superseded, where it was sent, confirmed or changed after `as_of` less the
    visibility lag (ms), or where Desired is no longer what the plan was made against. What was
    refused stays refused. A missing user is believed only where re-creating it was allowed, another
    identity than the one confirmed only where the plan names it.
    """
    observed = observation.observed
    horizon = observed.as_of - lag
    if not observed.exists:
        return _apply_absence(believed, observation, horizon)
    superseded = []
    for part, planned in observation.desired.items():
        known = believed.parts.get(part)
        if desired.get(part) != planned or (known is not None and known.at > horizon):
            superseded.append(part)
            continue
        if part == IDENTITY:
            believed.identity = observed.identity
        if known is None or known.certainty != Certainty.REFUSED:
            believed.parts[part] = Part(
                hash=observed_hash(observed, part, opt_in_types),
                at=observed.as_of,
                chosen=known.chosen if known else 0,
            )
    if believed.identity is None:
        believed.identity = observed.identity
    return superseded


def _apply_absence(believed: Believed, observation: Observation, horizon: int) -> list[str]:
    newer = any(part.at > horizon for part in believed.parts.values())
    if newer or not observation.recreate:
        return [USER]
    believed.identity = None
    believed.parts = {
        name: part for name, part in believed.parts.items() if part.certainty == Certainty.REFUSED
    }
    return []
