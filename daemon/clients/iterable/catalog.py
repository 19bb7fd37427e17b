"""What a project holds beside users: lists, channels, message types, fields, export jobs. Pure.

Iterable adds to its answers without notice: unknown fields are passed over (iterable.md §1).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import msgspec

from daemon.errors import Unreachable

T = TypeVar("T")


class Named(Protocol):
    """A list, channel or message type."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...


class ListInfo(msgspec.Struct, frozen=True):
    """A list. `type` is Standard, Dynamic, Suppression or Internal; only Standard takes rows."""

    id: int
    name: str
    type: str = msgspec.field(default="", name="listType")

    @property
    def editable(self) -> bool:
        """Whether members can be written; a list whose type isn't told is taken for one."""
        return self.type in {"Standard", ""}


class ChannelInfo(msgspec.Struct, frozen=True):
    """A channel. `type` is Marketing or Transactional, `medium` Email, Push or SMS."""

    id: int
    name: str
    type: str = msgspec.field(default="", name="channelType")
    medium: str = msgspec.field(default="", name="messageMedium")


class MessageTypeInfo(msgspec.Struct, frozen=True):
    """A message type. `policy` is OptIn or OptOut, empty where the project has no policies."""

    id: int
    name: str
    channel_id: int = msgspec.field(default=0, name="channelId")
    policy: str = msgspec.field(default="", name="subscriptionPolicy")


class ExportFile(msgspec.Struct, frozen=True):
    """One file of an export. `url` is valid for about 30 minutes."""

    name: str = msgspec.field(name="file")
    url: str


class ExportFiles(msgspec.Struct, frozen=True):
    """An export job: `state` is lower-case (enqueued, running, completed, failed, cancel…).

    `truncated` means Iterable left something out. Files appear while the job runs.
    """

    state: str = msgspec.field(name="jobState")
    files: list[ExportFile]
    truncated: bool = msgspec.field(default=False, name="exportTruncated")


class _Lists(msgspec.Struct):
    lists: list[ListInfo]


class _Channels(msgspec.Struct):
    channels: list[ChannelInfo]


class _MessageTypes(msgspec.Struct, rename="camel"):
    message_types: list[MessageTypeInfo]


class _Fields(msgspec.Struct):
    fields: dict[str, str]


class _NewList(msgspec.Struct, rename="camel"):
    list_id: int


class _Job(msgspec.Struct, rename="camel"):
    job_id: int


def read_lists(body: bytes) -> list[ListInfo]:
    return _read(body, _Lists).lists


def read_channels(body: bytes) -> list[ChannelInfo]:
    return _read(body, _Channels).channels


def read_message_types(body: bytes) -> list[MessageTypeInfo]:
    return _read(body, _MessageTypes).message_types


def read_fields(body: bytes) -> dict[str, str]:
    return _read(body, _Fields).fields


def read_new_list(body: bytes) -> int:
    return _read(body, _NewList).list_id


def read_job(body: bytes) -> int:
    return _read(body, _Job).job_id


def read_export_page(body: bytes) -> ExportFiles:
    page = _read(body, ExportFiles)
    return msgspec.structs.replace(page, state=page.state.lower())


def export_request(
    data_type: str, start: int | None, end: int | None, only_fields: tuple[str, ...]
) -> Mapping[str, Any]:
    """The body of export/start: lines of JSON, from `start` (inclusive) to `end` (exclusive)."""
    body = {"dataTypeName": data_type, "outputFormat": "application/x-json-stream"}
    if start is not None:
        body["startDateTime"] = _export_time(start)
    if end is not None:
        body["endDateTime"] = _export_time(end)
    if only_fields:
        body["onlyFields"] = ",".join(only_fields)
    return body


def _export_time(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S +00:00")


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError) as error:
        raise Unreachable(
            f"Iterable's answer could not be read ({type(error).__name__}); is the base URL right?",
            code="AnswerUnreadable",
        ) from error
