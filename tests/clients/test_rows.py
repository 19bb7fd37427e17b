"""Which rows of a bulk call failed: every array, every doubt."""

import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.clients.iterable.answers import outcome_of
from daemon.clients.iterable.rows import read_json
from daemon.domain.commands import Call, CallOutcome, Endpoint, Verdict
from tests.clients.calls import answer, bulk, call, command, people, verdicts

UPDATE, TRACK = Endpoint.BULK_UPDATE, Endpoint.TRACK_BULK
JOIN, LEAVE = Endpoint.LIST_SUBSCRIBE, Endpoint.LIST_UNSUBSCRIBE


def outcome(of: Call, body: object) -> CallOutcome:
    return outcome_of(of, answer(200, body))


@pytest.mark.parametrize(
    ("array", "verdict"),
    [
        ("invalidEmails", Verdict.INVALID),
        ("notFoundEmails", Verdict.NOT_FOUND),
        ("invalidDataEmails", Verdict.BAD_DATA),
        ("conflictEmails", Verdict.CONFLICT),
        ("forgottenEmails", Verdict.FORGOTTEN),
    ],
)
@pytest.mark.parametrize("endpoint", [UPDATE, TRACK, JOIN])
def test_each_array_of_failed_updates_has_its_verdict(
    endpoint: Endpoint, array: str, verdict: Verdict
) -> None:
    body = bulk(1, 1, failedUpdates={array: ["bob@x.io"]})
    assert verdicts(outcome(people(endpoint, "ann@x.io", "bob@x.io"), body)) == {1: verdict}


def test_user_ids_are_matched_as_they_are_written_and_emails_lower_cased() -> None:
    rows = call(UPDATE, command("Ann@X.io"), command(None, "Ab"), command(None, "ab"))
    body = bulk(1, 2, failedUpdates={"forgottenEmails": ["ANN@x.io"], "conflictUserIds": ["ab"]})
    assert verdicts(outcome(rows, body)) == {0: Verdict.FORGOTTEN, 2: Verdict.CONFLICT}


def test_deprecated_arrays_count_for_rows_nothing_newer_names() -> None:
    body = bulk(
        1, 2, invalidEmails=["a@", "b@"], failedUpdates={"forgottenEmails": ["a@"], "other": ["x"]}
    )
    found = verdicts(outcome(people(UPDATE, "a@", "b@", "c@x.io"), body))
    assert found == {0: Verdict.FORGOTTEN, 1: Verdict.INVALID}


def test_a_deprecated_user_id_of_an_event_means_nobody_has_it() -> None:
    rows = call(TRACK, command(None, "1"), command(None, "2"))
    assert verdicts(outcome(rows, bulk(1, 1, invalidUserIds=["2"]))) == {1: Verdict.NOT_FOUND}


def test_valid_identifiers_that_failed_inside_iterable_are_tried_again() -> None:
    rows = call(JOIN, command("a@x.io"), command(None, "7"), command("c@x.io"))
    body = bulk(1, 2, validEmailFailures=["a@x.io"], validUserIdFailures=["7"])
    assert verdicts(outcome(rows, body)) == {0: Verdict.RETRY, 1: Verdict.RETRY}


def test_a_conflict_may_name_the_identifier_a_row_wanted_to_take() -> None:
    taker = command(None, "1", dataFields={"email": "Taken@x.io", "plan": ["odd"]})
    body = bulk(1, 1, failedUpdates={"conflictEmails": ["taken@x.io"]})
    found = outcome(call(UPDATE, taker, command(None, "2")), body)
    assert verdicts(found) == {0: Verdict.CONFLICT}


def test_data_fields_that_are_odd_do_not_confuse() -> None:
    odd = command("a@x.io", dataFields={"email": ["x"], "userId": {"y": 1}})
    body = bulk(1, 1, failedUpdates={"invalidDataEmails": ["a@x.io"]})
    rows = call(UPDATE, odd, command("b@x.io", dataFields=None))
    assert verdicts(outcome(rows, body)) == {0: Verdict.BAD_DATA}


def test_leaving_a_list_succeeds_for_the_unknown_and_the_forgotten() -> None:
    body = bulk(
        1,
        3,
        failedUpdates={
            "notFoundEmails": ["a@x.io"],
            "forgottenEmails": ["b@x.io"],
            "invalidEmails": ["c@"],
        },
    )
    found = outcome(people(LEAVE, "a@x.io", "b@x.io", "c@", "d@x.io", target=5), body)
    assert verdicts(found) == {2: Verdict.INVALID}


