"""Faults a test asks for: wrong statuses, delays, hangs, and answers lost after the work was done.

They are handed in over `/_sandbox/faults` and tried in that order, before the key is looked at and
before a token is taken. The first that matches and still has `times` left is used.
"""

from fnmatch import fnmatchcase
from random import Random
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from daemon.sandbox.answers import JSON, TEXT, Answer, encode


class Fault(Struct, forbid_unknown_fields=True, kw_only=True):
    """What to do to a call whose path matches the glob `path` (and `method`, if given).

    `apply` does the work first, so that a `status` or a `hang` hides a success;
    `drop_after_apply` does it and then cuts the connection without an answer; `cut_after` cuts it
    when that many bytes of the body have been sent.
    """

    path: str
    method: str | None = None
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    delay_ms: Annotated[int, Meta(ge=0)] = 0
    hang: bool = False
    drop_after_apply: bool = False
    apply: bool = False
    cut_after: Annotated[int, Meta(ge=0)] | None = None
    body: Any = UNSET
    headers: dict[str, str] = {}
    times: int | None = None
    probability: float = 1.0
    used: int = 0

    def answer(self, failure: Any) -> Answer:
        """The answer this fault gives in place of the real one; without a body, `failure`."""
        status = self.status or 500
        if isinstance(self.body, str):
            return Answer(self.body.encode(), status, TEXT, self.headers)
        body = failure if isinstance(self.body, UnsetType) else self.body
        return Answer(encode(body), status, JSON, self.headers)


GENERIC = {
    "msg": "An error occurred. Please try again later. "
    "If problem persists, please contact your CSM",
    "code": "GenericError",
    "params": None,
}


class Faults:
    """The faults now asked for."""

    def __init__(self, rng: Random) -> None:
        self.asked: list[Fault] = []
        self._rng = rng

    def pick(self, method: str, path: str) -> Fault | None:
        """The fault this call meets, counted as used."""
        for fault in self.asked:
            if fault.times is not None and fault.used >= fault.times:
                continue
            if fault.method is not None and fault.method != method:
                continue
            if not fnmatchcase(path, fault.path):
                continue
            if fault.probability < 1 and self._rng.random() >= fault.probability:
                continue
            fault.used += 1
            return fault
        return None
