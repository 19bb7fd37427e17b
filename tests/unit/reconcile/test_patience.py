import anyio
import pytest

from daemon.errors import Refused, ServerFailed, ServiceError, Throttled, Unreachable
from daemon.reconcile.patience import TRIES, patiently
from tests.clock import VIRTUAL

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", [VIRTUAL])]


class Flaky:
    def __init__(self, error: ServiceError, failures: int) -> None:
        self.error, self.failures, self.calls = error, failures, 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "read"


@pytest.mark.parametrize("error", [Unreachable("away"), ServerFailed("500"), Throttled("429")])
async def test_a_bad_minute_is_waited_out(error: ServiceError) -> None:
    read = Flaky(error, TRIES - 1)
    assert await patiently(read) == "read"
    assert read.calls == TRIES


async def test_what_keeps_failing_is_raised_in_the_end() -> None:
    read = Flaky(Unreachable("away"), 100)
    with pytest.raises(Unreachable):
        await patiently(read)
    assert read.calls == TRIES


async def test_what_no_waiting_heals_is_raised_at_once() -> None:
    read = Flaky(Refused("no"), 100)
    with pytest.raises(Refused):
        await patiently(read)
    assert read.calls == 1


async def test_it_waits_as_long_as_it_is_told() -> None:
    began = anyio.current_time()
    await patiently(Flaky(Throttled("429", retry_after=42), 1))
    assert anyio.current_time() - began == pytest.approx(42)
