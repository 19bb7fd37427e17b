"""Every way to be refused: the place, and the whole sentence with what would be right."""

import pytest

from daemon.mapping.subscribe import SubscribeError, parse
from daemon.mapping.subscribe.foreign import here

ROOTS = (
    "type, event, name, category, userId, anonymousId, groupId, messageId,"
    " traits, properties, context"
)
FUNCTIONS = (
    "contains, match, length, lowercase, uppercase, snakecase, kebabcase, titlecase,"
    " typeof, bool, string, number"
)
TYPES = "alias, delete, group, identify, page, screen, track"
OPERATORS = "`=`, `!=`, `<`, `<=`, `>`, `>=` or `in`"
VALUES = "text in quotes, a number, true, false or null"
PATH = "a path such as type or traits.plan"

REFUSED = [
    # ends and closings
    ("", 1, f"it ends too early; expected {PATH}"),
    ("   ", 4, f"it ends too early; expected {PATH}"),
    ("event", 6, f"it ends too early; expected {OPERATORS}"),
    ("event =", 8, f"it ends too early; expected {VALUES}, or a path such as traits.plan"),
    ("event in", 9, 'it ends too early; expected a list such as ["a", "b"]'),
    ("event in [", 11, f"it ends too early; expected {VALUES}"),
    ('event in ["A"', 14, "it ends too early; expected `,` or `]`"),
    ('event = "A" or', 15, f"it ends too early; expected {PATH}"),
    ("!", 2, f"it ends too early; expected {PATH}"),
    ('(event = "A"', 13, "the `(` at character 1 is not closed"),
    ('type = "track" and (event = "A"', 32, "the `(` at character 20 is not closed"),
    ('contains(event, "A"', 20, "the `(` at character 9 is not closed"),
    ('event = "A")', 12, "expected `and` or `or`, found `)`"),
    ('event = "A', 9, 'the text that begins with " is not closed'),
    ("event = 'A", 9, "the text that begins with ' is not closed"),
    ('event in ["A", "B]', 16, 'the text that begins with " is not closed'),
    (r'event = "A\"', 9, 'the text that begins with " is not closed'),
    # other languages' words and signs
    ('event == "A"', 7, f"expected {OPERATORS}, found `==`; write `=`"),
    ('event === "A"', 7, f"expected {OPERATORS}, found `===`; write `=`"),
    ('event <> "A"', 7, f"expected {OPERATORS}, found `<>`; write `!=`"),
    ("traits.n => 3", 10, f"expected {OPERATORS}, found `=>`; write `>=`"),
    ("event is null", 7, f"expected {OPERATORS}, found `is`; write `=`"),
    ("userId exists", 8, f"expected {OPERATORS}, found `exists`; write `… != null`"),
    ('event IN ["A"]', 7, f"expected {OPERATORS}, found `IN`; write `in`"),
    ('event not in ["A"]', 7, f"expected {OPERATORS}, found `not`; write `!(…)`"),
    ('event =~ "A"', 7, f'expected {OPERATORS}, found `=~`; write `match(…, "A*")`'),
    ('event = "A" && type = "track"', 13, "expected `and` or `or`, found `&&`; write `and`"),
    ('event = "A" || type = "track"', 13, "expected `and` or `or`, found `||`; write `or`"),
    ('event = "A" OR event = "B"', 13, "expected `and` or `or`, found `OR`; write `or`"),
    ('event = "A" event = "B"', 13, "expected `and` or `or`, found `event`"),
    ("traits.ok = True", 13, f"expected {VALUES}, found `True`; write `true`"),
    ("traits.ok = None", 13, f"expected {VALUES}, found `None`; write `null`"),
    ('not event = "A"', 1, f"`not` is no part of a message; use one of {ROOTS}; write `!(…)`"),
    (
        'not (event = "A")',
        1,
        f"there is no function `not`; use one of {FUNCTIONS}; write `!(…)`",
    ),
    ("event = A", 9, f'expected {VALUES}, found `A`; text stands in quotes, as in "A"'),
    ("event = “A”", 9, '`“` is not understood; text stands in straight quotes, as in "a"'),
    ("event = #", 9, "`#` is not understood"),
    ("event = \ud800", 9, r"`\ud800` is not understood"),
    ("$ = 1", 1, "`$` is not understood"),
    # paths
    ('plan = "pro"', 1, f"`plan` is no part of a message; use one of {ROOTS}"),
    ('person.plan = "pro"', 1, f"`person.plan` is no part of a message; use one of {ROOTS}"),
    (
        "proprties.x = 1",
        1,
        f"`proprties.x` is no part of a message; use one of {ROOTS}; did you mean properties?",
    ),
    (
        "traits.x = trait.y",
        12,
        f"`trait.y` is no part of a message; use one of {ROOTS}; did you mean traits?",
    ),
    ('event.name = "A"', 1, "`event.name` is no part of a message: event is text, without parts"),
    ('traits..x = "A"', 1, "`traits..x` is no part of a message: a name is missing beside a dot"),
    ('traits. = "A"', 1, "`traits.` is no part of a message: a name is missing beside a dot"),
    ("traits.a$b = 1", 9, r"in a path `$` is written `\$`"),
    ("traits.größe = 1", 10, r"in a path `ö` is written `\ö`"),
    ("traits.a\\", 9, r"`\` stands at the end and escapes nothing"),
    (
        "properties.list[0].x = 1",
        16,
        "an element of a list is named by its number, as in properties.list.0",
    ),
    # what is no condition
    (
        "event and traits.x = 1",
        1,
        "`event` alone is no condition; compare it, as in `event != null`",
    ),
    ("traits.x = 1 or true and event", 31, f"it ends too early; expected {OPERATORS}"),
    ("(event) or true", 1, "`event` alone is no condition; compare it, as in `event != null`"),
    ("(event)", 8, f"it ends too early; expected {OPERATORS}"),
    ("(event", 7, "the `(` at character 1 is not closed"),
    ("(5) and true", 1, "`5` alone is no condition; compare it"),
    ("(lowercase(event)) and true", 1, "`lowercase(event)` alone is no condition; compare it"),
    ("(null) or true", 1, "`null` alone is no condition; compare it"),
    (
        '!event = "A"',
        2,
        "`!` stands before a condition, and `event` is none; write `event != …` or `!(event = …)`",
    ),
    ('event = "A" = "B"', 13, "`=` can't follow `=`; join two comparisons with `and`"),
    ("1 < traits.n < 3", 14, "`<` can't follow `<`; join two comparisons with `and`"),
    ("traits.n > 1 in [true]", 14, "`in` can't follow `>`; join two comparisons with `and`"),
    ("1 = 1", 1, "`1 = 1` is the same for every message; name a part, such as event"),
    ('"a" in ["a"]', 1, '`"a" in ["a"]` is the same for every message; name a part, such as event'),
    (
        'contains("ab", "a")',
        1,
        '`contains("ab", "a")` is the same for every message; name a part, such as event',
    ),
    # values something never has
    ('type = "trak"', 8, f"type is one of {TYPES}"),
    ("type = true", 8, f"type is one of {TYPES}"),
    ("type != null", 9, f"type is one of {TYPES}"),
    ('type in ["track", "Identify"]', 19, f"type is one of {TYPES}"),
    ("event = 5", 9, '`event` is text, never `5`; write `"5"`'),
    ("userId in [true]", 12, '`userId` is text, never `true`; write `"true"`'),
    ("messageId = null", 13, "`messageId` is text, never `null`"),
    ("traits = null", 10, "`traits` is an object, never `null`"),
    ('properties = "x"', 14, '`properties` is an object, never `"x"`'),
    ('length(event) = "3"', 17, '`length(event)` gives a number, never `"3"`; write `3`'),
    ('length(event) = "x"', 17, '`length(event)` gives a number, never `"x"`'),
    (
        'bool(traits.x) = "true"',
        18,
        '`bool(traits.x)` gives true or false, never `"true"`; write `true`',
    ),
    ("(event = 'A') = null", 17, '`event = "A"` is true or false, never `null`'),
    ('lowercase(event) = "Abc"', 20, '`lowercase(event)` is never `"Abc"`; write `"abc"`'),
    ('"Abc" != lowercase(event)', 1, '`lowercase(event)` is never `"Abc"`; write `"abc"`'),
    (
        'snakecase(event) in ["a_b", "a-b"]',
        29,
        '`snakecase(event)` is never `"a-b"`; write `"a_b"`',
    ),
    (
        'typeof(traits.x) = "strin"',
        20,
        "typeof gives one of bool, list, null, number, object, string; did you mean string?",
    ),
    ("typeof(traits.x) = null", 20, "`typeof(traits.x)` gives text, never `null`"),
    (
        "event = length(traits.x)",
        9,
        "`event` is text and `length(traits.x)` gives a number: they are never equal",
    ),
    # numbers
    ("event > 3", 1, "`>` compares numbers, and `event` is text; write `number(event)`"),
    ('traits.n <= "10"', 13, '`<=` compares numbers, not `"10"`; write `10`'),
    ('traits.n < "a"', 12, '`<` compares numbers, not `"a"`'),
    ("traits.n < null", 12, "`<` compares numbers, not `null`"),
    ("traits < 3", 1, "`<` compares numbers, and `traits` is an object"),
    (
        "3 < lowercase(event)",
        5,
        "`<` compares numbers, and `lowercase(event)` gives text; write `number(lowercase(event))`",
    ),
    ("traits.n = 1a", 13, "`a` can't follow a number"),
    ("traits.n = 1.", 13, "`.` can't follow a number"),
    ("traits.n = " + "1" * 41, 12, "a number has at most 40 characters, as in 1000 or -1.5"),
    ("traits.n = 1e400", 12, "`1e400` is larger than any number"),
    # lists
    ('event in "A"', 10, 'expected a list such as ["a", "b"], found `"A"`'),
    ("event in traits.list", 10, 'expected a list such as ["a", "b"], found `traits.list`'),
    ("event in []", 11, f"expected {VALUES}, found `]`"),
    ('event in ["A",]', 15, f"expected {VALUES}, found `]`"),
    ('event in ["A" "B"]', 15, 'expected `,` or `]`, found `"B"`'),
    ("event in [traits.x]", 11, f"expected {VALUES}, found `traits.x`"),
    ('event = ["A"]', 9, f"expected {VALUES}, or a path such as traits.plan, found `[`"),
    # functions
    (
        'contain(event, "A")',
        1,
        f"there is no function `contain`; use one of {FUNCTIONS}; did you mean contains?",
    ),
    (
        "exists(event)",
        1,
        f"there is no function `exists`; use one of {FUNCTIONS}; write `… != null`",
    ),
    ("contains(event)", 1, "contains(text, part) takes 2 arguments, found 1"),
    ("contains()", 1, "contains(text, part) takes 2 arguments, found 0"),
    ('contains(event, "A", "B")', 1, "contains(text, part) takes 2 arguments, found more"),
    ("length(event, event) = 1", 1, "length(value) takes 1 argument, found more"),
    ("contains(event, 5)", 17, "contains takes text as its second argument, not `5`"),
    ("contains(traits, 'a')", 10, "contains takes text, and `traits` is an object"),
    (
        "contains(event, length(name))",
        17,
        "contains takes text as its second argument, and `length(name)` gives a number",
    ),
    ("length(5) = traits.x", 8, "length takes text or a list, not `5`"),
    ("lowercase(null) = event", 11, "lowercase takes text, not `null`"),
    (
        'lowercase(event = "A") = name',
        11,
        'lowercase takes text, and `event = "A"` is true or false',
    ),
    (
        "match(event, name)",
        14,
        'the pattern of match is text in quotes, as in match(event, "A*")',
    ),
    ('contains(event; "A")', 15, "in a path `;` is written `\\;`"),
    ('contains(event "A")', 16, f'expected {OPERATORS}, found `"A"`'),
    ('contains(event, "A" "B")', 21, f'expected {OPERATORS}, found `"B"`'),
    ('(event = "A", name = "B")', 13, "expected `)`, `and` or `or`, found `,`"),
    # patterns
    ('match(event, "a[b")', 16, "the set that begins with `[` is not closed"),
    ('match(event, "[]")', 15, r"the set `[]` holds nothing; for the characters write `\[]`"),
    ('match(event, "[z-a]")', 18, "the range z-a runs backwards"),
    ('match(event, "[^a]")', 16, r"`^` doesn't exclude here; for itself write `\^`"),
    ('match(event, "a[!b]")', 17, r"`!` doesn't exclude here; for itself write `\!`"),
    ('match(event, "' + "a" * 1001 + '")', 1015, "a pattern is at most 1,000 characters long"),
    # text
    (r'event = "a\nb"', 11, r"`\n` means nothing in text; for the two characters write `\\n`"),
    (
        r"event in ['a', 'b\q']",
        18,
        r"`\q` means nothing in text; for the two characters write `\\q`",
    ),
]


@pytest.mark.parametrize(("text", "character", "sentence"), REFUSED)
def test_what_is_wrong_is_refused_with_its_place_and_what_is_right(
    text: str, character: int, sentence: str
) -> None:
    with pytest.raises(SubscribeError) as caught:
        parse(text)
    assert str(caught.value) == f"at character {character}: {sentence}"
    assert caught.value.character == character


def test_a_long_or_unprintable_piece_is_shown_short_and_on_one_line() -> None:
    with pytest.raises(SubscribeError) as caught:
        parse(f'event = "a" "{"x" * 100}"')
    assert str(caught.value) == f'at character 13: expected `and` or `or`, found `"{"x" * 58}…`'
    with pytest.raises(SubscribeError) as caught:
        parse('event = "a" "\n\ud800"')
    assert str(caught.value) == r'at character 13: expected `and` or `or`, found `"\n\ud800"`'


@pytest.mark.parametrize("word", ["and", "=", "type", "traits.x", "contains("])
def test_what_is_right_already_is_not_explained(word: str) -> None:
    assert here(word) is None
