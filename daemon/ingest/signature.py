"""Segment's X-Signature: lower-case hex HMAC-SHA1 over the exact bytes sent (segment.md §3.3).

For an array the signature covers the bytes of its first element only; of an Extensible Webhook's
batch, those inside the first element's wrapper (§3.4). There is no time in it: what is repeated is
recognised by its messageId.
"""

import hmac
from collections.abc import Sequence

from daemon.ingest.members import unwrapped
from daemon.ingest.scan import skip_blank, value_end

# An unverified sender's first element is searched for its end no further than this.
FIRST_ELEMENT_BYTES = 1 << 20


def signed_part(body: bytes) -> bytes:
    """The bytes a signature covers.

    Raises:
        RequestRefused: the body is an array whose first element doesn't end within a megabyte.
    """
    start = skip_blank(body, 0)
    if body[start : start + 1] != b"[":
        return body
    start = skip_blank(body, start + 1)
    if body[start : start + 1] == b"]":
        return b""
    end = value_end(body, start, min(len(body), start + FIRST_ELEMENT_BYTES))
    return body[start:end]


def verified(body: bytes, signature: str, secrets: Sequence[bytes]) -> bool:
    """Whether one of the secrets signed this body; takes the same time whichever it was.

    Raises:
        RequestRefused: see `signed_part`.
    """
    part = signed_part(body)
    if not part:
        return False
    given = signature.strip().lower().encode("ascii", "replace")
    inner = unwrapped(part)
    candidates = [part] if inner is part else [part, inner]
    right = False
    for secret in secrets:
        for candidate in candidates:
            expected = hmac.digest(secret, candidate, "sha1").hex().encode()
            right |= hmac.compare_digest(expected, given)
    return right
