import pytest

from daemon.mapping.catalog import Catalog
from daemon.reconcile.words import identity_words, masked, part_words, value_words

CATALOG = Catalog(
    lists={"VIP": 4711}, channels={"Marketing SMS": 12}, message_types={"Promotions": 7}
)


@pytest.mark.parametrize(
    ("identifier", "shown"),
    [
        ("ann@example.com", "a***@example.com"),
        ("e:ann@example.com", "a***@example.com"),
        ("u:user-4711", "us***11"),
        ("a:0b1c", "***"),
        ("", "***"),
        ("@example.com", "***@example.com"),
    ],
)
def test_an_identifier_shows_too_little_to_learn_of_others(identifier: str, shown: str) -> None:
    assert masked(identifier) == shown


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ("field:plan", "field plan"),
        ("field:a:b", "field a:b"),
        ("list:4711", 'list "VIP" (4711)'),
        ("list:1", "list 1"),
        ("channel:12", "channel Marketing SMS"),
        ("messageType:7", "message type Promotions"),
        ("messageType:8", "message type 8"),
        ("user", "user"),
        ("identity", "identity"),
    ],
)
def test_a_part_is_called_what_people_call_it(part: str, shown: str) -> None:
    assert part_words(part, CATALOG) == shown


@pytest.mark.parametrize(
    ("part", "value", "shown"),
    [
        ("field:plan", "free", '"free"'),
        ("field:plan", None, "—"),
        ("field:age", 3, "3"),
        ("field:firstName", "Ann", "***"),
        ("field:note", "write to ann@example.com", "***"),
        ("field:contact", "+49 171 5551234", "***"),
        ("field:deliveryAddress", {"city": "Bonn"}, "***"),
        ("list:1", "not member", "not member"),
        ("user", "missing", "missing"),
    ],
)
def test_a_value_tells_nothing_of_a_person(part: str, value: object, shown: str) -> None:
    assert value_words(part, value, reveal=False) == shown


def test_a_long_value_is_cut() -> None:
    assert len(value_words("field:plan", "x" * 1000, reveal=False)) == 60


def test_revealed_values_are_shown_as_they_are() -> None:
    assert value_words("field:firstName", "Ann", reveal=True) == '"Ann"'


ANN = {"email": "ann@example.com", "userId": "1"}


@pytest.mark.parametrize(
    ("seen", "wanted", "revealed", "shown"),
    [
        (
            {"email": "bob@example.org", "userId": "1"},
            ANN,
            ("e-mail bob@example.org", "e-mail ann@example.com"),
            ("e-mail b***@example.org", "e-mail a***@example.com"),
        ),
        (
            {"email": "ann@example.com", "userId": "1234567"},
            ANN,
            ("userId 1234567", "userId 1"),
            ("userId 12***", "userId ***"),
        ),
        (
            {"email": "ann@example.com", "userId": None},
            ANN,
            ("—", "userId 1"),
            ("—", "userId ***"),
        ),
        (
            {"email": "bob@example.org", "userId": None},
            {"email": "ann@example.com", "userId": None},
            ("e-mail bob@example.org", "e-mail ann@example.com"),
            ("e-mail b***@example.org", "e-mail a***@example.com"),
        ),
        (
            ANN,
            ANN,
            ("e-mail ann@example.com, userId 1", "e-mail ann@example.com, userId 1"),
            ("e-mail a***@example.com, userId ***", "e-mail a***@example.com, userId ***"),
        ),
    ],
)
def test_of_two_identities_only_what_differs_is_shown(
    seen: dict[str, str | None],
    wanted: dict[str, str | None],
    revealed: tuple[str, str],
    shown: tuple[str, str],
) -> None:
    assert identity_words(seen, wanted, reveal=True) == revealed
    assert identity_words(seen, wanted, reveal=False) == shown
