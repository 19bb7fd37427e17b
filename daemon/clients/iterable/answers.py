"""What an answer of Iterable means: an error of ours, or an outcome for each row. Pure.

Status first, then code, then text (iterable.md §2.1): `code` says Success on some errors, and a
200 may carry a code that isn't. `_REFUSALS` is the one table. Texts of ours name codes and fields
and never repeat an identifier or a value, which Iterable's own messages do.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec

from daemon.clients.http import Answer
from daemon.clients.iterable.rows import bulk_outcomes, read_json, uncertain
from daemon.domain.commands import Call, CallOutcome, Endpoint, RowOutcome, Verdict
from daemon.errors import (
    EndpointMissing,
    Refused,
    ServerFailed,
    ServiceError,
    Throttled,
    TooLarge,
    Unauthorized,
    Unreachable,
)

INVALID_LIST = "InvalidListId"
"""`Refused.code` for a list Iterable doesn't know, also for seconds after its creation (§9)."""

BULK = frozenset(
    {
        Endpoint.BULK_UPDATE,
        Endpoint.TRACK_BULK,
        Endpoint.LIST_SUBSCRIBE,
        Endpoint.LIST_UNSUBSCRIBE,
    }
)
SINGLE = frozenset({Endpoint.UPDATE_SUBSCRIPTIONS, Endpoint.UPDATE_EMAIL})

ENDPOINT_NOT_FOUND = "EndpointNotFound"
"""`EndpointMissing.code` where Iterable itself says so; a page without JSON may be anybody's."""

_NO_SUCH_PAGE = "NoSuchPage"
_NOT_FOUND = 404
_CONFLICT = 409
_OK = range(200, 300)
_CLIENT = range(300, 500)
_SERVER = range(500, 600)
_EITHER = range(200, 500)
_ANY = ""

_REFUSALS: tuple[tuple[range, str, type[ServiceError]], ...] = (
    (range(429, 430), _ANY, Throttled),
    (_EITHER, "RateLimitExceeded", Throttled),
    (range(401, 402), _ANY, Unauthorized),
    (range(403, 404), _ANY, Unauthorized),
    (range(408, 409), _ANY, Unreachable),
    (range(413, 414), _ANY, TooLarge),
    (_EITHER, "BatchTooLarge", TooLarge),
    (range(404, 405), ENDPOINT_NOT_FOUND, EndpointMissing),
    (range(404, 405), _NO_SUCH_PAGE, EndpointMissing),
    (_SERVER, _ANY, ServerFailed),
    (_CLIENT, _ANY, Refused),
    (_OK, "BadApiKey", Unauthorized),
    (_OK, "BadAuthorizationHeader", Unauthorized),
    (_OK, "Unauthorized", Unauthorized),
    (_OK, "Forbidden", Unauthorized),
    (_OK, "DatabaseError", ServerFailed),
    (_OK, "GenericError", ServerFailed),
    (_OK, "QueueEmailError", ServerFailed),
    (_OK, "Success", ServiceError),
    (_OK, _ANY, Refused),
    (range(1000), _ANY, Unreachable),
)
"""(statuses, code, error); the first that fits counts, `_ANY` fits all. ServiceError: no error."""

_VERDICTS: Mapping[str, Verdict] = {
    "ForgottenUserError": Verdict.FORGOTTEN,
    "EmailAlreadyExists": Verdict.CONFLICT,
    "UserIdAlreadyExists": Verdict.CONFLICT,
    "ExternalKeyConflict": Verdict.CONFLICT,
    "Conflict": Verdict.CONFLICT,
    "InvalidEmailAddressError": Verdict.INVALID,
    "InvalidUserIdError": Verdict.INVALID,
    "UnknownEmailError": Verdict.NOT_FOUND,
    "UnknownUserIdError": Verdict.NOT_FOUND,
    "error.users.noUserWithIdExists": Verdict.NOT_FOUND,
}

_PHRASES = (
    ("forgotten list", "the address is on the forgotten list", "ForgottenUserError"),
    ("GDPR forgotten", "the user was forgotten", "ForgottenUserError"),
    ("invalidListId", "there is no such list, or it was created just now", INVALID_LIST),
    ("No user with that id exists", "there is no such user", "UnknownUserIdError"),
    ("ser does not exist", "there is no such user", "UnknownUserIdError"),
    ("email already exists", "the identifier is already taken", "Conflict"),
    ("Invalid email list id", "there is no such list", INVALID_LIST),
    ("Invalid JSON body", "the body's JSON has the wrong shape", ""),
    ("insufficient privileges", "the key is disabled or lacks the rights", ""),
    ("Invalid API key", "the key is not valid", ""),
    ("No API key found", "no key was sent", ""),
)
"""(in Iterable's text, ours, the code it should have had); a code that says more is kept."""

_VAGUE = frozenset({"", "Success", "BadParams", "GenericError"})
_OVERRULING = frozenset({"ForgottenUserError"})
"""The forgotten list comes with the code EmailAlreadyExists (iterable.md §2.4)."""

