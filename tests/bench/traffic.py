"""What is sent: people Segment has told of before, their messages, and the mapping of all runs.

A message is about 730 bytes in the log, a person has 15 traits. People are numbered; identifiers
hold the number in ten digits, so that a request's number can name its user.
"""

import json
from collections.abc import Iterator
from random import Random
from typing import Any, Literal, TypeAlias

from daemon.domain.identity import ProjectType
from daemon.domain.messages import Message
from daemon.mapping.blocks import read
from daemon.mapping.catalog import Catalog
from tests.bench.generator import NUMBER, post
from tests.process.running import WRITE_KEY

Mix: TypeAlias = Literal["mixed", "track", "identify", "everyone"]
"""`mixed`: 70 % identify of which one in ten changes a trait, 30 % track. `identify`: all change
one. `everyone`: each person in turn changes one.
"""

EVENTS = ("Product Viewed", "Product Added", "Order Completed")
OPT_OUT = "Unsubscribed"
CATALOG = Catalog(lists={"Gold Members": 1002}, channels={"Marketing Email": 2001})
MAPPINGS: list[dict[str, Any]] = [
    {
        "name": "profiles",
        "subscribe": 'type = "identify"',
        "action": "update_user",
        "fields": {"*": "$.traits"},
    },
    {
        "name": "events",
        "subscribe": f"event in {json.dumps(list(EVENTS))}",
        "action": "track_event",
        "preset": "segment",
    },
    {
        "name": "opt-outs",
        "subscribe": f'event = "{OPT_OUT}"',
        "action": "update_subscriptions",
        "unsubscribe": {"channels": ["Marketing Email"]},
    },
]
PUBLISHED = read(MAPPINGS).publish(1, ProjectType.HYBRID, CATALOG)

_IDENTIFIES = 0.7
_CHANGES = 0.1
_CONTEXT = {
    "library": {"name": "analytics.js", "version": "next-1.81.0"},
    "page": {
        "path": "/products/a-jacket-for-all-weathers",
        "referrer": "https://www.example.com/products",
        "search": "?color=green&size=m",
        "title": "A jacket for all weathers",
        "url": "https://www.example.com/products/a-jacket-for-all-weathers",
    },
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "locale": "en-US",
    "ip": "192.0.2.17",
}


def user_id(number: int) -> str:
    return f"person-{number:010}"


def number_of(user: str) -> int:
    """Whose userId it is."""
    return int(user.removeprefix("person-"))


def email(number: int) -> str:
    return f"person-{number:010}@example.com"


def traits(number: int) -> dict[str, Any]:
    """What Segment said of a person before the run."""
    own = {f"field{i}": f"value {i} of {number}" for i in range(10)}
    return {
        **own,
        "email": email(number),
        "plan": "pro",
        "age": number % 90,
        "vip": number % 2 == 0,
        "signedUp": "2026-01-01T10:00:00.000Z",
    }


def messages(mix: Mix, count: int, people: int, now: int) -> Iterator[Message]:
    """As many messages of these people, in random order, received until `now`."""
    rng = Random(count)
    for place in range(count):
        number = place % people if mix == "everyone" else rng.randrange(people)
        at = now - count + place
        if mix == "track" or (mix == "mixed" and rng.random() >= _IDENTIFIES):
            yield _track(number, place, at)
        else:
            changes = mix != "mixed" or rng.random() < _CHANGES
            yield _identify(number, place, at, changes=changes)


def _identify(number: int, place: int, at: int, *, changes: bool) -> Message:
    """A person's traits once more; where it changes something, one of them is new."""
    said = traits(number) | ({"visits": place} if changes else {})
    return Message(
        type="identify",
        message_id=f"ajs-next-{place:032}",
        received_at=at,
        effective_at=at,
        source="web",
        user_id=user_id(number),
        email=email(number),
        traits=said,
        context={"library": _CONTEXT["library"], "ip": _CONTEXT["ip"]},
    )


def _track(number: int, place: int, at: int) -> Message:
    return Message(
        type="track",
        message_id=f"ajs-next-{place:032}",
        received_at=at,
        effective_at=at,
        source="web",
        user_id=user_id(number),
        event=EVENTS[place % len(EVENTS)],
        properties=_properties(),
        context=_CONTEXT,
    )


def _properties() -> dict[str, Any]:
    return {"product_id": "507f1f77bcf86cd799439011", "name": "A jacket", "price": 119.5}


def track_request() -> bytes:
    """A single track call, as a template of the generator's."""
    return _single("track", {"event": EVENTS[0], "properties": _properties()})


def identify_request() -> bytes:
    """A person says one new thing."""
    return _single("identify", {"traits": {"plan": "basic"}})


def opt_out_request() -> bytes:
    return _single("track", {"event": OPT_OUT, "properties": {"channel": "email"}})


def batch_request(size: int) -> bytes:
    """A batch of track calls."""
    call = {"event": EVENTS[0], "properties": _properties(), "context": _CONTEXT}
    members = [{"type": "track", **_who(f"{place:05}"), **call} for place in range(size)]
    return post("/v1/batch", _encoded({"writeKey": WRITE_KEY, "batch": members}))


def _single(kind: str, call: dict[str, Any]) -> bytes:
    body = {"writeKey": WRITE_KEY, **_who("single"), "context": _CONTEXT, **call}
    return post(f"/v1/{kind}", _encoded(body))


def _who(place: str) -> dict[str, str]:
    number = NUMBER.decode()
    return {"messageId": f"ajs-next-{number}-{place}", "userId": f"person-{number}"}


def _encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
