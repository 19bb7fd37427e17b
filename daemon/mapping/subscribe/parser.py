"""From text to a tree, by precedence: `!`, then comparisons, then `and`, then `or`.

Nothing is guessed: what isn't understood, can't ever hold, or is another language's is refused
with its place and what to write instead.
"""

from collections.abc import Callable, Iterable
from itertools import count
from typing import Final

from daemon.mapping.subscribe.checks import (
    check_argument,
    check_condition,
    check_equal,
    check_negation,
    check_order,
    check_reads_something,
    check_value,
    close,
)
from daemon.mapping.subscribe.cursor import Cursor
from daemon.mapping.subscribe.errors import SubscribeError, shown
from daemon.mapping.subscribe.foreign import meant
from daemon.mapping.subscribe.functions import FUNCTIONS, PATTERN
from daemon.mapping.subscribe.literals import (
    CONSTANT_WORDS,
    names_of,
    number_of,
    pattern_of,
    text_of,
)
from daemon.mapping.subscribe.roots import Root
from daemon.mapping.subscribe.syntax import (
    Call,
    Comparison,
    Conjunction,
    Constant,
    Disjunction,
    Membership,
    Negation,
    Node,
    Path,
    Scalar,
    is_condition,
)
from daemon.mapping.subscribe.tokens import Token

MAX_LIST: Final = 1_000

_EQUALITIES = ("=", "!=")
_ORDERS = ("<", "<=", ">", ">=")
_OPERATORS = "`=`, `!=`, `<`, `<=`, `>`, `>=` or `in`"
_VALUES = "text in quotes, a number, true, false or null"


def read(text: str, roots: Iterable[Root]) -> Node:
    """The condition that a subscribe string says. Raises SubscribeError."""
    return _Parser(text, {root.name: root for root in roots}).whole()


