"""Types of fields: locked by the first write of a name at its place (iterable.md §6.1 to §6.3).

A batch is checked whole before anything of it is applied: new names go into `fresh`, and only when
every row has passed are they locked. The common case, a known name holding its own type, costs one
look-up a field. Strings in date fields are rewritten to the form they are read back in.
"""

from typing import Any

from msgspec import Struct

from daemon.sandbox.answers import Refusal, refuse
from daemon.sandbox.dates import is_date, read_back

BY_CLASS: dict[type, str] = {str: "string", bool: "boolean", int: "long", float: "double"}
CLASSES = {name: kind for kind, name in BY_CLASS.items()}
LARGEST_LONG = 2**63
USER_FIELDS = {
    "email": "string",
    "userId": "string",
    "signupDate": "date",
    "signupSource": "string",
    "profileUpdatedAt": "date",
    "phoneNumber": "string",
    "emailListIds": "long",
    "userListIds": "long",
    "unsubscribedChannelIds": "long",
    "unsubscribedMessageTypeIds": "long",
    "subscribedMessageTypeIds": "long",
    "devices": "object",
    "devices.token": "string",
    "shoppingCartItems": "object",
    "itblInternal": "object",
    "itblInternal.emailDomain": "string",
    "itblInternal.documentCreatedAt": "date",
    "itblInternal.documentUpdatedAt": "date",
}


class Clash(Exception):
    """A value whose type is not the one its field was locked to."""

    def __init__(self, field: str, expected: str, incoming: list[str], value: Any) -> None:
        self.field, self.expected, self.incoming, self.value = field, expected, incoming, value
        super().__init__(field)


class BadValue(Exception):
    """A value no field can hold; it fails its own row only."""


class Schema(Struct, eq=False):
    """The locked types of one category: the user fields, or one event name's fields.

    `classes` repeats those types that a value's own class decides, for the common case.
    """

    category: str
    known: dict[str, str]
    classes: dict[str, type] = {}

    def __post_init__(self) -> None:
        self._classify(self.known)

    def lock(self, fresh: dict[str, str]) -> None:
        """Keep the types of new names."""
        self.known.update(fresh)
        self._classify(fresh)

    def _classify(self, names: dict[str, str]) -> None:
        self.classes.update({n: CLASSES[kind] for n, kind in names.items() if kind in CLASSES})


class Check:
    """Checks one request's rows against a schema; `lock` keeps what was new."""

    def __init__(self, schema: Schema, *, create: bool, limit: int, project_id: int) -> None:
        self.schema = schema
        self.fresh: dict[str, str] = {}
        self.filtered: set[str] = set()
        self._create = create
        self._limit = limit
        self._project_id = project_id

    def row(self, fields: dict[str, Any]) -> None:
        """Check one row's fields in place; raises Refusal on a clash, BadValue for this row."""
        classes = self.schema.classes
        odd = [name for name, value in fields.items() if classes.get(name) is not type(value)]
        if not odd:
            return
        try:
            for name in odd:
                self._odd(fields, name, fields[name])
        except Clash as clash:
            raise self._refusal(clash) from clash
        except RecursionError as error:
            raise BadValue("nested too deeply") from error

    def _odd(self, fields: dict[str, Any], name: str, value: Any) -> None:
        if value is None:
            return
        known = self.schema.known.get(name)
        if known == "date" and type(value) is str:
            fields[name] = self._date(name, value)
        elif known is None and not self._create and name not in self.fresh:
            self.filtered.add(name)
            del fields[name]
        elif type(value) is not list or not self._is_list_of(name, value):
            fields[name] = self._value(name, value)

    def _is_list_of(self, name: str, values: list[Any]) -> bool:
        return {self.schema.classes.get(name)}.issuperset(map(type, values))

    def _date(self, path: str, value: str) -> str:
        form = read_back(value)
        if form is None:
            raise Clash(path, "date", possible(path, value), value)
        return form

    def _value(self, path: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(path, v) for v in value if v is not None]
        expected = self.schema.known.get(path) or self.fresh.get(path)
        incoming = possible(path, value)
        if expected is None:
            expected = incoming[0]
            self.fresh[path] = expected
            self._bounded()
        elif not fits(expected, incoming, value):
            raise Clash(path, expected, incoming, value)
        if isinstance(value, dict):
            return value if expected == "geo_location" else self._parts(path, value)
        return self._date(path, value) if expected == "date" else value

    def _parts(self, path: str, parts: dict[str, Any]) -> dict[str, Any]:
        """An object's own fields, without those that are new where new ones are left out."""
        kept: dict[str, Any] = {}
        for name, value in parts.items():
            place = f"{path}.{name}"
            if value is None:
                kept[name] = None
            elif self._create or place in self.schema.known:
                kept[name] = self._value(place, value)
            else:
                self.filtered.add(place)
        return kept

    def _bounded(self) -> None:
        total = len(self.schema.known) + len(self.fresh)
        if total <= self._limit:
            return
        new = sorted(self.fresh)
        raise refuse(
            f"Project {self._project_id}: The request would increase the number of object fields "
            f"to {total} by adding [{', '.join(new)}], which exceeds the limit of {self._limit}",
            "UniqueFieldsLimitExceeded",
            {"limit": self._limit, "requestedTotal": total, "newFields": new},
        )

    def lock(self) -> list[str]:
        """Keep the new names' types; returns the names."""
        self.schema.lock(self.fresh)
        return sorted(self.fresh)

    def _refusal(self, clash: Clash) -> Refusal:
        kinds = ", ".join(clash.incoming)
        return refuse(
            f"Project {self._project_id}: The request does not have the same data types as the "
            f"data previously submitted. Field '{clash.field}' already exists for type "
            f"'{self.schema.category}' and has a data type of '{clash.expected}' but possible "
            f"types '{kinds}' in the request.",
            "RequestFieldsTypesMismatched",
            {
                "validationErrors": {
                    clash.field: {
                        "incomingTypes": clash.incoming,
                        "expectedType": clash.expected,
                        "_type": "UnexpectedType",
                        "offendingValue": clash.value,
                        "category": self.schema.category,
                    }
                }
            },
        )


def possible(path: str, value: Any) -> list[str]:
    """The types a value may be taken for, the likeliest first."""
    if isinstance(value, str):
        return ["date", "string", "keyword"] if is_date(value) else ["string", "keyword"]
    if isinstance(value, dict):
        geo = path.endswith("_geo_location") and {"lat", "lon"} <= value.keys()
        return ["geo_location"] if geo else ["object"]
    if type(value) is int and not -LARGEST_LONG <= value < LARGEST_LONG:
        raise BadValue(path)
    return [BY_CLASS[type(value)]]


def fits(expected: str, incoming: list[str], value: Any) -> bool:
    """Whether a value may stand in a field of this type; numbers meet halfway (UNCONFIRMED)."""
    if expected in incoming:
        return True
    if expected == "double":
        return incoming == ["long"]
    return expected == "long" and incoming == ["double"] and float(value).is_integer()


def holds_longer_text(value: Any, limit: int) -> bool:
    """Whether a string of more than `limit` characters is anywhere in a value."""
    if isinstance(value, str):
        return len(value) > limit
    if isinstance(value, dict):
        return any(holds_longer_text(v, limit) for v in value.values())
    return isinstance(value, list) and any(holds_longer_text(v, limit) for v in value)
