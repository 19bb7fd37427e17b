"""What is done otherwise than by Segment's own Iterable destinations, and what is not.

The one list of it: the reference prints it, and tests hold each line true.
"""

import msgspec


class Difference(msgspec.Struct, frozen=True):
    """What Segment's destination does, and what is done here instead (or, in KEPT, likewise)."""

    there: str
    here: str
    source: str


MENDED = (
    Difference(
        "`enable_batching` and `batch_size` are sent as if they were the event's.",
        "They are never sent.",
        "segment.md §13.4",
    ),
    Difference(
        "Text that looks like a date-time and isn't one becomes null, or another day.",
        "It stays the text it is.",
        "segment.md §13.4",
    ),
    Difference(
        "A date-time without an offset is read in the time zone of the machine.",
        "It is UTC.",
        "segment.md §13.4",
    ),
    Difference(
        "In a batch, items that name nobody are sent and lost.",
        "A message that names nobody is an error, which says so.",
        "segment.md §13.4",
    ),
    Difference(
        "A blank beside an e-mail address rejects the message, even if it has a userId.",
        "Blanks are cut off; what is no address is left out and reported, and the userId counts.",
        "segment.md §13.4",
    ),
    Difference(
        "`updateUser` looks for the e-mail address in the traits only, audiences in"
        " `properties.email`; one in `context.traits.email` is lost.",
        "`context.traits.email` counts wherever the first place has none.",
        "segment.md §13.3, §13.6",
    ),
    Difference(
        "One field that isn't what it should be (a `campaignId` in words) rejects the message.",
        "It alone is left out and reported, unless it is required.",
        "segment.md §11.4",
    ),
    Difference(
        'Membership is read loosely: the text "true" is no member, or "false" is one; a message'
        " that says nothing takes the user off the list.",
        'true and false count, also as the text "true" and "false"; otherwise nothing changes.',
        "segment.md §13.5-13.6",
    ),
    Difference(
        "`updateOnly` has no effect on single messages.",
        "It is sent by `users/bulkUpdate`, which knows it.",
        "segment.md §13.3",
    ),
    Difference(
        "`newEmail` calls `users/updateEmail` in every project.",
        "Outside e-mail-based projects, which are known by `project.type`, it is a"
        " `users/update` by userId.",
        "iterable.md §5",
    ),
    Difference(
        "Both identifiers are sent with everything.",
        "Where the project's type is known, both are sent only where the user is written.",
        "iterable.md §5",
    ),
    Difference(
        "Traits named like Iterable's own fields (`emailListIds`, `userId`) overwrite them, and"
        " an `email` among the fields may change who the user is.",
        "They are left out; an `email` is the one that identifies.",
        "iterable.md §5, §6.5",
    ),
    Difference(
        "Leaving a list says nothing of the channel, or leaves it too.",
        "It always says that the channel stays, unless `channelUnsubscribe` is mapped.",
        "segment.md §13.5, iterable.md §9",
    ),
    Difference(
        "The classic destination's `profileUpdatedAt` overwrites a field of Iterable's own.",
        "It isn't sent.",
        "segment.md §13.7, iterable.md §6.5",
    ),
    Difference(
        "An event without `timestamp` gets the time of the machine.",
        "It gets none, and Iterable takes the time it received it.",
        "segment.md §13.4, iterable.md §8",
    ),
)
KEPT = (
    Difference(
        "`email` and `phone` stay among the fields, beside the identity and `phoneNumber`.",
        "Likewise.",
        "segment.md §13.4",
    ),
    Difference(
        "An item's `description` stands in its `dataFields` too; what its mapping doesn't name"
        " is lost.",
        "Likewise; with `segment-classic` what else a product holds is kept, and a description"
        " stands once.",
        "segment.md §13.4, §13.7",
    ),
    Difference(
        "Null and empty text are sent as they are, and null removes the field.",
        "Likewise, unless `nulls: keep` or `empty: remove` says otherwise.",
        "segment.md §13.8, iterable.md §6.4",
    ),
)
