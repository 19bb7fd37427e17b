import pytest

from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.profiles import Observed
from daemon.reconcile.match import Match, keys_of, owner_of
from daemon.store.identifiers import Owner

BOTH = IterableIdentity("ann@x.org", "1")
BY_ID, BY_EMAIL = ("u", "1"), ("e", "ann@x.org")


@pytest.mark.parametrize(
    ("identity", "project", "keys"),
    [
        (BOTH, ProjectType.HYBRID, [BY_ID, BY_EMAIL]),
        (BOTH, ProjectType.USER_ID, [BY_ID, BY_EMAIL]),
        (BOTH, ProjectType.EMAIL, [BY_EMAIL, BY_ID]),
        (IterableIdentity("ann@x.org"), ProjectType.HYBRID, [BY_EMAIL]),
        (IterableIdentity(user_id="1"), ProjectType.EMAIL, [BY_ID]),
    ],
)
def test_the_projects_own_key_is_looked_for_first(
    identity: IterableIdentity, project: ProjectType, keys: list[tuple[str, str]]
) -> None:
    assert keys_of(Observed(1, exists=True, identity=identity), project) == keys


def test_only_a_match_by_the_first_key_is_certain() -> None:
    ann, bob = Owner(3, "u:1"), Owner(4, "e:ann@x.org")
    assert owner_of([BY_ID, BY_EMAIL], {BY_ID: ann, BY_EMAIL: bob}) == Match(3, "u:1", certain=True)
    assert owner_of([BY_ID, BY_EMAIL], {BY_EMAIL: bob}) == Match(4, "e:ann@x.org", certain=False)
    assert owner_of([BY_ID, BY_EMAIL], {}) is None
