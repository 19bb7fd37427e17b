"""Point reads: a suspicion counts only when one agrees (DESIGN §2, Lag).

They take spare budget only. Each suspect is read first and looked at afterwards, with its profile,
mark and calls as they are then. One that isn't found under the identifier its rows name is looked
for under the others; and where its identity differs, it is found out whether somebody else has the
identifiers it is to get.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

import anyio
import msgspec

from daemon.clients.iterable.client import IterableClient
from daemon.clients.iterable.users import missing_user
from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.ports import Clock
from daemon.domain.profiles import Observed
from daemon.errors import Refused, ServiceError
from daemon.reconcile.identities import Acquaintance, addresses, others_to_begin_with, rivals
from daemon.reconcile.looking import Lens, Look, UserKey, acquainted, is_theirs, look_again
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
        known = await self._database.read(partial(acquainted, run, key, lens.mappings))
        if known is None:
            return None
        observed, missed = await self._find(key, known, lens.mappings.project)
        if observed.exists:
            observed = await self._beside_others(known, observed, missed, lens.mappings.project)
        return await self._database.write(partial(_look_and_keep, run, key, observed, lens))

    async def _find(
        self, key: UserKey, known: Acquaintance, project: ProjectType
    ) -> tuple[Observed, set[IterableIdentity]]:
        """The user, looked for under one identifier after the other; those nobody was found by."""
        missed = set()
        for address in addresses(known, project):
            observed = await self._read(address)
            if not observed.exists:
                missed.add(address)
            elif known.names(observed.identity, project) or await self._database.read(
                partial(is_theirs, key, observed, project)
            ):
                return observed, missed
        return missing_user(known.addressed, self._clock.now()), missed

    async def _beside_others(
        self,
        known: Acquaintance,
        observed: Observed,
        missed: set[IterableIdentity],
        project: ProjectType,
    ) -> Observed:
        """The user seen, with what is known of others that may stand in its way."""
        others = others_to_begin_with(known, observed.identity, project)
        for word, address in rivals(known, observed.identity, project):
            if address not in missed and others is not None:
                other = await self._read(address)
                if other.exists and other.identity != observed.identity:
                    others.append(word)
        return msgspec.structs.replace(observed, others=others)

    async def _read(self, address: IterableIdentity) -> Observed:
        """Read by one identifier, whichever it is: that is how hybrid projects address."""

        async def read() -> Observed:
            now = self._clock.now()
            return await self._client.get_user(address, ProjectType.HYBRID, now, repair=True)

        return await patiently(read)


def _look_and_keep(
    run: int, key: UserKey, observed: Observed, lens: Lens, connection: Connection
) -> Verified | None:
    look = look_again(key, observed, lens, connection)
    if look is None:
        return None
    if look.suspicious:
        keep(connection, run, {look.user: observed})
    return Verified(observed, look)
