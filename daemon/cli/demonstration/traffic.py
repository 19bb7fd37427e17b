"""The demo's traffic as data: who signs up, buys, joins and leaves, from a seed.

Acts are played one after another, so a person's messages keep their order whatever door they come
through. Within an act nobody's state is spoken of twice.
"""

from collections.abc import Iterable
from random import Random
from typing import Any, Literal

import msgspec

FEWEST_PEOPLE = 100
AUDIENCE = "gold_members"
MAPPED_EVENTS = ("Pricing Viewed", "Order Completed")
OPT_OUT = "Unsubscribed"
NOBODY = "null"
"""A userId careless programs send: it names nobody, so the message is rejected."""

RETURNS = 4
PLANS = ("free", "basic", "pro")
_NAMES = ("Ann", "Bo", "Cem", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jun", "Kim", "Lea")
_CITIES = ("Berlin", "Lyon", "Oslo", "Porto", "Riga", "Turin")
_FIRST_COHORT = 100
_MEMBERS, _OPTED_OUT, _LEAVERS, _LATE = 12, 4, 4, 3
_STRANGERS = 5
_VISITORS_SHARE = 0.2
_BUYERS_SHARE = 0.3
_UPGRADES_SHARE = 0.1

Door = Literal["sdk", "webhook"]


class Say(msgspec.Struct, frozen=True):
    """One call of a program that knows Segment. `late`: it comes an hour after it happened."""

    type: Literal["identify", "track"]
    message_id: str
    user_id: str | None = None
    anonymous_id: str | None = None
    event: str | None = None
    traits: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}
    late: bool = False


class Act(msgspec.Struct, frozen=True):
    """What happens at one door before the next act begins; `times` it is sent in all."""

    title: str
    door: Door
    says: list[Say]
    times: int = 1


class Person(msgspec.Struct, frozen=True):
    """Somebody who signs up; `visitor` is the anonymousId they came with, if they looked first."""

    user_id: str
    email: str
    traits: dict[str, Any]
    visitor: str | None


class Cast(msgspec.Struct, frozen=True):
    """Who will be tampered with: each has a part in the story that careless people undo."""

    edited: Person
    deleted: Person
    dropped: Person
    resubscribed: Person


class Traffic(msgspec.Struct, frozen=True):
    """Everything that is said, in order, and by whom it is told later."""

    acts: list[Act]
    people: list[Person]
    cast: Cast

    def count(self, door: Door) -> int:
        """How many messages go through one door, repetitions included."""
        return sum(len(act.says) * act.times for act in self.acts if act.door == door)


def write_traffic(seed: int, users: int) -> Traffic:
    """The traffic of `users` people; equal seeds give equal traffic.

    Raises ValueError for fewer people than the story needs.
    """
    if users < FEWEST_PEOPLE:
        raise ValueError(f"the story needs at least {FEWEST_PEOPLE} people")
    return _Writer(Random(seed), users).write()  # noqa: S311 -- a story must be repeatable


