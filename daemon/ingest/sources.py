"""Who may send: write keys open the Tracking API, shared secrets the webhooks.

Write keys are looked up by their digest, so that the time a look-up takes tells nothing of a key.
"""

import base64
import binascii
from collections.abc import Mapping
from hashlib import blake2b

from daemon.errors import RequestRefused
from daemon.settings.schema import SourceSettings

_UNKNOWN = "the write key is unknown; check the source's write key in Segment and in segue.yaml"


def _digest(key: str) -> bytes:
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Sources:
    """The configured sources, by what they show."""

    def __init__(self, sources: Mapping[str, SourceSettings]) -> None:
        self._by_key = {
            _digest(source.write_key.get_secret_value()): name
            for name, source in sources.items()
            if source.write_key is not None
        }
        self.secrets = {
            name: tuple(secret.get_secret_value().encode() for secret in source.webhook_secret)
            for name, source in sources.items()
        }

    def of_write_key(self, key: object) -> str:
        """The source a write key belongs to.

        Raises:
            RequestRefused: 401, it belongs to none.
        """
        source = self._by_key.get(_digest(key)) if isinstance(key, str) and key else None
        if source is None:
            raise RequestRefused(401, "unauthorized", _UNKNOWN)
        return source


def basic_user(authorization: bytes) -> str | None:
    """The user name of HTTP Basic, with or without a colon; None for another scheme.

    Segment puts the write key there (segment.md §1.2). What can't be decoded is an unknown user.
    """
    scheme, _, credentials = authorization.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
