"""What Iterable should hold of a user, as far as Segment has said (segment.md §13.3, §13.4)."""

from typing import Any

import pytest

from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.profiles import Choice, Desired, Profile
from daemon.mapping.blocks import DEFAULT, read
from daemon.mapping.catalog import Catalog
from daemon.mapping.project import ITERABLES_OWN, identity_of, project
from tests.unit.mapping.making import computed, mappings, message, profile_of

EMAIL, USER_ID, HYBRID = ProjectType.EMAIL, ProjectType.USER_ID, ProjectType.HYBRID
BY_DEFAULT = read(DEFAULT).publish(1, HYBRID, Catalog())


def desired(traits: dict[str, Any], text: str | None = None) -> Desired:
    mapped = mappings(text) if text else BY_DEFAULT
    return project("u:u1", profile_of([message("identify", traits=traits)], mapped), mapped)


FIELDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"plan": "pro", "logins": 5}, {"plan": "pro", "logins": 5}),
    ({"plan": None}, {"plan": None}),
    ({"plan": ""}, {"plan": ""}),
    ({"vip": False, "score": 0}, {"vip": False, "score": 0}),
    ({"at": "2020-08-19T20:50:04.000Z"}, {"at": "2020-08-19 20:50:04 +00:00"}),
    ({"at": "2020-08-19T25:00:00Z"}, {"at": "2020-08-19T25:00:00Z"}),
    ({"born": "1984-05-06"}, {"born": "1984-05-06"}),
    (
        {"a": {"at": "2020-08-19T20:50:04Z", "gone": None}},
        {"a": {"at": "2020-08-19 20:50:04 +00:00", "gone": None}},
    ),
    ({"tags": ["a", None]}, {"tags": ["a", None]}),
    # phone stays, and is the phone number too
    ({"phone": "+4930123"}, {"phone": "+4930123", "phoneNumber": "+4930123"}),
    ({"phone": 4930123}, {"phone": 4930123, "phoneNumber": "4930123"}),
    ({"phone": None}, {"phone": None, "phoneNumber": None}),
    ({"phoneNumber": "+4930123"}, {"phoneNumber": "+4930123"}),
    ({"phone": "+49", "phoneNumber": "+1"}, {"phone": "+49", "phoneNumber": "+49"}),
    ({"phone": True}, {"phone": True, "phoneNumber": True}),
    # names with dots would be read as nesting (iterable.md §6.1)
    ({"address.city": "Berlin", "address": {"city": "Rome"}}, {"address": {"city": "Rome"}}),
    ({"email": "ann@example.com", "plan": "pro"}, {"plan": "pro"}),
]


@pytest.mark.parametrize(("traits", "fields"), FIELDS)
def test_the_default_takes_every_trait_under_its_own_name(
    traits: dict[str, Any], fields: dict[str, Any]
) -> None:
    found = desired(traits).fields
    assert found == fields
    assert [type(value) for value in found.values()] == [type(fields[name]) for name in found]


@pytest.mark.parametrize("name", sorted(ITERABLES_OWN))
def test_iterables_own_fields_are_never_projected(name: str) -> None:
    assert desired({name: "x", "plan": "pro"}).fields == {"plan": "pro"}


@pytest.mark.parametrize(
    "name", ["locale", "timeZone", "phoneNumber", "signupDate", "city", "country", "ip"]
)
def test_fields_iterable_only_fills_in_may_be_written(name: str) -> None:
    assert desired({name: "x"}).fields == {name: "x"}


EXCEPTIONS = """
- name: profiles
  subscribe: type = "identify"
  action: update_user
  fields:
    "*": $.traits
    firstName: $.traits.first_name
    city: $.traits.address.city
    plan: $.traits.billing.plan
"""
ONLY = """
- name: profiles
  subscribe: type = "identify"
  action: update_user
  fields: {plan: $.traits.billing.plan, first: $.traits.names.0}
"""


