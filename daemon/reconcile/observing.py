"""A sweep's first half: all users of Iterable, by one export, into the store (iterable.md §12).

The job's id and the files already taken in are kept with the run, so a sweep goes on after a crash
where it was. Only users that belong to a profile are stored, in small transactions: the memory of a
sweep doesn't grow with the number of users.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import anyio
import msgspec

from daemon.clients.iterable.catalog import ExportFile
from daemon.clients.iterable.client import IterableClient
from daemon.errors import Refused, Unreachable
from daemon.reconcile.looking import Lens
from daemon.reconcile.patience import TRIES, patiently
from daemon.reconcile.taking import store_sights, take_lines
from daemon.store import Connection, runs
from daemon.store.database import Database
from daemon.store.runs import RunRow

LINES_PER_CHUNK = 1000
LONGEST_EXPORT_SECONDS = 6 * 3600
COMPLETED = "completed"
_FIRST_LOOK_SECONDS = 0.25
_LONGEST_LOOK_SECONDS = 15.0
_ENDED = frozenset({COMPLETED, "failed", "cancelling", "cancelled"})


class TakenFile(msgspec.Struct, frozen=True, array_like=True):
    """A file of an export that was taken in to its end: users, those without profile, bad lines."""

    name: str
    observed: int
    unknown: int
    broken: int


class Export(msgspec.Struct):
    """How far an export was taken in. `state` is the job's last one, empty while it goes on."""

    job: int
    files: list[TakenFile] = []
    truncated: bool = False
    state: str = ""

    @property
    def whole(self) -> bool:
        """Whether Iterable said that this was all."""
        return self.state == COMPLETED and not self.truncated


def read_export(run: RunRow) -> Export | None:
    """The export a stored run was at; None where it had none."""
    if run.export_job is None:
        return None
    files = [msgspec.json.decode(text, type=TakenFile) for text in run.export_files]
    return Export(int(run.export_job), files)


class Observer:
    """Takes in one export. `beat` is called whenever something was got done."""

    def __init__(
        self,
        database: Database,
        client: IterableClient,
        lens: Lens,
        beat: Callable[[], None],
    ) -> None:
        self._database = database
        self._client = client
        self._lens = lens
        self._beat = beat

    async def observe(self, run: int, export: Export, as_of: int) -> None:
        """Take in the files of the export that aren't yet, as of `as_of` (ms). Cancellable.

        Gives up after `LONGEST_EXPORT_SECONDS`, with a `state` that isn't completed. Raises
        ServiceError.
        """
        look, stuck = _FIRST_LOOK_SECONDS, 0
        with anyio.move_on_after(LONGEST_EXPORT_SECONDS):
            while not export.state:
                before = len(export.files)
                last = export.files[-1].name if export.files else ""
                page = await patiently(partial(self._client.export_files, export.job, after=last))
                export.truncated = export.truncated or page.truncated
                if await self._take_all(run, as_of, page.files, export):
                    stuck = stuck + 1 if len(export.files) == before else 0
                    if stuck == TRIES:
                        raise Unreachable("the addresses of Iterable's export files keep expiring")
                elif page.state in _ENDED:
                    export.state = page.state
                else:
                    await anyio.sleep(look)
                    look = min(look * 2, _LONGEST_LOOK_SECONDS)

    async def _take_all(
        self, run: int, as_of: int, files: Sequence[ExportFile], export: Export
    ) -> bool:
        """Take in files in their order; says whether an address had expired before its turn."""
        for file in files:
            try:
                taken = await patiently(partial(self._take, run, as_of, file))
            except Refused as error:
                if error.code == "LinkExpired":
                    return True
                raise
            export.files.append(taken)
            note = [msgspec.json.encode(one).decode() for one in export.files]
            await self._database.write(partial(_note, run, export.job, note))
        return False

    async def _take(self, run: int, as_of: int, file: ExportFile) -> TakenFile:
        sums = Counter[str]()
        chunk: list[bytes] = []
        async with self._client.download(file.url) as lines:
            async for line in lines:
                chunk.append(line)
                if len(chunk) == LINES_PER_CHUNK:
                    sums.update(await self._keep(run, as_of, chunk))
                    chunk = []
        sums.update(await self._keep(run, as_of, chunk))
        return TakenFile(file.name, sums["observed"], sums["unknown"], sums["broken"])

    async def _keep(self, run: int, as_of: int, lines: list[bytes]) -> dict[str, int]:
        taken = await self._database.read(partial(take_lines, lines, self._lens, as_of))
        await self._database.write(partial(store_sights, run, taken.users))
        self._beat()
        return {"observed": taken.observed, "unknown": taken.unknown, "broken": taken.broken}


def _note(run: int, job: int, files: list[str], connection: Connection) -> None:
    runs.note_export(connection, run, str(job), files)
