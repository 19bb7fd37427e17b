"""Which queue a user waits in."""

from daemon.domain.messages import Message
from daemon.mapping.fold import fold
from daemon.mapping.room import Bounds
from daemon.outbound.converging import FIELDS, Converger
from daemon.outbound.residents import Resident
from tests.outbound.bench import published


def _plan(converger: Converger, user: Resident, plan: str, *, repair: bool) -> None:
    at = ("free", "pro", "max").index(plan) + 1
    message = Message(
        type="identify",
        message_id=plan,
        received_at=at,
        effective_at=at,
        source="web",
        user_id="1",
        traits={"plan": plan},
    )
    fold(user.profile, message, converger.mappings, Bounds())
    converger.changed(user, at, repair=repair)
    converger.enqueue(user, now=0)


def _waiting(converger: Converger) -> tuple[list[str], list[str]]:
    (queue,) = converger.queues.values()
    return list(queue.live), list(queue.repair)


def test_a_live_change_takes_a_user_out_of_the_repairs() -> None:
    converger = Converger(published())
    user = Resident(0, "u:1", b"", b"")
    _plan(converger, user, "free", repair=True)
    assert _waiting(converger) == ([], ["u:1"])
    _plan(converger, user, "pro", repair=False)
    assert _waiting(converger) == (["u:1"], [])
    _plan(converger, user, "max", repair=True)
    assert _waiting(converger) == (["u:1"], [])


def test_a_clock_that_is_set_back_makes_nobody_wait_longer_than_ever_before() -> None:
    converger = Converger(published(), longest_wait=100)
    user = Resident(0, "u:1", b"", b"")
    _plan(converger, user, "free", repair=False)
    converger.withdraw(user)
    user.retry = {FIELDS: 10_100}
    converger.enqueue(user, now=10_000)
    converger.delay("u:2", 10_150)
    assert list(converger.woken(5_000)) == []
    assert converger.next_due() == 5_100
    assert list(converger.woken(5_100)) == ["u:1", "u:2"]
    converger.enqueue(user, now=5_100)
    assert converger.next_due() == 5_200
    assert list(converger.woken(5_200)) == ["u:1"]
    converger.enqueue(user, now=5_200)
    assert _waiting(converger) == (["u:1"], [])
