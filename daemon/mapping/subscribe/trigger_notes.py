"""What was noticed while a trigger was read, with its place."""

from typing import Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["written", "unrecorded", "data"]


class Note(msgspec.Struct, frozen=True):
    """`written`: what is written says something else than what Segment reads.

    `unrecorded`: how Segment reads this is not known. `data`: for unusual data Segment and the
    full language decide differently. `character` counts from 1.
    """

    kind: Kind
    character: int
    says: str


class Notes:
    """Collects notes, each once, in the order they are made."""

    def __init__(self, notes: tuple[Note, ...] = ()) -> None:
        self._notes = dict.fromkeys(notes)

    def __len__(self) -> int:
        return len(self._notes)

    def all(self) -> tuple[Note, ...]:
        return tuple(self._notes)

    def written(self, at: int, says: str) -> None:
        self._notes[Note("written", at + 1, says)] = None

    def unrecorded(self, at: int, says: str) -> None:
        says = f"{says}; how Segment reads that is not on record"
        self._notes[Note("unrecorded", at + 1, says)] = None

    def data(self, at: int, says: str) -> None:
        self._notes[Note("data", at + 1, says)] = None
