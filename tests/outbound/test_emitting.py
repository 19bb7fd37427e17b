"""Events and their rows, each with an end of its own."""

import pytest

from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.messages import Message
from daemon.mapping.blocks import DEFAULT, read
from daemon.mapping.mappings import Mappings
from daemon.outbound.emitting import Emitter, Event, EventRow, Fate
from daemon.outbound.residents import Resident
from tests.outbound.bench import CATALOG

D, F, X, E = Fate.DELIVERED, Fate.FILTERED, Fate.DEAD, Fate.EXPIRED
SHORT = {
    "name": "short",
    "action": "track_event",
    "subscribe": 'type = "track"',
    "preset": "segment",
    "expires_after": "1s",
}


def published() -> Mappings:
    return read([*DEFAULT, SHORT]).publish(1, ProjectType.HYBRID, CATALOG)


def event(*fates: Fate | None) -> Event:
    rows = [EventRow({"id": f"{n}"}, fate=fate, reason=str(fate)) for n, fate in enumerate(fates)]
    return Event(1, "u:1", b"", (0, 0, 1), 1, 0, rows)


@pytest.mark.parametrize(
    ("fates", "fate"),
    [
        ((D, D), D),
        ((D, X), X),
        ((X, D), X),
        ((E, D), D),
        ((F, D), D),
        ((F, E), F),
        ((E, E), E),
        ((D, None), None),
        ((X, None), None),
    ],
)
def test_an_event_ends_with_its_last_row(fates: tuple[Fate | None, ...], fate: Fate | None) -> None:
    ended = event(*fates)
    ended.judge()
    assert ended.fate == fate
    assert ended.reason == (str(fate) if fate else "")


def test_what_a_former_run_delivered_is_not_open() -> None:
    ended = event(None, None)
    ended.already({"0"})
    assert (ended.fate, [row.row["id"] for row in ended.open_rows]) == (None, ["1"])
    ended.already({"1"})
    assert ended.fate is D


def test_one_mappings_row_expires_and_the_others_go() -> None:
    emitter, user = Emitter(published(), 0, window=10), Resident(0, "u:1", b"", b"")
    said = Message("track", "m1", 1_000, 1_000, "web", user_id="1", event="Bought")
    made = emitter.event(said, position=1, user="u:1", body=b"", hops=0, now=1_500)
    assert made is not None
    emitter.admit(made)
    emitter.queue(user, made)
    identity = IterableIdentity(user_id="1")
    taken = emitter.take(10, 10_000, 2_001, lambda _: identity)
    assert [command.row["id"] for _, _, command in taken] == ["m1"]
    assert [row.fate for row in made.rows] == [None, E]
    assert emitter.expired() == []