class _Parser(Cursor):
    def __init__(self, text: str, roots: dict[str, Root]) -> None:
        super().__init__(text)
        self._roots = roots

    def whole(self) -> Node:
        at = self._token.at
        condition = self._disjunction()
        if self._token.kind != "end":
            raise self._unexpected("`and` or `or`")
        check_condition(condition, at)
        return condition

    def _disjunction(self) -> Node:
        return _flat(self._joined("or", self._conjunction), Disjunction)

    def _conjunction(self) -> Node:
        return _flat(self._joined("and", self._comparison), Conjunction)

    def _joined(self, word: str, part: Callable[[], Node]) -> list[Node]:
        at = self._token.at
        found = [part()]
        while self._token.kind == "word" and self._token.text == word:
            check_condition(found[-1], at)
            self._advance()
            at = self._token.at
            found.append(part())
        if len(found) > 1:
            check_condition(found[-1], at)
        return found

    def _comparison(self) -> Node:
        at = self._token.at
        left = self._unary()
        sign = self._token.text
        if self._token.kind == "word" and sign == "in":
            self._advance()
            return self._membership(left, at)
        if self._token.kind != "sign" or sign not in (*_EQUALITIES, *_ORDERS):
            self._expect_no_operator(left)
            return left
        operator = self._advance()
        right_at = self._token.at
        right = self._right_side()
        found = Comparison(sign, left, right)
        check_reads_something(found, at)
        if sign in _ORDERS:
            check_order(sign, left, at)
            check_order(sign, right, right_at)
        else:
            check_equal(left, right, at if isinstance(left, Constant) else right_at)
        self._expect_no_second(operator)
        return found

    def _expect_no_operator(self, left: Node) -> None:
        """After a mere value only the end of a group or argument, or a joining word, may follow."""
        token = self._token
        joined = token.kind == "word" and token.text in ("and", "or")
        closes = token.kind == "end" or (token.kind == "sign" and token.text in (")", ","))
        closed = closes and self._depth > 0
        if joined or closed or is_condition(left):
            return
        if token.text == "[":
            raise self._wrong(
                "an element of a list is named by its number, as in properties.list.0"
            )
        raise self._unexpected(_OPERATORS)

    def _expect_no_second(self, operator: Token) -> None:
        token = self._token
        if (token.kind, token.text) == ("word", "in") or token.text in (*_EQUALITIES, *_ORDERS):
            first, second = shown(operator.text), shown(token.text)
            raise self._wrong(f"{second} can't follow {first}; join two comparisons with `and`")

    def _right_side(self) -> Node:
        """A value, with a better word for texts that were not quoted."""
        token = self._token
        if token.kind in ("sign", "end") and token.text not in ("(", "!"):
            raise self._unexpected(f"{_VALUES}, or a path such as traits.plan")
        if token.kind == "word" and token.text not in CONSTANT_WORDS and self._after != "(":
            root, *names = self._names(token)
            if root not in self._roots and not names:
                hint = meant(token.text) or f'; text stands in quotes, as in "{token.text}"'
                raise self._wrong(f"expected {_VALUES}, found {shown(token.text)}{hint}")
        return self._unary()

    def _membership(self, value: Node, at: int) -> Node:
        if self._token.text != "[":
            raise self._unexpected('a list such as ["a", "b"]')
        self._advance()
        among: list[Scalar] = []
        while True:
            item_at = self._token.at
            among.append(self._item())
            check_value(value, among[-1], item_at)
            if len(among) > MAX_LIST:
                raise SubscribeError(item_at + 1, f"a list holds at most {MAX_LIST:,} values")
            if self._token.text not in (",", "]"):
                raise self._unexpected("`,` or `]`")
            if self._advance().text == "]":
                break
        found = Membership(value, tuple(among))
        check_reads_something(found, at)
        return found

    def _item(self) -> Scalar:
        token = self._token
        literal = self._literal(token)
        if literal is None:
            raise self._unexpected(_VALUES)
        self._advance()
        return literal.value

    def _unary(self) -> Node:
        if self._token.text != "!" or self._token.kind != "sign":
            return self._primary()
        with self._deeper(self._advance()):
            at = self._token.at
            inner = self._unary()
        check_negation(inner, at)
        return Negation(inner)

    def _primary(self) -> Node:
        token = self._token
        if token.kind == "sign" and token.text == "(":
            return self._group()
        literal = self._literal(token)
        if literal is not None:
            self._advance()
            return literal
        if token.kind != "word" or token.text in ("and", "or", "in"):
            raise self._unexpected("a path such as type or traits.plan")
        self._advance()
        if self._token.text == "(" and self._token.kind == "sign":
            return self._call(token)
        return self._path(token)

    def _group(self) -> Node:
        opening = self._advance()
        with self._deeper(opening):
            inner = self._disjunction()
            self._close(opening)
        return inner

    def _literal(self, token: Token) -> Constant | None:
        if token.kind == "text":
            return Constant(text_of(token))
        if token.kind == "number":
            return Constant(number_of(token))
        if token.kind == "word" and token.text in CONSTANT_WORDS:
            return Constant(CONSTANT_WORDS[token.text])
        return None

    def _call(self, name: Token) -> Node:
        function = FUNCTIONS.get(name.text)
        if function is None:
            hint = meant(name.text) or close(name.text, list(FUNCTIONS))
            known = ", ".join(FUNCTIONS)
            raise SubscribeError(
                name.at + 1, f"there is no function {shown(name.text)}; use one of {known}{hint}"
            )
        opening = self._advance()
        arguments: list[Node] = []
        with self._deeper(opening):
            for number in count():
                if number == len(function.takes) or self._token.text == ")":
                    raise self._miscounted(name, number)
                arguments.append(self._argument(name.text, number))
                if self._token.text != ",":
                    break
                self._advance()
            self._close(opening)
        if len(arguments) < len(function.takes):
            raise self._miscounted(name, len(arguments))
        return Call(name.text, tuple(arguments), function.gives)

    def _argument(self, function: str, number: int) -> Node:
        token = self._token
        if FUNCTIONS[function].takes[number] == PATTERN and token.kind == "text":
            self._advance()
            return pattern_of(token)
        argument = self._disjunction()
        check_argument(function, number, argument, token.at)
        return argument

    def _path(self, token: Token) -> Path:
        root, *names = self._names(token)
        if root not in self._roots:
            known = ", ".join(self._roots)
            hint = meant(token.text) or close(root, list(self._roots))
            why = f"{shown(token.text)} is no part of a message; use one of {known}{hint}"
            raise SubscribeError(token.at + 1, why)
        found = self._roots[root].path(tuple(names))
        if "" in names:
            why = f"{shown(token.text)} is no part of a message: a name is missing beside a dot"
            raise SubscribeError(token.at + 1, why)
        if names and "object" not in self._roots[root].kinds:
            why = f"{shown(token.text)} is no part of a message: {root} is text, without parts"
            raise SubscribeError(token.at + 1, why)
        return found

    def _names(self, token: Token) -> list[str]:
        return names_of(token.text.removeprefix("$."))

    def _miscounted(self, name: Token, number: int) -> SubscribeError:
        function = FUNCTIONS[name.text]
        takes, found = len(function.takes), "more" if number == len(function.takes) else number
        arguments = "argument" if takes == 1 else "arguments"
        why = f"{function.signature} takes {takes} {arguments}, found {found}"
        return SubscribeError(name.at + 1, why)


def _flat(conditions: list[Node], joined: type[Conjunction | Disjunction]) -> Node:
    """One condition by itself, several joined, none of them joined in the same way."""
    if len(conditions) == 1:
        return conditions[0]
    each = (one.conditions if isinstance(one, joined) else (one,) for one in conditions)
    return joined(tuple(one for some in each for one in some))