@pytest.mark.parametrize(
    ("text", "traits", "fields"),
    [
        (EXCEPTIONS, {"first_name": "Ann"}, {"first_name": "Ann", "firstName": "Ann"}),
        (EXCEPTIONS, {"plan": "free"}, {"plan": "free"}),
        (
            EXCEPTIONS,
            {"plan": "free", "billing": {"plan": "pro"}},
            {"plan": "pro", "billing": {"plan": "pro"}},
        ),
        (EXCEPTIONS, {"first_name": None}, {"first_name": None, "firstName": None}),
        (EXCEPTIONS, {"address": None}, {"address": None, "city": None}),
        (EXCEPTIONS, {"address": {"zip": "1"}}, {"address": {"zip": "1"}}),
        (EXCEPTIONS, {"address": {"city": None}}, {"address": {"city": None}, "city": None}),
        (ONLY, {"plan": "free", "other": 1}, {}),
        (ONLY, {"billing": {"plan": "pro"}}, {"plan": "pro"}),
        (
            ONLY,
            {"billing": {"plan": {"at": "2020-08-19T20:50Z"}}},
            {"plan": {"at": "2020-08-19 20:50:00 +00:00"}},
        ),
        (ONLY, {"billing": "pro"}, {}),
        (ONLY, {"names": ["Ann", "Lee"]}, {"first": "Ann"}),
        (ONLY, {"names": []}, {}),
        (ONLY, {"phone": "+49"}, {}),
    ],
)
def test_named_fields_are_exceptions_to_all_or_stand_alone(
    text: str, traits: dict[str, Any], fields: dict[str, Any]
) -> None:
    assert desired(traits, text).fields == fields


def test_a_trait_segment_never_named_is_not_projected() -> None:
    mapped = mappings(EXCEPTIONS)
    known = profile_of([message("identify", traits={"plan": "pro"})], mapped)
    assert set(project("u:u1", known, mapped).fields) == {"plan"}
    assert project("u:u1", Profile(), mapped).fields == {}


def test_a_later_null_removes_what_an_earlier_message_set() -> None:
    said = [
        message("identify", at=1, traits={"plan": "pro", "vip": True}),
        message("identify", at=2, mid="m2", traits={"plan": None}),
    ]
    profile = profile_of(said, BY_DEFAULT)
    assert project("u:u1", profile, BY_DEFAULT).fields == {"plan": None, "vip": True}


@pytest.mark.parametrize(
    ("traits", "text", "identified"),
    [
        ({"plan": "pro"}, ONLY, True),
        ({"email": "ann@example.com"}, ONLY, True),
        ({}, ONLY, False),
        ({"plan": "pro"}, "- {name: a, action: subscribe_list, audience: a, list: 1}", False),
    ],
)
def test_a_person_is_a_user_to_be_where_segment_described_them_and_profiles_are_mapped(
    traits: dict[str, Any], text: str, identified: bool
) -> None:
    assert desired(traits, text).identified is identified


# identity: user key, claimed e-mails, trait → by project type
ANN, OLD = "ann@example.com", "old@example.com"
NO_TRAIT = object()
IDENTITIES: list[tuple[str, list[str], Any, tuple[str | None, str | None], str]] = [
    ("u:u1", [], NO_TRAIT, (None, "u1"), "UH"),
    ("u:u1", [ANN], NO_TRAIT, (ANN, "u1"), "EUH"),
    ("u:u1", [OLD, ANN], NO_TRAIT, (ANN, "u1"), "EUH"),
    ("u:u1", [OLD, ANN], OLD, (OLD, "u1"), "EUH"),
    ("u:u1", [ANN], " Ann@Example.COM ", (ANN, "u1"), "EUH"),
    # contested: another profile has claimed it
    ("u:u1", [], ANN, (None, "u1"), "UH"),
    ("u:u1", [OLD], ANN, (None, "u1"), "UH"),
    ("u:u1", [ANN], None, (None, "u1"), "UH"),
    ("u:u1", [ANN], 7, (None, "u1"), "UH"),
    ("u:u1", [ANN], "", (None, "u1"), "UH"),
    ("e:" + ANN, [ANN], NO_TRAIT, (ANN, None), "EH"),
    ("e:" + ANN, [ANN], ANN, (ANN, None), "EH"),
    ("a:a1", [], NO_TRAIT, (None, None), ""),
    ("a:a1", [ANN], NO_TRAIT, (ANN, None), "EH"),
]


