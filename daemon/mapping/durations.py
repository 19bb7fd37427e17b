"""Lengths of time as people write them: `15s`, `2h`, `14d`."""

import re

_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LENGTH = re.compile(r"(\d+)\s*([smhd])", re.ASCII)


def milliseconds(text: str) -> int | None:
    """`2h` as 7,200,000; None where the text is no such length."""
    found = _LENGTH.fullmatch(text.strip())
    return int(found[1]) * _UNITS[found[2]] if found else None
