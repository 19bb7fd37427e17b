"""Point reads: a suspicion counts only when one agrees (DESIGN §2, Lag).

They take spare budget only. Each suspect is read first and looked at afterwards, with its profile,
mark and calls as they are then.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

import anyio
import msgspec

from daemon.clients.iterable.client import IterableClient
from daemon.domain.ports import Clock
from daemon.domain.profiles import Observed
from daemon.errors import Refused, ServiceError
from daemon.reconcile.looking import Lens, Look, UserKey, address_of, look_again
from daemon.reconcile.patience import patiently
from daemon.reconcile.sights import keep
from daemon.store import Connection
from daemon.store.database import Database

READERS = 4


class Verified(msgspec.Struct, frozen=True):
    """A user read by itself, and what is different now."""

    observed: Observed
    look: Look


class Verifier:
    """Reads users one by one, a few at a time. `beat` is called after each."""

    def __init__(
        self,
        database: Database,
        client: IterableClient,
        clock: Clock,
        beat: Callable[[], None],
    ) -> None:
        self._database = database
        self._client = client
        self._clock = clock
        self._beat = beat

    async def verify(self, run: int, keys: Sequence[UserKey], lens: Lens) -> list[Verified]:
        """Read each user and look again, in the order given; keep what was seen with `run`.

        Users that are gone, or that can't be addressed, are left out. Raises ServiceError.
        """
        found: dict[UserKey, Verified] = {}
        waiting = iter(keys)
        errors: list[ServiceError] = []

        async def work() -> None:
            try:
                await self._work(run, waiting, lens, found)
            except ServiceError as error:
                errors.append(error)
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for _ in range(READERS):
                group.start_soon(work)
        if errors:
            raise errors[0]
        return [found[key] for key in keys if key in found]

    async def _work(
        self, run: int, waiting: Iterator[UserKey], lens: Lens, found: dict[UserKey, Verified]
    ) -> None:
        for key in waiting:
            with suppress(Refused):  # one that can't be read stays unverified
                verified = await self._verify(run, key, lens)
                if verified is not None:
                    found[key] = verified
            self._beat()

    async def _verify(self, run: int, key: UserKey, lens: Lens) -> Verified | None:
        identity = await self._database.read(partial(address_of, run, key, lens.mappings))
        if identity is None:
            return None
        project = lens.mappings.project

        async def read() -> Observed:
            return await self._client.get_user(identity, project, self._clock.now(), repair=True)

        observed = await patiently(read)
        return await self._database.write(partial(_look_and_keep, run, key, observed, lens))


def _look_and_keep(
    run: int, key: UserKey, observed: Observed, lens: Lens, connection: Connection
) -> Verified | None:
    look = look_again(key, observed, lens, connection)
    if look is None:
        return None
    if look.suspicious:
        keep(connection, run, {look.user: observed})
    return Verified(observed, look)
