"""What people write who know another language, and how it is said here."""

from typing import Final

KEYWORDS: Final = ("and", "or", "in", "true", "false", "null")

_MEANT = {
    "==": "=",
    "===": "=",
    "is": "=",
    "equals": "=",
    "!==": "!=",
    "<>": "!=",
    "=>": ">=",
    "=<": "<=",
    "&&": "and",
    "&": "and",
    "||": "or",
    "|": "or",
    "not": "!(…)",
    "~": 'match(…, "A*")',
    "=~": 'match(…, "A*")',
    "!~": '!match(…, "A*")',
    "like": 'match(…, "A*")',
    "matches": 'match(…, "A*")',
    "contains": 'contains(…, "A")',
    "includes": 'contains(…, "A")',
    "exists": "… != null",
    "isset": "… != null",
    "starts_with": 'match(…, "A*")',
    "startswith": 'match(…, "A*")',
    "ends_with": 'match(…, "*A")',
    "endswith": 'match(…, "*A")',
    "lower": "lowercase(…)",
    "upper": "uppercase(…)",
    "len": "length(…)",
    "size": "length(…)",
    "none": "null",
    "nil": "null",
    "undefined": "null",
    "yes": "true",
    "no": "false",
}


def here(found: str) -> str | None:
    """How `found`, known from elsewhere, is said here; `…` stands for what belongs inside."""
    small = found.lower()
    return small if small in KEYWORDS and small != found else _MEANT.get(small)


def meant(found: str) -> str:
    """`; write ...` where there is a way to say `found`, else nothing."""
    right = here(found)
    return f"; write `{right}`" if right else ""