@pytest.mark.parametrize(("user", "claimed", "trait", "identity", "addressable"), IDENTITIES)
@pytest.mark.parametrize("kind", [EMAIL, USER_ID, HYBRID])
def test_a_user_is_addressed_by_the_projects_key_or_not_at_all(
    user: str,
    claimed: list[str],
    trait: Any,
    identity: tuple[str | None, str | None],
    addressable: str,
    kind: ProjectType,
) -> None:
    traits = {} if trait is NO_TRAIT else {"email": (trait, 0)}
    profile = Profile(stamps=[(1, 1, 0, "m")], traits=traits, emails=claimed)
    letter = {EMAIL: "E", USER_ID: "U", HYBRID: "H"}[kind]
    expected = IterableIdentity(*identity) if letter in addressable else None
    assert identity_of(user, profile, kind) == expected


KEYS = [
    (EMAIL, ANN, "u1", {"email": ANN}),
    (EMAIL, None, "u1", None),
    (EMAIL, "", "u1", None),
    (USER_ID, ANN, "u1", {"userId": "u1"}),
    (USER_ID, ANN, None, None),
    (HYBRID, ANN, "u1", {"userId": "u1"}),
    (HYBRID, ANN, None, {"email": ANN}),
    (HYBRID, None, None, None),
]


@pytest.mark.parametrize(("kind", "email", "user_id", "key"), KEYS)
def test_rows_name_a_user_by_the_projects_key(
    kind: ProjectType, email: str | None, user_id: str | None, key: dict[str, str] | None
) -> None:
    assert IterableIdentity(email, user_id).key(kind) == key


STATE = """
- {name: vip, action: subscribe_list, audience: vip, list: VIP}
- {name: churn, action: subscribe_list, audience: churn_risk, list: Churn risk}
- name: emails
  action: update_subscriptions
  subscribe: event = "Unsubscribed"
  opt_in: event = "Subscribed"
  unsubscribe: {channels: [Marketing Email], message_types: [Newsletter]}
- name: everything
  action: update_subscriptions
  subscribe: event = "Unsubscribed From All"
  opt_in: event = "Subscribed To All"
  unsubscribe: {channels: [Marketing Email, Marketing SMS]}
"""


def state(*said: Any) -> Desired:
    mapped = mappings(STATE)
    return project("u:u1", profile_of(said, mapped), mapped)


@pytest.mark.parametrize("member", [True, False, "true", "false"])
def test_a_membership_is_what_engage_said(member: Any) -> None:
    assert state(computed("vip", member)).lists == {4711: member in (True, "true")}


@pytest.mark.parametrize("value", [None, 1, 0, "yes", "True", "", [], {}])
def test_what_is_no_membership_leaves_it_unknown(value: Any) -> None:
    assert state(computed("vip", value)).lists == {}


def test_an_audience_that_no_list_is_made_of_is_not_projected() -> None:
    assert state(computed("other", True)).lists == {}


def choices(*said: Any) -> dict[str, tuple[Choice, int]]:
    return {wish.target.part: (wish.choice, wish.chosen) for wish in state(*said).subscriptions}


def test_a_choice_is_projected_for_each_of_its_targets() -> None:
    assert choices(message(at=5, event="Unsubscribed")) == {
        "channel:11": (Choice.OUT, 5),
        "messageType:21": (Choice.OUT, 5),
    }


def test_a_choice_was_made_when_it_happened_not_when_it_was_received() -> None:
    late = message(at=5, received=90, event="Unsubscribed")
    assert choices(late)["channel:11"] == (Choice.OUT, 5)


def test_the_latest_choice_of_all_mappings_counts_for_a_target() -> None:
    said = [
        message(at=5, mid="m5", event="Unsubscribed From All"),
        message(at=9, mid="m9", event="Subscribed"),
    ]
    expected = {
        "channel:11": (Choice.IN, 9),
        "messageType:21": (Choice.IN, 9),
        "channel:12": (Choice.OUT, 5),
    }
    assert choices(*said) == choices(*reversed(said)) == expected


@pytest.mark.parametrize(
    "names", [("Unsubscribed", "Subscribed To All"), ("Subscribed", "Unsubscribed From All")]
)
def test_where_two_choices_have_one_stamp_out_wins(names: tuple[str, str]) -> None:
    said = [message(at=5, event=name) for name in names]
    assert choices(*said)["channel:11"] == choices(*said[::-1])["channel:11"] == (Choice.OUT, 5)
