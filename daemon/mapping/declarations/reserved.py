"""Which profile fields are ours to write."""

from typing import Any

from daemon.domain.identity import IterableIdentity
from daemon.mapping.project import ITERABLES_OWN


def refusal(name: str) -> str | None:
    """Why `dataFields.name` can't be a target; None where it can.

    A dot would mean nesting, and an object is written whole (iterable.md §6.1, §6.4).
    """
    field = name.removeprefix("dataFields.")
    if field in ITERABLES_OWN:
        return "is Iterable's own, or says who it is"
    if "." in field:
        return "has a dot: write the object it is part of, as a whole"
    return None


def writable(data: dict[str, Any], identity: IterableIdentity) -> dict[str, Any]:
    """What of an object may be written to a profile.

    An e-mail address among the fields would change the user's identity, so it is the identity's
    or left out (iterable.md §5).
    """
    found = {name: value for name, value in data.items() if refusal(name) is None}
    if "email" in data and identity.email:
        found["email"] = identity.email
    return found
