"""Links to export files: where they may lead, and what their errors mean (iterable.md §12)."""

from urllib.parse import urlsplit

from daemon.errors import Refused, ServerFailed

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_FORBIDDEN = frozenset({401, 403})
_OK = 200
_SERVER = 500


def checked_link(url: str, base_url: str) -> str:
    """`url`, if it is https, or leads to the same loopback host as `base_url` (a sandbox).

    Raises Refused with the code `UnsafeLink` otherwise.
    """
    try:
        link, base = urlsplit(url), urlsplit(base_url)
        local = link.scheme == "http" and link.hostname in _LOOPBACK
        if (link.scheme == "https" and link.hostname) or (local and link.hostname == base.hostname):
            return url
    except ValueError:
        pass  # not an address at all: refused like the others
    raise Refused("Iterable export file: its address is not https", code="UnsafeLink")


def raise_for_link(what: str, status: int) -> None:
    """Raise what the status of a download stands for. Its bodies are the file store's, not ours."""
    if status == _OK:
        return
    if status in _FORBIDDEN:
        raise Refused(f"{what}: its address has expired", status=status, code="LinkExpired")
    kind = ServerFailed if status >= _SERVER else Refused
    raise kind(f"{what}: {status}", status=status)