class _Writer:
    """Writes one story."""

    def __init__(self, rng: Random, users: int) -> None:
        self._rng = rng
        self._people = [self._person(number) for number in range(users)]
        self._plans = {person.user_id: person.traits["plan"] for person in self._people}

    def write(self) -> Traffic:
        people = self._people
        first, rest = people[:_FIRST_COHORT], people[_FIRST_COHORT:]
        actors = self._rng.sample(first, _MEMBERS + _OPTED_OUT + _LATE + 1)
        members, others = actors[:_MEMBERS], actors[_MEMBERS:]
        opted_out, late, edited = others[:_OPTED_OUT], others[_OPTED_OUT:-1], others[-1]
        leavers = members[-_LEAVERS:]
        quiet = {person.user_id for person in actors}
        acts = [
            Act("the first visitors look around", "sdk", self._views(first)),
            Act("they sign up", "sdk", [self._identify(person) for person in first]),
            Act(
                "Engage names gold members, and Segment says it twice",
                "webhook",
                [self._membership(person, value=True) for person in members],
                times=2,
            ),
            Act("some opt out", "webhook", [self._opt_out(person) for person in opted_out]),
            Act("more visitors look around", "sdk", self._views(rest) + self._strangers()),
            Act("they sign up", "sdk", [self._identify(person) for person in rest]),
            Act("orders come in", "sdk", self._orders()),
            *self._returns(quiet),
            Act("gold members leave", "webhook", self._exits(leavers, members)),
            Act("old and broken messages arrive", "webhook", self._odd(late)),
        ]
        cast = Cast(
            edited=edited, deleted=members[0], dropped=members[1], resubscribed=opted_out[0]
        )
        return Traffic([act for act in acts if act.says], people, cast)

    def _person(self, number: int) -> Person:
        rng = self._rng
        user_id = f"user-{number:05}"
        name = rng.choice(_NAMES)
        email = f"{name.lower()}.{number}@example.com"
        traits = {
            "email": email,
            "firstName": name,
            "plan": rng.choice(PLANS),
            "city": rng.choice(_CITIES),
            "seats": rng.randint(1, 40),
            "newsletter": rng.random() < 0.5,  # noqa: PLR2004 -- a coin
            "createdAt": f"2026-{rng.randint(1, 10):02}-{rng.randint(1, 28):02}T09:30:00Z",
        }
        visitor = f"visitor-{number:05}" if rng.random() < _VISITORS_SHARE else None
        return Person(user_id, email, traits, visitor)

    def _id(self) -> str:
        return f"{self._rng.getrandbits(96):024x}"

    def _views(self, people: Iterable[Person]) -> list[Say]:
        return [self._view(person.visitor) for person in people if person.visitor]

    def _strangers(self) -> list[Say]:
        """People who look and never sign up, and a program that forgot who its user is."""
        says = [self._view(f"stranger-{number}") for number in range(_STRANGERS)]
        return [*says, self._track(NOBODY, "Order Completed", {"total": 1})]

    def _view(self, visitor: str) -> Say:
        return Say(
            "track",
            self._id(),
            anonymous_id=visitor,
            event="Pricing Viewed",
            properties={"page": self._rng.choice(PLANS)},
        )

    def _identify(self, person: Person) -> Say:
        traits = {**person.traits, "plan": self._plans[person.user_id]}
        return Say(
            "identify", self._id(), person.user_id, anonymous_id=person.visitor, traits=traits
        )

    def _track(self, user_id: str | None, event: str, properties: dict[str, Any]) -> Say:
        return Say("track", self._id(), user_id, event=event, properties=properties)

    def _opt_out(self, person: Person) -> Say:
        return self._track(person.user_id, OPT_OUT, {"channel": "email"})

    def _membership(self, person: Person, *, value: Any) -> Say:
        """As Engage tells it (segment.md §7)."""
        personas = {
            "computation_class": "audience",
            "computation_id": "aud_demo",
            "computation_key": AUDIENCE,
            "namespace": "spa_demo",
            "space_id": "spa_demo",
        }
        return Say(
            "identify",
            self._id(),
            person.user_id,
            traits={AUDIENCE: value},
            context={"personas": personas},
        )

    def _orders(self) -> list[Say]:
        rng = self._rng
        buyers = rng.sample(self._people, int(len(self._people) * _BUYERS_SHARE))
        return [
            self._track(
                buyer.user_id,
                "Order Completed",
                {"orderId": self._id()[:8], "total": rng.randint(5, 500), "currency": "EUR"},
            )
            for buyer in buyers
            for _ in range(rng.randint(1, 3))
        ]

    def _returns(self, quiet: set[str]) -> list[Act]:
        """Everybody comes back, several times; few have anything new to say."""
        acts = []
        for number in range(1, RETURNS + 1):
            if number == RETURNS // 2:
                self._upgrade(quiet)
            title = f"everybody comes back, visit {number}"
            acts.append(Act(title, "sdk", [self._identify(person) for person in self._people]))
        return acts

    def _upgrade(self, quiet: set[str]) -> None:
        for person in self._rng.sample(self._people, int(len(self._people) * _UPGRADES_SHARE)):
            if person.user_id not in quiet:
                current = self._plans[person.user_id]
                self._plans[person.user_id] = "basic" if current == "free" else "enterprise"

    def _exits(self, leavers: list[Person], members: list[Person]) -> list[Say]:
        """Some leave; of one more nobody can say whether they do."""
        says = [self._membership(person, value=False) for person in leavers]
        return [*says, self._membership(members[2], value="maybe")]

    def _odd(self, late: list[Person]) -> list[Say]:
        """What was true an hour ago, and a message that names nobody."""
        says = [
            msgspec.structs.replace(
                self._identify(person), traits={"email": person.email, "plan": "trial"}, late=True
            )
            for person in late
        ]
        return [*says, self._track(None, "Order Completed", {"total": 2})]
