"""`subscribe_list`: an audience, or whoever a message is about, joins a list.

iterable.md §9; segment.md §7.1, §13.5-13.6.
"""

import re
from typing import Any

from daemon.mapping.declarations.action import Action, Given, Kind, Preset, Request
from daemon.mapping.declarations.caller import prefer_user_id
from daemon.mapping.declarations.field import Field, Type
from daemon.mapping.declarations.key import Key
from daemon.mapping.declarations.keys import subscribe
from daemon.mapping.declarations.lists import (
    CAMPAIGN_ID,
    CHANNEL_UNSUBSCRIBE,
    IDENTITY,
    LIST,
    LIST_ID,
    SOURCE,
    SUBSCRIBE,
    UNSUBSCRIBE,
    joining,
    leaving,
)
from daemon.mapping.declarations.reserved import refusal
from daemon.mapping.declarations.shapes import FLAG, NAME, Checked, Keys, Length, Word

_EVERY = "*"
_KEY = re.compile(r"\*|[^\s.\[\]\"'{}\\]+")
_AUDIENCE = Checked(
    'the key of an audience, or "*" for every audience',
    lambda value: isinstance(value, str) and _KEY.fullmatch(value) is not None,
    {"type": "string", "minLength": 1},
)


def _member(key: str) -> dict[str, Any]:
    """What a message says of the membership: identifies in traits, tracks in properties (§7.1)."""
    trait, said = {"@path": f"$.traits.{key}"}, {"@path": f"$.properties.{key}"}
    return {"@if": {"exists": trait, "then": trait, "else": said}}


def _computed_member() -> dict[str, Any]:
    """The same for whatever audience the message names; nothing where it names none."""
    key = {"@path": "$.context.personas.computation_key"}
    trait, said = (
        {"@path": {"@template": f"{part}.{{{{context.personas.computation_key}}}}"}}
        for part in ("traits", "properties")
    )
    then = {"@if": {"exists": trait, "then": trait, "else": said}}
    return {"@if": {"exists": key, "then": then}}


def _about(audience: str) -> str:
    computed = 'context.personas.computation_class != "trait"'
    if audience == _EVERY:
        return f"context.personas.computation_key != null and {computed}"
    return f'context.personas.computation_key = "{audience}" and {computed}'


def _fills(audience: str) -> dict[str, Any]:
    return {"member": _computed_member() if audience == _EVERY else _member(audience)}


def _build(given: Given) -> list[Request]:
    """A message that says nothing of the membership changes none."""
    member = given.values.get("member")
    if member is None:
        return []
    return [joining(given) if member else leaving(given)]


ACTION = Action(
    name="subscribe_list",
    about="Puts the user on a list; an audience's exit takes the user off again.",
    kind=Kind.STATE,
    routes=(SUBSCRIBE, UNSUBSCRIBE),
    refuses=refusal,
    build=_build,
    fields=(
        *IDENTITY,
        LIST_ID,
        Field("member", Type.FLAG, "Whether the user is to be on the list.", "segment.md §13.5"),
        Field(
            "dataFields", Type.OBJECT, "Fields of the profile that are written on joining.", SOURCE
        ),
        Field("dataFields.*", Type.ANY, "One of them.", SOURCE),
        Field(
            "updateExistingUsersOnly",
            Type.FLAG,
            "Don't make users; not in e-mail-based projects.",
            SOURCE,
        ),
        CHANNEL_UNSUBSCRIBE,
        CAMPAIGN_ID,
        prefer_user_id(),
    ),
    one_of=(("audience", "subscribe"),),
    keys=(
        Key(
            name="audience",
            shape=_AUDIENCE,
            about='The key of an Engage audience or journey step; `"*"` is every audience.',
            fills=_fills,
            condition=_about,
        ),
        subscribe("Which messages put their user on the list.", required=False, member=True),
        LIST,
        Key("create", FLAG, "Whether the list is made if there is none of that name."),
        Key("tag", NAME, "A profile field that holds the keys of the user's audiences."),
        Key(
            "refresh",
            Keys(("every",), every=Length(), from_=Word("profiles_sync")),
            "How often, and from where, the whole membership is read again.",
        ),
    ),
    presets=(
        Preset(
            "segment",
            "The audience a message was computed for, on the list Segment made for it.",
            "segment.md §13.5",
            {
                "listId": {"@path": "$.context.personas.external_audience_id"},
                "member": _computed_member(),
            },
        ),
    ),
)
