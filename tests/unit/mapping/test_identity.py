"""Whose profile a message belongs to: every combination of who owns its identifiers."""

from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.messages import Message
from daemon.domain.profiles import Profile
from daemon.mapping.identity import (
    MOST_ANONYMOUS_IDS,
    MOST_EMAILS,
    Resolution,
    identifiers,
    is_computed,
    knows,
    learn,
    resolve,
)
from tests.unit.mapping.making import message

ENGAGE = {"personas": {"computation_class": "audience", "computation_key": "vip"}}


def carrying(text: str, *, engage: bool = False) -> Message:
    """A message with identifiers such as `u:1 e:x a:z`."""
    found = dict(identifier.split(":") for identifier in text.split())
    return message(
        user=found.get("u"),
        email=found.get("e"),
        anonymous=found.get("a"),
        context=ENGAGE if engage else {},
    )


def pairs(text: str) -> dict[str, str]:
    """`e:x=u:1` as {"e:x": "u:1"}."""
    return dict(pair.split("=") for pair in text.split())


# identifiers | owners now → user | claims | merges (loser>winner) | contested
CASES = [
    # one identifier
    ("u:1", "", "u:1", "u:1=u:1", "", ""),
    ("u:1", "u:1=u:1", "u:1", "", "", ""),
    ("e:x", "", "e:x", "e:x=e:x", "", ""),
    ("e:x", "e:x=e:x", "e:x", "", "", ""),
    ("e:x", "e:x=u:1", "u:1", "", "", ""),
    ("a:z", "", "a:z", "a:z=a:z", "", ""),
    ("a:z", "a:z=a:z", "a:z", "", "", ""),
    ("a:z", "a:z=e:x", "e:x", "", "", ""),
    ("a:z", "a:z=u:1", "u:1", "", "", ""),
    # userId and e-mail
    ("u:1 e:x", "", "u:1", "u:1=u:1 e:x=u:1", "", ""),
    ("u:1 e:x", "u:1=u:1", "u:1", "e:x=u:1", "", ""),
    ("u:1 e:x", "u:1=u:1 e:x=u:1", "u:1", "", "", ""),
    ("u:1 e:x", "e:x=e:x", "u:1", "u:1=u:1", "e:x>u:1", ""),
    ("u:1 e:x", "u:1=u:1 e:x=e:x", "u:1", "", "e:x>u:1", ""),
    ("u:1 e:x", "e:x=u:2", "u:1", "u:1=u:1", "", "e:x"),
    ("u:1 e:x", "u:1=u:1 e:x=u:2", "u:1", "", "", "e:x"),
    ("u:1 e:x", "e:x=e:w", "u:1", "u:1=u:1", "e:w>u:1", ""),
    # userId and anonymousId
    ("u:1 a:z", "", "u:1", "u:1=u:1 a:z=u:1", "", ""),
    ("u:1 a:z", "u:1=u:1", "u:1", "a:z=u:1", "", ""),
    ("u:1 a:z", "a:z=a:z", "u:1", "u:1=u:1", "a:z>u:1", ""),
    ("u:1 a:z", "u:1=u:1 a:z=e:x", "u:1", "", "e:x>u:1", ""),
    ("u:2 a:z", "a:z=u:1", "u:2", "u:2=u:2", "", "a:z"),
    ("u:2 a:z", "u:2=u:2 a:z=u:1", "u:2", "", "", "a:z"),
    # e-mail and anonymousId
    ("e:x a:z", "", "e:x", "e:x=e:x a:z=e:x", "", ""),
    ("e:x a:z", "e:x=e:x", "e:x", "a:z=e:x", "", ""),
    ("e:x a:z", "e:x=u:1", "u:1", "a:z=u:1", "", ""),
    ("e:x a:z", "a:z=a:z", "e:x", "e:x=e:x", "a:z>e:x", ""),
    ("e:x a:z", "e:x=e:x a:z=a:z", "e:x", "", "a:z>e:x", ""),
    ("e:x a:z", "e:x=u:1 a:z=u:2", "u:1", "", "", "a:z"),
    ("e:x a:z", "e:x=e:x a:z=u:1", "u:1", "", "e:x>u:1", ""),
    ("e:x a:z", "e:x=u:1 a:z=e:w", "u:1", "", "e:w>u:1", ""),
    # nobody has the e-mail yet: it simply is the stronger owner's
    ("e:x a:z", "a:z=u:1", "u:1", "e:x=u:1", "", ""),
    # among equals the lesser key wins
    ("e:x a:z", "a:z=e:w", "e:w", "e:x=e:w", "", ""),
    ("e:x a:z", "a:z=e:y", "e:x", "e:x=e:x", "e:y>e:x", ""),
    ("e:x a:z", "e:x=e:x a:z=e:w", "e:w", "", "e:x>e:w", ""),
    ("e:x a:z", "e:x=e:x a:z=e:y", "e:x", "", "e:y>e:x", ""),
    # all three
    ("u:1 e:x a:z", "", "u:1", "u:1=u:1 e:x=u:1 a:z=u:1", "", ""),
    ("u:1 e:x a:z", "e:x=e:x a:z=a:z", "u:1", "u:1=u:1", "e:x>u:1 a:z>u:1", ""),
    ("u:1 e:x a:z", "u:1=u:1 e:x=e:x a:z=e:x", "u:1", "", "e:x>u:1", ""),
    ("u:1 e:x a:z", "u:1=u:1 e:x=u:2 a:z=a:z", "u:1", "", "a:z>u:1", "e:x"),
    ("u:1 e:x a:z", "u:1=u:1 e:x=u:2 a:z=u:2", "u:1", "", "", "e:x a:z"),
    ("u:1 e:x a:z", "e:x=u:2", "u:1", "u:1=u:1 a:z=u:1", "", "e:x"),
]


