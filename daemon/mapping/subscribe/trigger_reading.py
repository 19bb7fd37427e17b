"""Reads a trigger as Segment's own parser does, faults included (segment.md §12.2).

That parser takes tokens one by one: a field takes the next two for its operator and value, the
last `and` or `or` of a group joins all of it, and whatever fits nowhere is passed over. Where the
reference is silent the nearest recorded behaviour is assumed, and a note says so.
"""

from typing import Any, Final, NoReturn

import msgspec

from daemon.mapping.subscribe.errors import shown
from daemon.mapping.subscribe.tokens import MAX_BYTES
from daemon.mapping.subscribe.trigger_notes import Note, Notes
from daemon.mapping.subscribe.trigger_tokens import Token, tokenize
from daemon.mapping.subscribe.trigger_values import Judgement, judgement, pattern_of, text_of

FIELDS: Final = {
    "type": "event-type",
    "event": "event",
    "name": "name",
    "userId": "userId",
    "properties": "event-property",
    "traits": "event-trait",
    "context": "event-context",
}
OBJECTS: Final = ("properties", "traits", "context")
_FUNCTIONS = ("contains", "match")
_NESTED = frozenset(".[]'\"\\")


class Reading(msgspec.Struct, frozen=True):
    """`ast` as Segment's parser gives it, the places of its leaves in their order, and notes."""

    ast: dict[str, Any]
    places: tuple[int, ...]
    notes: tuple[Note, ...]


class _Refused(Exception):
    def __init__(self, at: int, why: str) -> None:
        self.at, self.why = at, why
        super().__init__(why)


def read_trigger(text: str) -> Reading:
    """Never raises: a trigger Segment refuses becomes `{"error": ...}`."""
    notes = Notes()
    places: list[int] = []
    try:
        ast = _Group(_tokens(text), notes, places).read()
    except _Refused as refused:
        ast = {"error": {"message": refused.why, "character": refused.at + 1}}
    return Reading(ast, tuple(places), notes.all())


def _tokens(text: str) -> list[Token]:
    if len(text) > MAX_BYTES:
        raise _Refused(MAX_BYTES, f"it is longer than {MAX_BYTES:,} characters")
    tokens = tokenize(text)
    if isinstance(tokens, int):
        raise _Refused(tokens, f"{shown(text[tokens])} begins nothing Segment's triggers know")
    return tokens


