"""What answers mean: one table, checked against what Iterable is recorded to have said."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.clients.iterable.answers import (
    INVALID_LIST,
    clashing_fields,
    outcome_of,
    raise_for,
    refused_row,
    verdict_of,
)
from daemon.domain.commands import Endpoint, Verdict
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
from tests.clients.calls import answer, bulk, call, command, envelope, people, verdicts

RECORDED = Path(__file__).parents[3] / "shared" / "cases" / "iterable_recorded_vcr.json"
CLASH = envelope(
    "RequestFieldsTypesMismatched",
    "Project 10216: The request does not have the same data types as the data previously "
    "submitted. Field 'signupDate' already exists for type 'user' and has a data type of 'date'",
    {
        "validationErrors": {
            "signupDate": {
                "incomingTypes": ["string", "keyword"],
                "expectedType": "date",
                "_type": "UnexpectedType",
                "offendingValue": "GGG",
                "category": "user",
            }
        }
    },
)


def error_of(status: int, body: Any = b"", **headers: str) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        raise_for("Iterable test", answer(status, body, **headers))
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, envelope("BadParams"), Refused),
        (400, envelope("Success", "error.lists.invalidListId(9)"), Refused),
        (400, envelope("BatchTooLarge"), TooLarge),
        (400, envelope("RateLimitExceeded"), Throttled),
        (400, envelope("GenericError", "Must provide either an email or list id"), Refused),
        (401, envelope("BadApiKey", "Invalid API key"), Unauthorized),
        (401, b"", Unauthorized),
        (403, envelope("Forbidden"), Unauthorized),
        (404, b"<!DOCTYPE html><title>Action not found</title>", EndpointMissing),
        (404, b"", EndpointMissing),
        (404, envelope("NotFound", "Endpoint not found"), EndpointMissing),
        (404, envelope("NotFound", "No metadata found"), Refused),
        (404, {"error": "NotFound", "message": "m", "code": "error.catalogs.notFound"}, Refused),
        (408, b"", Unreachable),
        (409, envelope("Conflict"), Refused),
        (413, b"Request Entity Too Large", TooLarge),
        (429, b"Rate limit exceeded. Please try again later.", Throttled),
        (429, b"[" * 100_000, Throttled),
        (500, envelope("GenericError"), ServerFailed),
        (502, b"<html>Bad Gateway</html>", ServerFailed),
        (503, envelope("Success"), ServerFailed),
        (301, b"", Refused),
        (200, envelope("BadParams"), Refused),
        (200, envelope("GenericError"), ServerFailed),
        (200, envelope("BadApiKey"), Unauthorized),
        (200, envelope("RateLimitExceeded"), Throttled),
        (200, envelope("BatchTooLarge"), TooLarge),
        (700, b"", Unreachable),
    ],
)
def test_each_answer_is_the_error_it_stands_for(
    status: int, body: Any, kind: type[ServiceError]
) -> None:
    error = error_of(status, body)
    assert type(error) is kind
    assert error.status == (429 if kind is Throttled else status)


@pytest.mark.parametrize("body", [b"", b"text", {}, {"user": {}}, envelope("Success"), [1]])
@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_success_is_no_error(status: int, body: Any) -> None:
    raise_for("Iterable test", answer(status, body))


@pytest.mark.parametrize(
    ("body", "header", "seconds"),
    [
        (envelope("RateLimitExceeded", params={"rateLimitReset": 3}), None, 3.0),
        (envelope("RateLimitExceeded", params={"rateLimitReset": "1.5"}), "9", 1.5),
        (envelope("RateLimitExceeded", params={"rateLimitReset": "soon"}), "9", 9.0),
        (envelope("RateLimitExceeded", params={"rateLimitReset": -1}), None, None),
        (envelope("RateLimitExceeded", params={"rateLimitReset": [1]}), None, None),
        (envelope("RateLimitExceeded", params=[]), None, None),
        (b"Too Many Requests", "60", 60.0),
        (b"Too Many Requests", "Wed, 21 Oct 2026 07:28:00 GMT", None),
        (b"Too Many Requests", "nan", None),
        (b"Too Many Requests", "inf", None),
        (b"", None, None),
    ],
)
def test_a_429_tells_how_long_to_wait_if_it_does(
    body: Any, header: str | None, seconds: float | None
) -> None:
    headers = {} if header is None else {"retry_after": header}
    error = error_of(429, body, **headers)
    assert isinstance(error, Throttled)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("status", "code", "msg", "verdict"),
    [
        (400, "EmailAlreadyExists", "… New email already exists", Verdict.CONFLICT),
        (409, "EmailAlreadyExists", "", Verdict.CONFLICT),
        (400, "EmailAlreadyExists", "New email is on the forgotten list", Verdict.FORGOTTEN),
        (400, "ForgottenUserError", "", Verdict.FORGOTTEN),
        (409, "ForgottenUserError", "", Verdict.FORGOTTEN),
        (409, "Conflict", "Contact is GDPR forgotten", Verdict.FORGOTTEN),
        (409, "", "", Verdict.CONFLICT),
        (409, "ExternalKeyConflict", "", Verdict.CONFLICT),
        (400, "UserIdAlreadyExists", "", Verdict.CONFLICT),
        (400, "InvalidEmailAddressError", "Invalid email: ann@", Verdict.INVALID),
        (400, "InvalidUserIdError", "", Verdict.INVALID),
        (400, "UnknownUserIdError", "No user exists with userId 12345", Verdict.NOT_FOUND),
        (400, "BadParams", "Cannot change user. User does not exist", Verdict.NOT_FOUND),
        (400, "BadParams", "the user does not exist", Verdict.NOT_FOUND),
        (400, "BadParams", "anything else", Verdict.BAD_DATA),
        (400, "BadJsonBody", "[/api/users/updateEmail] Invalid JSON body", Verdict.BAD_DATA),
    ],
)
@pytest.mark.parametrize("endpoint", [Endpoint.UPDATE_EMAIL, Endpoint.UPDATE_SUBSCRIPTIONS])
def test_an_error_for_a_row_alone_is_that_rows_outcome(
    endpoint: Endpoint, status: int, code: str, msg: str, verdict: Verdict
) -> None:
    one = call(endpoint, command("ann@x.io"))
    outcome = outcome_of(one, answer(status, envelope(code, msg)))
    assert (outcome.status, verdicts(outcome)) == (status, {0: verdict})
    assert verdict_of(error_of(status, envelope(code, msg))) is verdict


@pytest.mark.parametrize(
    "endpoint", [Endpoint.BULK_UPDATE, Endpoint.TRACK_BULK, Endpoint.SUBSCRIPTIONS]
)
def test_an_error_for_several_rows_is_raised_since_it_names_none(endpoint: Endpoint) -> None:
    with pytest.raises(Refused):
        outcome_of(people(endpoint, "a@x.io", "b@x.io"), answer(400, envelope("BadParams")))


def test_a_type_clash_names_its_fields_and_types_and_no_value() -> None:
    error = error_of(400, CLASH)
    assert clashing_fields(error) == ("signupDate",)
    assert "field signupDate is date in Iterable, sent as string or keyword" in str(error)
    assert "GGG" not in str(error) + repr(error.params)
    row = refused_row(error)
    assert (row.verdict, row.fields) == (Verdict.BAD_DATA, ("signupDate",))


@pytest.mark.parametrize("errors", [None, [], {"a": None}, {"a": "x"}, {"a": {}}])
def test_an_odd_type_clash_is_read_as_far_as_it_goes(errors: Any) -> None:
    error = error_of(
        400, envelope("RequestFieldsTypesMismatched", "", {"validationErrors": errors})
    )
    assert clashing_fields(error) == (("a",) if errors == {"a": {}} else ())


def test_a_list_that_is_unknown_or_new_has_a_code_of_its_own() -> None:
    recorded = envelope("Success", "error.lists.invalidListId(999)", {"listId": 999})
    error = error_of(400, recorded)
    assert (error.code, error.params) == (INVALID_LIST, {"listId": 999})


def test_errors_repeat_no_identifier_value_or_address() -> None:
    bodies = [
        envelope("InvalidEmailAddressError", "Invalid email: secret@"),
        envelope("BadParams", "Cannot change user Some(secret@x) to b@x. User does not exist"),
        envelope("BadApiKey", "Invalid API key", {"ip": "secret", "apiKeyIdentifier": "secret"}),
        envelope("BadJsonBody", "[/api] body: {secret}", {"obj.email": "secret"}),
        {"error": "NotFound", "message": "secret", "code": "error.x", "data": {"args": ["secret"]}},
    ]
    for body in bodies:
        error = error_of(400, body)
        assert "secret" not in f"{error} {error!r} {error.params}"


def test_a_single_write_with_an_unreadable_200_is_uncertain() -> None:
    one = call(Endpoint.UPDATE_EMAIL, command("ann@x.io"))
    assert verdicts(outcome_of(one, answer(200, b"<html>"))) == {0: Verdict.UNCERTAIN}
    assert outcome_of(one, answer(200, envelope("Success"))).failed == []


def test_an_accepted_subscription_call_needs_no_body() -> None:
    opt_out = people(Endpoint.SUBSCRIPTIONS, "a@x.io", target=1, group="messageChannel")
    outcome = outcome_of(opt_out, answer(202, b""))
    assert (outcome.status, outcome.failed) == (202, [])


CASES = json.loads(RECORDED.read_text())["cases"] if RECORDED.is_file() else []
recorded = pytest.mark.skipif(not CASES, reason=f"the recorded exchanges are not at {RECORDED}")


def _raw(case: dict[str, Any]) -> bytes:
    said = case["response"]
    if isinstance(said, dict) and said.get("$html_page"):
        return f"<html><title>{said['title']}</title></html>".encode()
    return said.encode() if isinstance(said, str) else json.dumps(said).encode()


@recorded
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_every_recorded_answer_is_understood_as_its_status_says(case: dict[str, Any]) -> None:
    given = answer(case["status"], _raw(case))
    if case["status"] < 300:
        raise_for("Iterable test", given)
        return
    error = error_of(case["status"], _raw(case))
    expected = {401: Unauthorized, 429: Throttled, 404: EndpointMissing}
    said = case["response"] if isinstance(case["response"], dict) else {}
    kind = ServerFailed if case["status"] >= 500 else expected.get(case["status"], Refused)
    if case["status"] == 404 and "code" in said:
        kind = Refused
    assert type(error) is kind
    assert "@" not in str(error)


BULK_PATHS = {
    "users/bulkUpdate": (Endpoint.BULK_UPDATE, "users"),
    "events/trackBulk": (Endpoint.TRACK_BULK, "events"),
    "lists/subscribe": (Endpoint.LIST_SUBSCRIBE, "subscribers"),
    "lists/unsubscribe": (Endpoint.LIST_UNSUBSCRIBE, "subscribers"),
}


def _bulk_cases() -> list[tuple[Endpoint, list[dict[str, Any]], dict[str, Any]]]:
    found = []
    for case in CASES:
        for path, (endpoint, rows_key) in BULK_PATHS.items():
            sent = case["request_json"] or {}
            said = case["response"]
            if case["url"].endswith(path) and case["status"] == 200 and isinstance(said, dict):
                found.append((endpoint, sent.get(rows_key) or [], said))
    return found


@recorded
def test_recorded_bulk_answers_name_exactly_the_rows_that_failed() -> None:
    cases = [case for case in _bulk_cases() if "successCount" in case[2]]
    assert len(cases) >= 6
    for endpoint, rows, said in cases:
        commands = [command(row.get("email"), row.get("userId")) for row in rows]
        outcome = outcome_of(call(endpoint, *commands), answer(200, said))
        failed = {commands[row.index].email for row in outcome.failed}
        assert failed == set(said.get("invalidEmails", [])), (endpoint, said)
        assert len(outcome.failed) == said["failCount"]
        assert Verdict.UNCERTAIN not in verdicts(outcome).values()


def test_a_bulk_answer_with_a_code_of_failure_is_a_failure() -> None:
    with pytest.raises(Refused):
        outcome_of(
            people(Endpoint.BULK_UPDATE, "a@x.io"), answer(200, {**bulk(1, 0), "code": "BadParams"})
        )
