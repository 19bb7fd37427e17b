"""How much a mapping may be, and how much it may make of one message.

Mappings are written by people and messages by anybody: none of the two may cost a lane more than
moments. What is over a bound is refused, or fails with a reason; nothing is cut.
"""

from typing import Final

MAPPING_DEPTH: Final = 50
"""Levels of objects, lists and directives in one mapping."""
MAPPING_PARTS: Final = 5_000
"""Values of any kind in one mapping."""
TEMPLATE_LENGTH: Final = 10_000
"""Characters of one `@template`, or of a path that is taken from the message."""
LIQUID_LENGTH: Final = 1_000
"""UTF-16 units of one `@liquid` (segment.md §11.3)."""
SEPARATOR_LENGTH: Final = 100
"""Characters of `@flatten`'s separator."""
TEXT_LENGTH: Final = 262_144
"""Characters of one text that is made, eight times the largest message."""
KEYS_LENGTH: Final = 1_000_000
"""Characters of all keys one `@flatten` makes."""
ITEM_PARTS: Final = 1_000_000
"""Items of an `@arrayPath` times the parts of its shape."""
VALUE_DEPTH: Final = 100
"""Levels of a value that is walked into."""
EXACT: Final = 2**53
"""Whole numbers up to this are the same in JavaScript and here."""