@pytest.mark.parametrize(("success", "fail"), [(1, 2), (3, 0), (1, 0)])
def test_events_with_a_disallowed_name_are_skipped_however_they_are_counted(
    success: int, fail: int
) -> None:
    events = [command("a@x.io", eventName=name) for name in ("Seen", "Kept", "Seen")]
    body = bulk(success, fail, disallowedEventNames=["Seen"])
    found = outcome(call(TRACK, *events), body)
    assert verdicts(found) == {0: Verdict.SKIPPED, 2: Verdict.SKIPPED}


def test_several_events_of_one_refused_user_all_failed() -> None:
    events = [command(email, eventName="E") for email in ("a@", "b@x.io", "a@")]
    for fail in (1, 2):
        body = bulk(3 - fail if fail == 2 else 1, fail, failedUpdates={"invalidEmails": ["a@"]})
        found = verdicts(outcome(call(TRACK, *events), body))
        if fail == 2:
            assert found == {0: Verdict.INVALID, 2: Verdict.INVALID}
        else:
            assert found[1] is Verdict.UNCERTAIN, "three events, two accounted for"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(bulk(1, 2), id="failures nobody is named for"),
        pytest.param(bulk(1, 2, invalidEmails=["a@x.io"]), id="one of two named"),
        pytest.param(bulk(2, 0, invalidEmails=["a@x.io"]), id="named though none failed"),
        pytest.param(bulk(2, 1, invalidEmails=["z@x.io"]), id="a stranger"),
        pytest.param(bulk(1, 0), id="too few counted"),
        pytest.param(bulk(0, 0), id="none counted"),
    ],
)
def test_where_the_counts_do_not_fit_what_is_not_named_is_uncertain(body: object) -> None:
    found = verdicts(outcome(people(UPDATE, "a@x.io", "b@x.io", "c@x.io"), body))
    assert found[1] is found[2] is Verdict.UNCERTAIN
    assert len(found) == 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"successCount":1',
        b'{"successCount":"1","failCount":0}',
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"failCount":0}',
        b'{"successCount":2,"failCount":0,"failedUpdates":' + b"[" * 100_000,
    ],
)
def test_a_body_that_cannot_be_read_leaves_every_row_uncertain(body: bytes) -> None:
    found = outcome_of(people(UPDATE, "a@x.io", "b@x.io"), answer(200, body))
    assert verdicts(found) == {0: Verdict.UNCERTAIN, 1: Verdict.UNCERTAIN}


def test_rows_that_change_nothing_count_as_accepted() -> None:
    body = bulk(1, 0, noOpEmails=["a@x.io"], failedUpdates=None, invalidEmails=None)
    assert outcome(people(UPDATE, "a@x.io", "b@x.io"), body).failed == []


def test_fields_iterable_left_out_are_handed_on() -> None:
    body = bulk(1, 0, filteredOutFields=["shoeSize", "hat"])
    assert outcome(people(UPDATE, "a@x.io"), body).filtered_fields == ("shoeSize", "hat")


def test_an_empty_call_has_no_outcomes() -> None:
    assert outcome(call(TRACK), bulk(0, 0)).failed == []


def test_reasons_name_no_identifier() -> None:
    body = bulk(0, 1, failedUpdates={"invalidEmails": ["secret@"]})
    assert all(
        "secret" not in row.reason for row in outcome(people(UPDATE, "secret@"), body).failed
    )


NAMES = st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=4), unique=True, max_size=12)


@given(NAMES, st.data())
def test_what_an_honest_answer_says_is_what_we_read(names: list[str], data: st.DataObject) -> None:
    emails = [f"{name}@x.io" for name in names]
    kinds = st.sampled_from(["", "invalid", "forgotten", "conflict", "invalidData"])
    chosen = {email: data.draw(kinds) for email in emails}
    failed = {
        f"{kind}Emails": [email for email in emails if chosen[email] == kind]
        for kind in set(chosen.values()) - {""}
    }
    fails = sum(map(len, failed.values()))
    found = verdicts(
        outcome(people(UPDATE, *emails), bulk(len(names) - fails, fails, failedUpdates=failed))
    )
    assert set(found) == {at for at, email in enumerate(emails) if chosen[email]}
    assert Verdict.UNCERTAIN not in found.values()


@given(NAMES, st.integers(0, 12), st.integers(0, 12), NAMES)
def test_a_count_without_a_name_is_never_believed(
    names: list[str], success: int, fail: int, named: list[str]
) -> None:
    emails = [f"{name}@x.io" for name in names]
    body = bulk(success, fail, invalidEmails=[f"{name}@x.io" for name in named])
    found = verdicts(outcome(people(UPDATE, *emails), body))
    accepted = len(emails) - len(found)
    if accepted:
        assert accepted <= success
        assert fail == len(set(names) & set(named))
        assert set(named) <= set(names)


@given(st.binary(max_size=60))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    read_json(body)
    failed = outcome_of(people(UPDATE, "a@x.io"), answer(202, body)).failed
    assert all(isinstance(msgspec.to_builtins(row), dict) for row in failed)
