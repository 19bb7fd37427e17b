"""What another mapping would change, before anything is sent."""

import pytest

from daemon.mapping.preview import NOTHING, Preview, Sample
from tests.unit.mapping.making import mappings, message, profile_of

OLD = """
- {name: profiles, subscribe: type = "identify", action: update_user,
   fields: {plan: $.traits.plan, city: $.traits.city}}
- {name: events, subscribe: type = "track", action: track_event, preset: segment}
"""
NEW = """
- {name: profiles, subscribe: type = "identify", action: update_user,
   fields: {plan: $.traits.tier, seats: $.traits.seats}}
- {name: orders, subscribe: event = "Order Completed", action: track_event, preset: segment,
   fields: {dataFields.page: $.context.page.url}}
"""


@pytest.fixture
def preview() -> Preview:
    return Preview(mappings(OLD), mappings(NEW))


def test_a_part_is_new_changed_or_left(preview: Preview) -> None:
    said = {"email": "a@x.org", "plan": "free", "tier": "gold", "city": "Ulm", "seats": 3}
    profile = profile_of([message("identify", traits=said)], mappings(OLD))
    preview.profile("u:1", profile)
    shifts = {name: (one.new, one.changed, one.left) for name, one in preview.users.items()}
    assert shifts == {"field plan": (0, 1, 0), "field city": (0, 0, 1), "field seats": (1, 0, 0)}
    assert preview.users["field plan"].samples == [Sample("u:1", "free", "gold")]
    assert preview.users["field city"].samples == [Sample("u:1", "Ulm", NOTHING)]
    assert (preview.profiles, preview.users_changed) == (1, 1)


def test_what_stays_the_same_is_no_change(preview: Preview) -> None:
    profile = profile_of([message("identify", traits={"plan": "a", "tier": "a"})], mappings(OLD))
    preview.profile("u:1", profile)
    assert (preview.profiles, preview.users_changed, preview.users) == (1, 0, {})


def test_a_removed_field_is_a_change_and_not_nothing(preview: Preview) -> None:
    said = {"plan": "free", "tier": None}
    preview.profile("u:1", profile_of([message("identify", traits=said)], mappings(OLD)))
    assert preview.users["field plan"].samples == [Sample("u:1", "free", None)]


def test_events_are_compared_by_name(preview: Preview) -> None:
    page = {"page": {"url": "https://shop.example/"}}
    preview.message(message(event="Order Completed", context=page))
    preview.message(message(event="Order Completed"))
    preview.message(message(event="Signed Up"))
    preview.message(message("identify"))
    shifts = {name: (one.new, one.changed, one.left) for name, one in preview.events.items()}
    assert shifts == {"Order Completed": (0, 1, 0), "Signed Up": (0, 0, 1)}
    assert (preview.messages, preview.messages_changed) == (4, 2)


def test_samples_are_few(preview: Preview) -> None:
    for number in range(10):
        profile = profile_of(
            [message("identify", traits={"plan": "a", "tier": "b"})], mappings(OLD)
        )
        preview.profile(f"u:{number}", profile)
    plan = preview.users["field plan"]
    assert plan.changed == 10
    assert [sample.of for sample in plan.samples] == ["u:0", "u:1", "u:2"]