_PARAMS = frozenset(
    {"rateLimitLimit", "rateLimitRemaining", "rateLimitReset", "limit", "requestedTotal"}
    | {"newFields", "apiKeyType", "listId", "projectId"}
)
"""What is kept of `params`: figures and names, no identifiers and no values."""


class _Body(msgspec.Struct, frozen=True):
    """What matters of either envelope (iterable.md §2.1, §2.2)."""

    code: str
    text: str
    params: Mapping[str, Any]


def outcome_of(call: Call, answer: Answer) -> CallOutcome:
    """What became of each row of `call`. Raises ServiceError where the whole call failed.

    A row standing alone in an endpoint without a bulk form is judged from its error; an error for
    several rows is raised, since it doesn't say which row it is about.
    """
    endpoint = call.key.endpoint
    try:
        raise_for(what_of(endpoint), answer)
    except Refused as error:
        if endpoint not in SINGLE:
            raise
        return CallOutcome(answer.status, [refused_row(error)])
    if endpoint in BULK:
        return bulk_outcomes(call, answer.status, answer.body)
    if endpoint in SINGLE and not isinstance(read_json(answer.body), dict):
        return CallOutcome(answer.status, uncertain(range(len(call.commands))))
    return CallOutcome(answer.status)


def raise_for(what: str, answer: Answer) -> None:
    """Raise the ServiceError an answer stands for, if it stands for one."""
    body = _read(answer)
    for statuses, code, kind in _REFUSALS:
        if answer.status in statuses and code in {_ANY, body.code}:
            if kind is not ServiceError:
                _fail(kind, what, answer, body)
            return


def what_of(endpoint: Endpoint) -> str:
    """How errors name a call."""
    return f"Iterable {endpoint.value}"


def verdict_of(error: ServiceError) -> Verdict:
    """What a Refused says of a row that stood alone in its call."""
    fallback = Verdict.CONFLICT if error.status == _CONFLICT else Verdict.BAD_DATA
    return _VERDICTS.get(error.code, fallback)


def refused_row(error: ServiceError) -> RowOutcome:
    """The outcome of a row that stood alone in a call that was refused."""
    return RowOutcome(0, verdict_of(error), str(error), clashing_fields(error))


def clashing_fields(error: ServiceError) -> tuple[str, ...]:
    """The fields a type clash names, empty for other errors (iterable.md §6.3)."""
    return tuple(_clashes(error.params))


def _read(answer: Answer) -> _Body:
    parsed = read_json(answer.body)
    if not isinstance(parsed, dict):
        code = _NO_SUCH_PAGE if answer.status == _NOT_FOUND else _implied(answer.status)
        return _Body(code, answer.body[:500].decode("utf-8", "replace"), {})
    text = str(parsed.get("msg") or parsed.get("message") or "")
    code = str(parsed.get("code") or _implied(answer.status))
    if answer.status == _NOT_FOUND and "endpoint not found" in text.lower():
        code = ENDPOINT_NOT_FOUND
    elif answer.status == _NOT_FOUND and "code" not in parsed:
        code = _NO_SUCH_PAGE
    params = parsed.get("params")
    return _Body(code, text, params if isinstance(params, dict) else {})


def _implied(status: int) -> str:
    return "Success" if status in _OK else ""


def _fail(kind: type[ServiceError], what: str, answer: Answer, body: _Body) -> NoReturn:
    if kind is Throttled:
        raise Throttled(f"{what}: too many calls", retry_after=_retry_after(answer, body))
    said, code = _explained(body)
    params = {name: value for name, value in body.params.items() if name in _PARAMS}
    clashes = _clashes(body.params)
    if clashes:
        params["validationErrors"] = clashes
        said = "; ".join(_clash_text(name, clash) for name, clash in clashes.items())
    told = f": {said}" if said else ""
    raise kind(
        f"{what}: {answer.status} {code or 'without a code'}{told}",
        status=answer.status,
        code=code,
        params=params,
    )


def _explained(body: _Body) -> tuple[str, str]:
    """Our words for the body's text, and the code it stands for."""
    for phrase, ours, code in _PHRASES:
        if phrase in body.text:
            better = code and (body.code in _VAGUE or code in _OVERRULING)
            return ours, code if better else body.code
    return "", body.code


def _clashes(params: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    errors = params.get("validationErrors")
    if not isinstance(errors, dict):
        return {}
    return {
        str(name): {
            "expectedType": str(error.get("expectedType", "")),
            "incomingTypes": [str(kind) for kind in error.get("incomingTypes") or ()],
        }
        for name, error in errors.items()
        if isinstance(error, dict)
    }


def _clash_text(name: str, clash: Mapping[str, Any]) -> str:
    sent = " or ".join(clash["incomingTypes"]) or "another type"
    return (
        f"field {name} is {clash['expectedType'] or 'of another type'} in Iterable, sent as {sent}"
    )


def _retry_after(answer: Answer, body: _Body) -> float | None:
    for hint in (body.params.get("rateLimitReset"), answer.headers.get("retry-after")):
        try:
            seconds = float(hint) if hint is not None else -1.0
        except (TypeError, ValueError):
            continue
        if 0.0 <= seconds < float("inf"):
            return seconds
    return None