class _Group:
    """One level of a trigger: the whole of it, or what stands in parentheses."""

    def __init__(self, tokens: list[Token], notes: Notes, places: list[int]) -> None:
        self._tokens = tokens
        self._position = 0
        self._notes = notes
        self._places = places
        self._conditions: list[dict[str, Any]] = []
        self._joints: list[str] = []
        self._passing = False

    def read(self) -> dict[str, Any]:
        while (token := self._advance()) is not None and token.kind != "end":
            self._take(token)
        if not self._conditions:
            raise _Refused(self._tokens[0].at if self._tokens else 0, "there is no condition")
        if len(self._conditions) == 1 and self._conditions[0]["type"] == "group":
            return self._conditions[0]
        operator = self._joints[-1] if self._joints else "and"
        return {"type": "group", "operator": operator, "children": self._conditions}

    def _take(self, token: Token) -> None:
        if token.kind == "word" and token.text in _FUNCTIONS:
            self._function(token, negated=False)
        elif token.kind == "word" and token.text in FIELDS:
            self._condition(token)
        elif token.kind == "word":
            self._unknown(token)
        elif token.text == "!":
            self._exclamation(token)
        elif token.kind == "joint":
            self._join(token)
        elif token.text == "(":
            self._parentheses(token)
        else:
            self._pass_over(token)

    def _join(self, token: Token) -> None:
        self._passing = False
        if self._joints and token.text not in self._joints:
            self._notes.written(
                token.at, "Segment knows no precedence: the last `and` or `or` joins all its group"
            )
        self._joints.append(token.text)

    def _unknown(self, token: Token) -> None:
        """A word that is no field: an error where it is used as one, else passed over."""
        after = self._peek()
        compared = after is not None and after.kind == "operator" and after.text != "!"
        if compared or (after is not None and after.text in (".", "in")):
            if self._conditions or self._joints:
                self._notes.unrecorded(token.at, f"{shown(token.text)} stands among conditions")
            raise _Refused(token.at, f"{shown(token.text)} is none of {', '.join(FIELDS)}")
        if not self._passing:
            self._notes.written(token.at, f"Segment passes over {shown(token.text)}")

    def _exclamation(self, token: Token) -> None:
        after = self._peek()
        if after is not None and after.text in _FUNCTIONS:
            self._position += 1
            self._function(after, negated=True)
            return
        self._notes.written(token.at, "Segment passes over `!` except before contains and match")
        if after is None or after.text != "(":
            self._notes.unrecorded(token.at, "`!` stands before something else than parentheses")

    def _parentheses(self, opening: Token) -> None:
        inner: list[Token] = []
        open_functions = 0
        while (token := self._advance()) is not None and token.kind != "end":
            if token.text == ")" and not open_functions:
                self._conditions.append(_Group(inner, self._notes, self._places).read())
                return
            if token.text == "(" and (not inner or inner[-1].text not in _FUNCTIONS):
                raise _Refused(token.at, "parentheses stand in parentheses")
            if token.text == "(":
                self._notes.unrecorded(token.at, "a function stands in parentheses")
            open_functions += {"(": 1, ")": -1}.get(token.text, 0)
            inner.append(token)
        raise _Refused(opening.at, "the `(` is not closed")

    def _condition(self, field: Token) -> None:
        name = self._name(field)
        sign, value = self._advance(), self._advance()
        if sign is None or value is None:
            raise _Refused(field.at, f"no value follows {shown(field.text)}")
        noted = len(self._notes)
        found = judgement(field.text, sign, value, self._notes)
        self._passing = len(self._notes) > noted
        if sign.text == "in":
            self._pass_over_list()
        self._add(field, name, found)

    def _function(self, function: Token, *, negated: bool) -> None:
        """`contains(field, value)`; anything missing in it is an error."""
        self._expect("(", function)
        field = self._advance()
        if field is None or field.text not in FIELDS:
            raise _Refused(function.at, f"{function.text} takes one of {', '.join(FIELDS)}")
        name = self._name(field)
        self._expect(",", function)
        value = self._advance()
        if value is None or value.kind in ("end", "mark"):
            self._malformed(function)
        self._expect(")", function)
        self._passing = False
        if value.kind != "text":
            self._notes.unrecorded(value.at, f"{shown(value.text)} is no text in quotes")
        if function.text == "match":
            found = pattern_of(value, self._notes)
        else:
            found = Judgement("contains", text_of(value, self._notes))
        operator = f"not_{found.operator}" if negated else found.operator
        self._add(field, name, Judgement(operator, found.value))

    def _name(self, field: Token) -> str | None:
        """The path below an object, its escapes taken off; None for the other fields."""
        names: list[str] = []
        while self._names_follow():
            self._position += 1
            names.append(self._tokens[self._position].text)
            self._position += 1
        if (field.text in OBJECTS) is not bool(names):
            self._notes.unrecorded(field.at, f"{field.text} stands with no or needless names")
            raise _Refused(field.at, f"{shown(field.text)} can't be compared like that")
        plain = ["".join(self._unescaped(name, field.at)) for name in names]
        return ".".join(plain) if names else None

    def _names_follow(self) -> bool:
        ahead = self._tokens[self._position : self._position + 2]
        return (
            len(ahead) > 1
            and ahead[0].text == "."
            and ahead[1].kind == "word"
            and ahead[1].text != "null"
        )

    def _unescaped(self, name: str, at: int) -> list[str]:
        plain: list[str] = []
        escaped = False
        for character in name:
            if character == "\\" and not escaped:
                escaped = True
                continue
            if escaped and character in _NESTED:
                self._notes.written(
                    at, f"Segment's paths break at {shown(character)}, escaped or not"
                )
            plain.append(character)
            escaped = False
        return plain

    def _add(self, field: Token, name: str | None, found: Judgement) -> None:
        leaf: dict[str, Any] = {"type": FIELDS[field.text]}
        if name is not None:
            leaf["name"] = name
        leaf["operator"] = found.operator
        if found.value is not msgspec.UNSET:
            leaf["value"] = found.value
        self._conditions.append(leaf)
        self._places.append(field.at)

    def _pass_over(self, token: Token) -> None:
        if not self._passing:
            self._notes.unrecorded(token.at, f"{shown(token.text)} stands where nothing takes it")
        self._passing = True

    def _pass_over_list(self) -> None:
        while (token := self._peek()) is not None and token.kind not in ("end", "joint"):
            self._position += 1
            if token.text == "]":
                return

    def _expect(self, mark: str, function: Token) -> None:
        token = self._advance()
        if token is None or token.text != mark:
            self._malformed(function)

    def _malformed(self, function: Token) -> NoReturn:
        self._notes.unrecorded(function.at, f"{function.text} is not written out")
        raise _Refused(function.at, f'{function.text} is written {function.text}(field, "text")')

    def _peek(self) -> Token | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _advance(self) -> Token | None:
        token = self._peek()
        self._position += 1
        return token
