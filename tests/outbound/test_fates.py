"""Every account that goes together, and every way in which one doesn't."""

import pytest

from daemon.outbound.fates import Account, Ended, Rests, Seen, final, mistakes

E, F = Seen.EMITTED | Seen.FOLDED, Seen.FOLDED
WHOLE = [
    (Account(Ended.NOT_SAID, 0, Rests.NOT, 0), "not yet emitted"),
    (Account(Ended.NOT_SAID, 0, Rests.NOT, F | Seen.SENT), "not yet emitted"),
    (Account(Ended.NOT_SAID, 0, Rests.NOT, F | Seen.HANDED_FROM), "handed over"),
    (Account(Ended.NOT_SAID, 0, Rests.WAITS, F), "waiting"),
    (Account(Ended.NOT_SAID, 0, Rests.DEAD, F), "dead"),
    (Account(Ended.NOT_SAID, Ended.DELIVERED, Rests.NOT, F | Seen.SENT), "delivered"),
    (Account(Ended.NOT_SAID, 0, Rests.NOT, E), "no mapping"),
    (Account(Ended.NOT_SAID, 0, Rests.NOT, E | Seen.COPY | Seen.HANDED_TO), "no mapping"),
    (Account(Ended.NOT_SAID, 0, Rests.NOT, E | Seen.REPAIR | Seen.VERDICT), "no mapping"),
    (Account(Ended.DELIVERED, 0, Rests.NOT, E | Seen.SENT), "delivered"),
    (Account(Ended.FILTERED, 0, Rests.NOT, E), "filtered"),
    (Account(Ended.FILTERED, 0, Rests.NOT, E | Seen.SENT), "filtered"),
    (Account(Ended.EXPIRED, 0, Rests.NOT, E), "expired"),
    (Account(Ended.DEAD, 0, Rests.DEAD, E), "dead"),
    (Account(Ended.HANDED, 0, Rests.NOT, E | Seen.HANDED_FROM), "handed over"),
    (Account(Ended.PARKED, 0, Rests.WAITS, E), "waiting"),
    (Account(Ended.PARKED, 0, Rests.WAITS, E | Seen.SENT), "waiting"),
    (Account(Ended.PARKED, Ended.DELIVERED, Rests.NOT, E | Seen.SENT), "delivered"),
    (Account(Ended.PARKED, Ended.EXPIRED, Rests.NOT, E), "expired"),
    (Account(Ended.PARKED, Ended.DEAD, Rests.DEAD, E), "dead"),
    (Account(Ended.PARKED, 0, Rests.NOT, E | Seen.HANDED_FROM), "handed over"),
]
BROKEN = [
    (Account(Ended.DELIVERED, 0, Rests.NOT, E), "call"),
    (Account(Ended.PARKED, Ended.DELIVERED, Rests.NOT, E), "call"),
    (Account(Ended.DELIVERED, 0, Rests.WAITS, E | Seen.SENT), "waiting"),
    (Account(Ended.DELIVERED, Ended.DELIVERED, Rests.NOT, E | Seen.SENT), "waiting"),
    (Account(Ended.DEAD, 0, Rests.NOT, E), "waiting"),
    (Account(Ended.PARKED, Ended.DEAD, Rests.NOT, E), "waiting"),
    (Account(Ended.PARKED, 0, Rests.NOT, E), "waiting"),
    (Account(Ended.PARKED, 0, Rests.DEAD, E), "waiting"),
    (Account(Ended.PARKED, Ended.EXPIRED, Rests.WAITS, E), "waiting"),
    (Account(Ended.PARKED, Ended.EXPIRED, Rests.NOT, E | Seen.HANDED_FROM), "turn"),
    (Account(Ended.HANDED, 0, Rests.NOT, E), "turn"),
    (Account(Ended.NOT_SAID, 0, Rests.WAITS, E), "turn"),
    (Account(Ended.NOT_SAID, 0, Rests.DEAD, E), "turn"),
    (Account(Ended.NOT_SAID, 0, Rests.NOT, E | Seen.SENT), "turn"),
    (Account(Ended.NOT_SAID, 0, Rests.NOT, E | Seen.HANDED_FROM), "turn"),
    (Account(Ended.NOT_SAID, Ended.EXPIRED, Rests.NOT, E), "turn"),
    (Account(Ended.NOT_SAID, 0, Rests.NOT, E | Seen.COPY), "turn"),
    (Account(Ended.NOT_SAID, 0, Rests.NOT, E | Seen.HANDED_TO), "message"),
    (Account(Ended.NOT_SAID, 0, Rests.NOT, E | Seen.REPAIR), "turn"),
]


@pytest.mark.parametrize(("account", "word"), WHOLE)
def test_what_goes_together_is_counted_under_one_word(account: Account, word: str) -> None:
    assert list(mistakes(account)) == []
    assert final(account) == word


@pytest.mark.parametrize(("account", "table"), BROKEN)
def test_what_does_not_go_together_names_the_table(account: Account, table: str) -> None:
    assert [place for place, _ in mistakes(account)] == [table]
