"""The sandbox against what the real service answered, exchange by exchange."""

import pytest

from tests.sandbox.recorded import CASES, HEAD, README, cases, replay, table

pytestmark = pytest.mark.skipif(not CASES.exists(), reason=f"no recorded exchanges at {CASES}")
MUST_BE_SERVED = ("/users", "/events", "/lists", "/export", "/channels", "/commerce")


def test_the_readme_tells_the_verdict_on_every_recorded_exchange_as_it_is() -> None:
    shown = README.read_text()
    start = shown.index(HEAD)
    assert shown[start:].strip() == table().strip(), "print it: python -m tests.sandbox.recorded"


def test_every_users_events_lists_export_channels_and_commerce_exchange_is_served() -> None:
    asked = [c for c in cases() if any(f"/api{part}" in c["url"] for part in MUST_BE_SERVED)]
    missing = [c["id"] for c in asked if replay(c)[0].startswith("endpoint missing")]
    assert len(asked) > 60
    assert missing == []


def test_no_served_exchange_ends_in_another_status_or_code_than_recorded() -> None:
    verdicts = {c["id"]: replay(c)[0] for c in cases()}
    served = {k: v for k, v in verdicts.items() if not v.startswith("endpoint missing")}
    wrong = {k: v for k, v in served.items() if "(status" in v or "(code" in v or "(params" in v}
    assert len(served) > 150
    assert wrong == {}


def test_nothing_but_html_404_answers_where_html_404_was_recorded() -> None:
    for case in cases():
        if case["status"] == 404 and isinstance(case["response"], dict):
            answer = replay(case)[1]
            assert answer.status_code == 404
            assert ("html" in answer.headers["content-type"]) == ("$html_page" in case["response"])
            break
    else:
        pytest.fail("no such exchange was recorded")
