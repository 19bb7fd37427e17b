"""Iterable, as the rest of Segue sees it: calls with rows, point reads, catalogues and exports.

Writes (`send`) take no token: a lane has taken one before it wrote down that it would call. Reads
wait for theirs. A 429 pauses the endpoint's budget for all who share it, and is raised.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import msgspec

from daemon.clients.http import Answer, Http, Secret, Stream
from daemon.clients.iterable.answers import (
    INVALID_LIST,
    outcome_of,
    raise_for,
    verdict_of,
    what_of,
)
from daemon.clients.iterable.bodies import path_of, query_of, request_body
from daemon.clients.iterable.budgets import Budgets
from daemon.clients.iterable.catalog import (
    ChannelInfo,
    ExportFile,
    ExportFiles,
    ListInfo,
    MessageTypeInfo,
    export_request,
    read_channels,
    read_export_page,
    read_fields,
    read_job,
    read_lists,
    read_message_types,
    read_new_list,
)
from daemon.clients.iterable.endpoints import ENDPOINTS
from daemon.clients.iterable.links import checked_link, raise_for_link
from daemon.clients.iterable.probe import Probe, probe_project
from daemon.clients.iterable.rows import read_json
from daemon.clients.iterable.users import missing_user, parse_user
from daemon.clients.lines import lines_of
from daemon.domain.commands import Call, CallOutcome, Endpoint, Verdict
from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.profiles import Observed
from daemon.errors import Refused, Throttled, Unreachable

_MEGABYTE = 1_000_000
_ANSWER = 32 * _MEGABYTE
_FILE = 256 * _MEGABYTE
_MEMBERS = 4_000 * _MEGABYTE
_ERROR = 64 * 1024
_LIST_IS_READY_AFTER = (0.5, 1.0, 2.0, 4.0, 8.0)


class IterableClient:
    """One project of Iterable. `seconds` bounds each call.

    Everything raises ServiceError: Throttled, Unreachable, ServerFailed, Unauthorized,
    EndpointMissing, TooLarge or Refused.
    """

    def __init__(
        self,
        http: Http,
        *,
        base_url: str,
        api_key: Secret,
        budgets: Budgets,
        seconds: float = 30.0,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._budgets = budgets
        self._seconds = seconds

    async def send(self, call: Call) -> CallOutcome:
        """Send a call's rows; the outcome of each. The caller has taken the token.

        A 202 of subscriptions proves no row: an opt-out is confirmed by a point read.
        """
        key = call.key
        with self._pausing(key.endpoint):
            answer = await self._call(
                key.endpoint, path=path_of(key), params=query_of(key), content=request_body(call)
            )
            return outcome_of(call, answer)

    async def get_user(
        self, identity: IterableIdentity, project: ProjectType, now: int, *, repair: bool = False
    ) -> Observed:
        """Read one user as of `now` (ms). Raises ValueError for one the project can't address.

        A miss by e-mail is answered with `{}`, one by userId with an error (iterable.md §7).
        """
        match identity.key(project):
            case {"email": email}:
                path, params = "users/getByEmail", {"email": email}
            case {"userId": user_id}:
                path, params = "users/byUserId", {"userId": user_id}
            case _:
                raise ValueError("an identity without the project's key can't be read")
        try:
            answer = await self._read(Endpoint.GET_USER, path=path, params=params, repair=repair)
        except Refused as error:
            if verdict_of(error) is not Verdict.NOT_FOUND:
                raise
            return missing_user(identity, now)
        body = read_json(answer.body)
        if not isinstance(body, dict):
            raise Unreachable("Iterable users/get: the answer could not be read", status=200)
        user = body.get("user")
        observed = parse_user(user, now) if isinstance(user, dict) else None
        return observed if observed and observed.exists else missing_user(identity, now)

    async def get_fields(self) -> dict[str, str]:
        """The type of every profile field, by dotted name (iterable.md §6.1)."""
        return read_fields((await self._read(Endpoint.GET_FIELDS)).body)

    async def lists(self) -> list[ListInfo]:
        """All lists of the project."""
        return read_lists((await self._read(Endpoint.LISTS)).body)

    async def channels(self) -> list[ChannelInfo]:
        """All channels of the project."""
        return read_channels((await self._read(Endpoint.CHANNELS)).body)

    async def message_types(self) -> list[MessageTypeInfo]:
        """All message types of the project."""
        return read_message_types((await self._read(Endpoint.MESSAGE_TYPES)).body)

    async def create_list(self, name: str) -> int:
        """Create a list; returns its id once Iterable takes subscribers for it.

        For some seconds after its creation calls to it are refused (iterable.md §9), which would
        look like bad rows. Raises Refused when it isn't ready after about 15 s.
        """
        answer = await self._read(Endpoint.LISTS, method="POST", json={"name": name})
        list_id = read_new_list(answer.body)
        nobody = {"listId": list_id, "subscribers": []}
        for pause in _LIST_IS_READY_AFTER:
            try:
                await self._read(Endpoint.LIST_SUBSCRIBE, json=nobody)
            except Refused as error:
                if error.code != INVALID_LIST:
                    raise
                await anyio.sleep(pause)
            else:
                return list_id
        await self._read(Endpoint.LIST_SUBSCRIBE, json=nobody)
        return list_id

    @asynccontextmanager
    async def list_users(
        self, list_id: int, *, prefer_user_id: bool = False, repair: bool = False
    ) -> AsyncIterator[AsyncIterator[str]]:
        """The members of a list, one identifier at a time, e-mail or userId (iterable.md §9).

        Each read is bounded, not the whole: a million members may take more than an hour.
        """
        params = {"listId": str(list_id), "preferUserId": str(prefer_user_id).lower()}
        await self._budgets.acquire(Endpoint.LIST_USERS, repair=repair)
        async with self._stream(Endpoint.LIST_USERS, params, _MEMBERS) as stream:
            yield _decoded(lines_of(stream.chunks))

    async def start_export(
        self,
        data_type: str = "user",
        *,
        start: int | None = None,
        end: int | None = None,
        only_fields: tuple[str, ...] = (),
    ) -> int:
        """Start an export of users changed, or events, in [start, end) (ms); returns the job id."""
        body = export_request(data_type, start, end, only_fields)
        return read_job((await self._read(Endpoint.EXPORT_START, json=body)).body)

    async def export_files(self, job: int, *, after: str = "") -> ExportFiles:
        """How a job stands, and its files past the one named `after`, over all pages."""
        path = ENDPOINTS[Endpoint.EXPORT_FILES].path.format(target=job)
        files: list[ExportFile] = []
        while True:
            params = {"startAfter": after} if after else None
            answer = await self._read(Endpoint.EXPORT_FILES, path=path, params=params)
            page = read_export_page(answer.body)
            files += page.files
            if not page.files or page.files[-1].name == after:
                return msgspec.structs.replace(page, files=files)
            after = page.files[-1].name

    @asynccontextmanager
    async def download(self, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The lines of an export file. Broken lines are the reader's business (iterable.md §12).

        The key isn't sent: the address carries its own right. Raises Refused with the code
        `LinkExpired` where a fresh address is needed, `UnsafeLink` for one that isn't https.
        """
        what = "Iterable export file"
        async with self._http.stream(
            "GET",
            checked_link(url, self._base_url),
            what=what,
            max_bytes=_FILE,
            seconds=self._seconds,
        ) as stream:
            raise_for_link(what, stream.status)
            yield lines_of(stream.chunks)

    async def probe(self) -> Probe:
        """What the key and the project allow, found out without changing anything."""
        return await probe_project(self._may_read, self._may_write)

    async def _may_read(self, endpoint: Endpoint) -> None:
        await self._budgets.acquire(endpoint)
        async with self._stream(endpoint, None, _ANSWER):
            pass

    async def _may_write(self, endpoint: Endpoint, nothing: Mapping[str, Any]) -> None:
        await self._read(endpoint, json=nothing)

    async def _read(
        self,
        endpoint: Endpoint,
        *,
        method: str = "",
        path: str = "",
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        repair: bool = False,
    ) -> Answer:
        """A call of our own accord: waits for its token, raises what the answer stands for."""
        await self._budgets.acquire(endpoint, repair=repair)
        content = msgspec.json.encode(json) if json is not None else None
        with self._pausing(endpoint):
            answer = await self._call(
                endpoint, method=method, path=path, params=params, content=content
            )
            raise_for(what_of(endpoint), answer)
        return answer

    async def _call(
        self,
        endpoint: Endpoint,
        *,
        method: str = "",
        path: str = "",
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        spec = ENDPOINTS[endpoint]
        return await self._http.request(
            method or spec.method,
            self._url(path or spec.path),
            what=what_of(endpoint),
            max_bytes=_ANSWER,
            seconds=self._seconds,
            headers=self._headers(),
            params=params,
            content=content,
        )

    @asynccontextmanager
    async def _stream(
        self, endpoint: Endpoint, params: Mapping[str, str] | None, max_bytes: int
    ) -> AsyncIterator[Stream]:
        spec = ENDPOINTS[endpoint]
        what = what_of(endpoint)
        async with self._http.stream(
            spec.method,
            self._url(spec.path),
            what=what,
            max_bytes=max_bytes,
            seconds=self._seconds,
            headers=self._headers(),
            params=params,
        ) as stream:
            if stream.status != _OK:
                body = await _beginning(stream.chunks)
                with self._pausing(endpoint):
                    raise_for(what, Answer(stream.status, body, stream.headers))
            yield stream

    @contextmanager
    def _pausing(self, endpoint: Endpoint) -> Iterator[None]:
        try:
            yield
        except Throttled as error:
            self._budgets.pause(endpoint, error.retry_after)
            raise

    def _url(self, path: str) -> str:
        return f"{self._base_url}/api/{path}"

    def _headers(self) -> dict[str, str]:
        return {
            "Api-Key": self._api_key.get_secret_value(),
            "Content-Type": "application/json",
            "Accept": "*/*",
        }


_OK = 200


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    """As much of an error's body as matters."""
    body = b""
    async for chunk in chunks:
        body += chunk
        if len(body) > _ERROR:
            break
    return body


async def _decoded(lines: AsyncIterator[bytes]) -> AsyncIterator[str]:
    async for line in lines:
        yield line.decode("utf-8", "replace")
