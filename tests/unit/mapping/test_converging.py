"""Diff, sent and confirmed, leaves nothing to send; and nobody's unknowns are ever touched."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.commands import Command, Endpoint
from daemon.domain.identity import ProjectType
from daemon.domain.messages import Message
from daemon.domain.profiles import Believed, Certainty, Part, decode_believed, encode_believed
from daemon.mapping.diff import diff
from daemon.mapping.project import project
from tests.unit.mapping.delivering import confirm, deliver, rows_of
from tests.unit.mapping.making import mappings, message, profile_of
from tests.unit.mapping.test_fold_properties import SAID

TEXT = """
- {name: profiles, action: update_user, subscribe: type = "identify", fields: {"*": $.traits}}
- {name: vip, action: subscribe_list, audience: vip, list: VIP}
- name: opt-outs
  action: update_subscriptions
  subscribe: event = "Unsubscribed" or traits.ok = false
  opt_in: event = "Subscribed"
  unsubscribe: {channels: [11, 12], message_types: [21]}
"""
KINDS = list(ProjectType)
EMAIL = "ann@example.com"


def with_email(said: list[Message], email: str = EMAIL) -> list[Message]:
    return [*said, message("identify", at=50, mid="e", email=email, traits={"email": email})]


@pytest.mark.parametrize("kind", KINDS)
@given(said=SAID)
def test_one_round_of_rows_leaves_nothing_to_send(kind: ProjectType, said: list[Message]) -> None:
    mapped = mappings(TEXT, kind)
    profile, believed = profile_of(with_email(said), mapped), Believed()
    desired = project("u:u1", profile, mapped)
    difference = diff(desired, believed)
    rows = rows_of("u:u1", difference, desired, believed, mapped)
    confirm(rows, difference, desired, believed)
    assert not diff(desired, believed)


@given(SAID, SAID)
def test_after_more_news_only_what_changed_is_sent(
    first: list[Message], more: list[Message]
) -> None:
    mapped = mappings(TEXT)
    believed = Believed()
    deliver("u:u1", profile_of(with_email(first), mapped), believed, mapped)
    before = dict(believed.parts)
    later = profile_of([*with_email(first), *more], mapped)
    rows = deliver("u:u1", later, believed, mapped)
    for _, command in rows:
        for part, digest in command.parts.items():
            known = before.get(part, Part(0, 0))
            chosen_again = believed.parts[part].chosen > known.chosen
            assert part not in before or known.hash != digest or chosen_again
    assert deliver("u:u1", later, believed, mapped) == []


def named_by(command: Command, endpoint: Endpoint) -> set[str]:
    if endpoint is Endpoint.BULK_UPDATE:
        return set(command.row["dataFields"])
    return set()


@given(SAID)
def test_what_segment_never_named_is_in_no_row(said: list[Message]) -> None:
    mapped = mappings(TEXT)
    rows = deliver("u:u1", profile_of(with_email(said), mapped), Believed(), mapped)
    named: set[str] = set()
    for one in said:
        personas = one.context.get("personas", {})
        if personas.get("computation_class") == "trait":
            named.add(personas["computation_key"])
        elif one.type == "identify" and not personas:
            named |= set(one.traits)
    if "phone" in named:
        named.add("phoneNumber")
    entered = any("vip" in one.traits or "vip" in one.properties for one in said)
    chose = any(
        one.event in ("Unsubscribed", "Subscribed") or one.traits.get("ok") is False for one in said
    )
    for key, command in rows:
        assert named_by(command, key.endpoint) <= named
        if key.endpoint in (Endpoint.LIST_SUBSCRIBE, Endpoint.LIST_UNSUBSCRIBE):
            assert (key.target, entered) == (4711, True)
        if key.endpoint is Endpoint.SUBSCRIPTIONS:
            assert chose
            assert key.target in (11, 12, 21)


OLD, NEW = "old@example.com", "new@example.com"


def identity_rows(kind: ProjectType, before: dict[str, Any], after: dict[str, Any]) -> list[Any]:
    """The rows of a user who was delivered as `before` and is now known as `after`."""
    mapped = mappings(TEXT, kind)
    believed = Believed()
    for number, who in enumerate((before, after)):
        email = who["email"]
        traits = {"plan": "pro", **({"email": email} if email else {})}
        said = [message("identify", at=number, mid=f"m{number}", email=email, traits=traits)]
        user = "u:" + who["user"] if who["user"] else f"e:{email}"
        rows = deliver(user, profile_of(said, mapped), believed, mapped)
    return [(key.endpoint, command.row) for key, command in rows]


BULK = Endpoint.BULK_UPDATE


@pytest.mark.parametrize(
    ("kind", "before", "after", "rows"),
    [
        (
            ProjectType.EMAIL,
            {"user": None, "email": OLD},
            {"user": "u1", "email": NEW},
            [
                (BULK, {"email": OLD, "dataFields": {"userId": "u1"}}),
                (Endpoint.UPDATE_EMAIL, {"currentEmail": OLD, "newEmail": NEW}),
            ],
        ),
        (
            ProjectType.HYBRID,
            {"user": None, "email": OLD},
            {"user": "u1", "email": NEW},
            [
                (BULK, {"email": OLD, "userId": "u1", "dataFields": {}}),
                (BULK, {"userId": "u1", "dataFields": {"email": NEW}}),
            ],
        ),
        (
            ProjectType.USER_ID,
            {"user": "u1", "email": None},
            {"user": "u1", "email": NEW},
            [(BULK, {"userId": "u1", "dataFields": {"email": NEW}})],
        ),
        (
            ProjectType.HYBRID,
            {"user": "u1", "email": OLD},
            {"user": "u1", "email": None},
            [],
        ),
    ],
)
def test_identities_change_step_by_step_and_only_forward(
    kind: ProjectType, before: dict[str, Any], after: dict[str, Any], rows: list[Any]
) -> None:
    assert identity_rows(kind, before, after) == rows


PARTS = st.builds(
    Part,
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**45),
    st.sampled_from(list(Certainty)),
    st.text(max_size=5),
    st.integers(0, 2**45),
)


@given(st.dictionaries(st.text(max_size=8), PARTS, max_size=4), st.booleans())
def test_believed_survives_being_stored(parts: dict[str, Part], confirmed: bool) -> None:
    mapped = mappings(TEXT)
    identity = project("u:u1", profile_of(with_email([]), mapped), mapped).identity
    believed = Believed(identity=identity if confirmed else None, parts=parts)
    assert decode_believed(encode_believed(believed)) == believed
