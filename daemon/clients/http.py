"""One HTTP foundation for all services we call: bounded, verified, and the only place for httpx.

Every exception of the client libraries becomes `Unreachable` here. `code` says `NotSent` where no
connection was ever made, so the call certainly wasn't applied; otherwise it may have been. An
answer over its bound counts as cut short. Texts name the host and what was called, never the
address itself, which may hold identifiers.

httpx's client API runs on aiohttp's connections (`httpx-aiohttp`), which carry several times the
requests per second of httpx's own.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import metadata
from typing import Protocol

import aiohttp
import anyio
import httpx
import httpx_aiohttp
import msgspec

from daemon.errors import Unreachable

NOT_SENT = "NotSent"
"""`Unreachable.code` where the request never left: it certainly was not applied."""

_CHUNK = 64 * 1024


class Secret(Protocol):
    """A secret as pydantic's SecretStr keeps it: shown only on request."""

    def get_secret_value(self) -> str: ...


class Answer(msgspec.Struct, frozen=True):
    """An answer read to its end. Names in `headers` are lower-case."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Stream(msgspec.Struct, frozen=True):
    """An answer whose body is still to be read, in decoded chunks."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class Http:
    """Sends requests. `request` reads the whole answer, `stream` lends it chunk by chunk.

    `what` names the call in errors, like `POST users/bulkUpdate`. `seconds` bounds the whole call
    of `request`, and each single read of `stream`.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def request(
        self,
        method: str,
        url: str,
        *,
        what: str,
        max_bytes: int,
        seconds: float,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Raises Unreachable."""
        request = self._request(method, url, what, headers, params, content)
        with _translated(what, request.url.host):
            with anyio.fail_after(seconds):
                response = await self._client.send(request, stream=True)
                try:
                    body = b"".join([chunk async for chunk in _bounded(response, what, max_bytes)])
                finally:
                    await response.aclose()
            return Answer(response.status_code, body, _headers(response))

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        what: str,
        max_bytes: int,
        seconds: float,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Stream]:
        """Raises Unreachable, also from the chunks."""
        request = self._request(method, url, what, headers, params, None)
        request.extensions["timeout"] = httpx.Timeout(seconds).as_dict()
        with _translated(what, request.url.host):
            with anyio.fail_after(seconds):
                response = await self._client.send(request, stream=True)
        try:
            chunks = _translated_chunks(response, what, max_bytes)
            yield Stream(response.status_code, _headers(response), chunks)
        finally:
            await response.aclose()

    def _request(
        self,
        method: str,
        url: str,
        what: str,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str] | None,
        content: bytes | None,
    ) -> httpx.Request:
        with _translated(what, "an address that can't be read"):
            return self._client.build_request(
                method, url, headers=headers, params=params, content=content
            )


def open_http(*, connections: int = 64) -> AbstractAsyncContextManager[Http]:
    """The foundation, with its own pool of at most `connections`. TLS is always verified.

    No redirects, cookies or proxies from the environment. A connection idle for 10 s is closed
    before the other side might, since a POST on a stale one can't be told from an applied one.
    """
    return _open(lambda: _pool(connections))


@asynccontextmanager
async def _open(pool: Callable[[], aiohttp.ClientSession]) -> AsyncIterator[Http]:
    transport = httpx_aiohttp.AiohttpTransport(client=pool)
    async with httpx.AsyncClient(
        transport=transport,
        headers={"User-Agent": f"segue/{_version()}", "Accept-Encoding": "gzip"},
        timeout=httpx.Timeout(60.0, connect=10.0),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
    ) as client:
        yield Http(client)


def _pool(connections: int) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=connections, keepalive_timeout=10.0, ssl=httpx.create_ssl_context()
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def _version() -> str:
    try:
        return metadata.version("segue")
    except metadata.PackageNotFoundError:
        return "source"


async def _bounded(response: httpx.Response, what: str, most: int) -> AsyncIterator[bytes]:
    read = 0
    async for chunk in response.aiter_bytes(_CHUNK):
        read += len(chunk)
        if read > most:
            raise Unreachable(
                f"{what}: the answer is longer than {most} bytes and was not read to its end",
                status=response.status_code,
                code="AnswerTooLong",
            )
        yield chunk


async def _translated_chunks(
    response: httpx.Response, what: str, most: int
) -> AsyncIterator[bytes]:
    with _translated(what, response.request.url.host):
        async for chunk in _bounded(response, what, most):
            yield chunk


def _headers(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


class _translated:  # noqa: N801 -- reads as the words of the `with` it stands in
    """Turns what the libraries raise into Unreachable; ours and cancellation pass."""

    def __init__(self, what: str, host: str) -> None:
        self._what = what
        self._host = host

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        foreign = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError)
        if isinstance(error, (*foreign, OSError, TimeoutError)):
            never_sent = isinstance(error.__cause__, aiohttp.ClientConnectorError)
            raise Unreachable(
                f"{self._what}: no answer from {self._host} ({_cause(error)})",
                code=NOT_SENT if never_sent else "",
            ) from error


def _cause(error: BaseException) -> str:
    if isinstance(error.__cause__, OSError) and error.__cause__.strerror:
        return error.__cause__.strerror
    return "timed out" if _timed_out(error) else type(error).__name__


def _timed_out(error: BaseException) -> bool:
    times_out = (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout)
    return isinstance(error, times_out)
