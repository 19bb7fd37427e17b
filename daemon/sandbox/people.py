"""The project's users: true state in indexes, and the older versions that reads still show.

A user's custom fields are kept as one piece of JSON, so a version is immutable, a lagging read is a
look at an older reference, an export splices bytes, and a million users stay small and outside the
garbage collector. Reads ask for the last version whose `visible_at` has passed.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from daemon.sandbox.event_log import Place

decode_fields = msgspec.json.Decoder(dict[str, Any]).decode
encode_fields = msgspec.json.Encoder().encode


class Choices(Struct, frozen=True, gc=False):
    """The four subscription arrays; absent until the first such operation (iterable.md §6.5)."""

    lists: tuple[int, ...] = ()
    off_channels: tuple[int, ...] = ()
    off_types: tuple[int, ...] = ()
    on_types: tuple[int, ...] = ()


class Version(Struct, frozen=True, gc=False, eq=False):
    """One state of a user; `data` is the JSON of the custom fields. A dead one is a deletion."""

    email: str | None
    user_id: str | None
    data: bytes
    choices: Choices | None
    created_at: int
    updated_at: int
    visible_at: int
    alive: bool = True


class User(Struct, gc=False, eq=False):
    """A user: the true version, and older ones while a read may still show them."""

    true: Version
    older: tuple[Version, ...] = ()
    last_event: Place | None = None

    def seen(self, at: int) -> Version | None:
        """What a read at `at` shows, or None."""
        version = self.true
        if version.visible_at <= at:
            return version if version.alive else None
        for version in reversed(self.older):
            if version.visible_at <= at:
                return version if version.alive else None
        return None


class Index:
    """From an identifier to its users, in order of arrival; nearly always one."""

    def __init__(self) -> None:
        self._one: dict[str, User] = {}
        self._more: dict[str, list[User]] = {}
        self.get = self._one.get

    def all(self, key: str) -> list[User]:
        """Every user holding the identifier."""
        first = self._one.get(key)
        return [] if first is None else [first, *self._more.get(key, ())]

    def add(self, key: str, user: User) -> None:
        """Let the identifier lead to this user too."""
        if self._one.setdefault(key, user) is not user:
            self._more.setdefault(key, []).append(user)

    def drop(self, key: str, user: User) -> None:
        """Let the identifier lead to this user no longer."""
        left = [u for u in self.all(key) if u is not user]
        self._one.pop(key, None)
        self._more.pop(key, None)
        for u in left:
            self.add(key, u)


class People:
    """All users, found by either identifier, as they truly are or as a read shows them."""

    def __init__(self) -> None:
        self.by_email = Index()
        self.by_user_id = Index()
        self.longest_export_lag = 0
        self.alive = 0
        self._all: dict[User, None] = {}
        self._former: dict[tuple[str, str], list[User]] = {}

    def create(self, version: Version) -> User:
        """A user nobody knew."""
        user = User(version)
        self.alive += 1
        self._find_by(user, version)
        return user

    def put(self, user: User, version: Version, now: int) -> None:
        """Make `version` the true one; identifiers it lost stay readable until it shows."""
        before = user.true
        settled = now - self.longest_export_lag
        if version.visible_at <= settled:
            user.older = ()
        elif before.visible_at <= settled:
            user.older = (before,)
        else:
            user.older = (*user.older, before)
        user.true = version
        if (
            before.email != version.email
            or before.user_id != version.user_id
            or not (before.alive and version.alive)
        ):
            self.alive += version.alive - before.alive
            self._forget_keys(user, before)
            self._find_by(user, version)

    def _find_by(self, user: User, version: Version) -> None:
        if not version.alive:
            return
        self._all[user] = None
        if version.email is not None:
            self.by_email.add(version.email, user)
        if version.user_id is not None:
            self.by_user_id.add(version.user_id, user)

    def _forget_keys(self, user: User, before: Version) -> None:
        if before.email is not None:
            self.by_email.drop(before.email, user)
            self._former.setdefault(("email", before.email), []).append(user)
        if before.user_id is not None:
            self.by_user_id.drop(before.user_id, user)
            self._former.setdefault(("userId", before.user_id), []).append(user)

    def _candidates(self, kind: str, key: str) -> Iterator[User]:
        index = self.by_email if kind == "email" else self.by_user_id
        yield from index.all(key)
        yield from self._former.get((kind, key), ())

    def seen_by_email(self, email: str, at: int) -> tuple[User, Version] | None:
        """The user and version a read by e-mail shows at `at`."""
        for user in self._candidates("email", email):
            version = user.seen(at)
            if version is not None and version.email == email:
                return user, version
        return None

    def seen_by_user_id(self, user_id: str, at: int) -> tuple[User, Version] | None:
        """The user and version a read by userId shows at `at`."""
        for user in self._candidates("userId", user_id):
            version = user.seen(at)
            if version is not None and version.user_id == user_id:
                return user, version
        return None

    def snapshot(self, at: int) -> list[Version]:
        """Every user as a read shows it at `at`; users long deleted are let go."""
        shown = [v for u in self._all if (v := u.seen(at)) is not None]
        horizon = at - self.longest_export_lag
        gone = [u for u in self._all if not u.true.alive and u.true.visible_at <= horizon]
        for user in gone:
            del self._all[user]
        return shown

    def living(self) -> Iterator[User]:
        """Every user that truly exists."""
        return (u for u in self._all if u.true.alive)
