"""Which loop a test's coroutines run on: the real one, unless the test asks for virtual time."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Real time; `tests.clock.VIRTUAL` in a parametrize mark overrides it."""
    return "asyncio"