@pytest.mark.parametrize(("carried", "owners", "user", "claims", "merges", "contested"), CASES)
def test_a_message_goes_where_its_identifiers_say(
    carried: str, owners: str, user: str, claims: str, merges: str, contested: str
) -> None:
    expected = Resolution(
        user=user,
        claims=pairs(claims),
        losers=[one.removesuffix(f">{user}") for one in merges.split()],
        contested=contested.split(),
    )
    assert resolve(carrying(carried), pairs(owners)) == expected


COMPUTED = [
    ("u:1", "", "u:1", "u:1=u:1"),
    ("u:1 e:x", "", "u:1", "u:1=u:1 e:x=u:1"),
    ("u:1 e:x", "u:1=u:1", "u:1", ""),
    ("u:1 e:x", "e:x=e:x", "e:x", ""),
    ("u:1 e:x", "e:x=u:2", "u:2", ""),
    ("u:1 e:x", "u:1=u:1 e:x=u:2", "u:1", ""),
    ("e:x a:z", "e:x=e:x a:z=u:1", "e:x", ""),
    ("u:1 e:x a:z", "a:z=a:z", "a:z", ""),
    ("u:1 e:x a:z", "", "u:1", "u:1=u:1 e:x=u:1 a:z=u:1"),
]


@pytest.mark.parametrize(("carried", "owners", "user", "claims"), COMPUTED)
def test_an_engage_message_finds_or_creates_a_profile_and_changes_none(
    carried: str, owners: str, user: str, claims: str
) -> None:
    found = resolve(carrying(carried, engage=True), pairs(owners))
    assert found == Resolution(user=user, claims=pairs(claims))


@pytest.mark.parametrize(
    ("personas", "computed"),
    [
        ({"computation_key": "vip"}, True),
        ({"computation_key": ""}, False),
        ({"computation_class": "audience"}, False),
        ({}, False),
        (None, False),
        ("vip", False),
        (["computation_key"], False),
    ],
)
def test_only_a_computation_key_makes_a_message_computed(personas: object, computed: bool) -> None:
    assert is_computed(message(context={"personas": personas})) is computed
    assert is_computed(message()) is False


def test_identifiers_stand_strongest_first() -> None:
    assert identifiers(carrying("a:z e:x u:1")) == ["u:1", "e:x", "a:z"]
    assert identifiers(carrying("a:z e:x")) == ["e:x", "a:z"]
    assert identifiers(carrying("a:z")) == ["a:z"]


