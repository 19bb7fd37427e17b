"""uvicorn's HTTP protocol, with bounds on a request's head: its bytes, and the time it may take."""

from asyncio.events import TimerHandle
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 5.0


class BoundedProtocol(HttpToolsProtocol):
    """Hangs up on a client whose head is too long or doesn't come to its end.

    The body has its own bounds, where it is read.
    """

    head_seconds: ClassVar[float] = HEAD_SECONDS
    _head_open = False
    _head_bytes = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: TimerHandle | None = self.loop.call_later(self.head_seconds, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ended()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._head_open:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES:
            self._hang_up()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.head_seconds, self._hang_up)

    def on_message_begin(self) -> None:
        self._head_open = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_ended()
        super().on_headers_complete()

    def _hang_up(self) -> None:
        self.transport.close()

    def _head_ended(self) -> None:
        self._head_open = False
        self._head_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