@pytest.mark.parametrize(
    ("carried", "emails", "anonymous_ids", "known"),
    [
        ("u:1", [], [], True),
        ("u:1 e:x", ["x"], [], True),
        ("u:1 e:x", ["y"], [], False),
        ("u:1 a:z", [], ["z"], True),
        ("u:1 a:z", [], [], False),
        ("u:1 e:x a:z", ["x"], ["z"], True),
        ("u:1 e:x a:z", ["x"], [], False),
        ("u:1 e:x a:z", [], ["z"], False),
        ("e:x", [], [], True),
        ("e:x a:z", [], ["z"], True),
        ("e:x a:z", ["x"], [], False),
        ("a:z", [], [], True),
    ],
)
def test_owners_are_asked_for_only_where_a_weaker_identifier_is_new(
    carried: str, emails: list[str], anonymous_ids: list[str], known: bool
) -> None:
    profile = Profile(emails=emails, anonymous_ids=anonymous_ids)
    assert knows(profile, carrying(carried)) is known


def test_identifiers_are_learnt_once_and_the_oldest_are_left_out() -> None:
    profile = Profile()
    for number in range(MOST_EMAILS + 2):
        learn(profile, f"e:{number}")
        learn(profile, f"e:{number}")
    for number in range(MOST_ANONYMOUS_IDS + 3):
        learn(profile, f"a:{number}")
    learn(profile, "u:1")
    assert profile.emails == [str(number) for number in range(2, MOST_EMAILS + 2)]
    assert profile.anonymous_ids == [str(number) for number in range(3, MOST_ANONYMOUS_IDS + 3)]


# properties: any owners that resolve itself could have made

NAMES = [
    f"{kind}:{value}"
    for kind, values in (("u", "12"), ("e", "xy"), ("a", "vz"))
    for value in values
]
STRENGTH = {"u": 0, "e": 1, "a": 2}


def rank(user: str) -> tuple[int, str]:
    return STRENGTH[user[0]], user


ANY_MESSAGE = st.builds(
    lambda u, e, a, engage: carrying(" ".join(one for one in (u, e, a) if one), engage=engage),
    st.sampled_from(["", "u:1", "u:2"]),
    st.sampled_from(["", "e:x", "e:y"]),
    st.sampled_from(["a:v", "a:z"]),
    st.booleans(),
)


class World:
    """Owners as the lanes keep them: claims are insert-if-absent, a merge moves all at once."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}

    def take(self, one: Message) -> Resolution:
        found = resolve(one, self.owners)
        for identifier, user in found.claims.items():
            assert identifier not in self.owners
            self.owners[identifier] = user
        for loser in found.losers:
            self.owners = {
                identifier: found.user if user == loser else user
                for identifier, user in self.owners.items()
            }
        return found


@given(st.lists(ANY_MESSAGE, max_size=12))
def test_two_user_ids_never_share_a_profile_and_merges_only_go_to_stronger_users(
    messages: list[Message],
) -> None:
    world = World()
    for one in messages:
        found = world.take(one)
        assert all(rank(found.user) < rank(loser) for loser in found.losers)
        assert all(loser[0] != "u" for loser in found.losers)
        assert len(set(found.losers)) == len(found.losers)
        for name in identifiers(one):
            assert name in world.owners or is_computed(one)
    for identifier, owner in world.owners.items():
        assert identifier[0] != "u" or owner == identifier
        assert world.owners[owner] == owner


@given(st.lists(ANY_MESSAGE, max_size=12))
def test_an_engage_message_claims_only_for_a_profile_of_its_own(messages: list[Message]) -> None:
    world = World()
    for one in messages:
        before = dict(world.owners)
        found = world.take(one)
        if is_computed(one):
            assert not found.losers
            assert not found.contested
            assert not found.claims or not set(before) & set(identifiers(one))


def test_no_combination_of_owners_makes_two_users_lose_to_each_other() -> None:
    """Whatever the owners, and in whatever order two messages meet them."""
    for owners in product(["", "u:1", "u:2", "e:w", "e:x", "a:z"], repeat=2):
        known = {name: owner for name, owner in zip(("e:x", "a:z"), owners, strict=True) if owner}
        for one, other in permutations(("u:1 e:x a:z", "u:2 e:x", "e:x a:z", "a:z"), 2):
            lost: dict[str, str] = {}
            for carried in (one, other):
                found = resolve(carrying(carried), known)
                for loser in found.losers:
                    assert lost.get(found.user) != loser
                    lost[loser] = found.user
