"""Where values come from: the environment, systemd's credentials, files that hold secrets.

Each source yields a nested dict of the settings' own shape, and for each value the name by which
the operator knows it, so that a mistake is reported where it was made.
"""

import json
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.settings.document import Path as Place

PREFIX = "SEGUE_"
MAX_SECRET_BYTES = 64 * 1024

# The credential's name and the setting it fills; what follows a dot is the source's name.
CREDENTIALS: dict[str, Place] = {
    "iterable-api-key": ("iterable", "api_key"),
    "segment-write-key": ("sources", "*", "write_key"),
    "segment-webhook-secret": ("sources", "*", "webhook_secret"),
    "profile-api-token": ("segment", "profile_api", "token"),
    "store-url": ("store", "url"),
}
SEVERAL = "webhook_secret"


@dataclass(slots=True)
class Layer:
    """One source's values; `names` says what the operator calls them; `problems` what is wrong."""

    values: dict[str, Any] = field(default_factory=dict)
    names: dict[Place, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def put(self, place: Place, value: object, name: str) -> None:
        """Set one value, making the groups on its way."""
        group = self.values
        for key in place[:-1]:
            inner = group.setdefault(str(key), {})
            if not isinstance(inner, dict):
                self.problems.append(f"{name}: {key} is already given as a whole")
                return
            group = inner
        group[str(place[-1])] = value
        self.names[place] = name


def environment(env: Mapping[str, str]) -> Layer:
    """`SEGUE_GROUP__KEY=value`; lists and maps as JSON. Names without `__` are not settings."""
    layer = Layer()
    for name in sorted(env):
        place = tuple(name.removeprefix(PREFIX).lower().split("__"))
        if name.startswith(PREFIX) and len(place) > 1 and all(place):
            layer.put(place, _decoded(env[name]), name)
    return layer


def _decoded(text: str) -> object:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def credentials(folder: str | None) -> Layer:
    """The files of systemd's `$CREDENTIALS_DIRECTORY` that bear one of our names."""
    layer = Layer()
    if not folder:
        return layer
    try:
        files = sorted(Path(folder).iterdir())
    except OSError as error:
        layer.problems.append(f"$CREDENTIALS_DIRECTORY {folder}: {error.strerror}")
        return layer
    for file in files:
        kind, _, source = file.name.partition(".")
        place = CREDENTIALS.get(kind)
        if place is None or ("*" in place) != bool(source):
            continue
        name = f"credential {file.name}"
        place = tuple(source if key == "*" else key for key in place)
        secret = _secret(file, name, layer.problems)
        if secret is not None:
            layer.put(place, _shaped(place, secret), name)
    return layer


def resolve_secret_files(values: dict[str, Any], problems: list[str]) -> None:
    """Replace each `<secret>_file` key by what its file holds, in place.

    A file that everybody may read is refused, as is a key beside its `_file`.
    """
    for place in CREDENTIALS.values():
        for concrete, group in _groups(values, place[:-1]):
            key = str(place[-1])
            path = group.pop(f"{key}_file", None)
            if path is None:
                continue
            name = ".".join((*concrete, f"{key}_file"))
            if key in group:
                problems.append(f"{name}: give it or {key}, not both")
            elif not isinstance(path, str):
                problems.append(f"{name}: should be the path of a file")
            else:
                file = Path(path)
                secret = _private(file, name, problems) and _secret(file, name, problems)
                if secret:
                    group[key] = _shaped(place, secret)


def _groups(
    values: dict[str, Any], place: Place, so_far: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """The dicts at `place`, where `*` stands for every key, with their full places."""
    if not place:
        yield so_far, values
        return
    for key in list(values) if place[0] == "*" else [str(place[0])]:
        inner = values.get(key)
        if isinstance(inner, dict):
            yield from _groups(inner, place[1:], (*so_far, str(key)))


def _private(file: Path, name: str, problems: list[str]) -> bool:
    try:
        mode = file.stat().st_mode
    except OSError as error:
        problems.append(f"{name}: {file}: {error.strerror}")
        return False
    if mode & stat.S_IROTH:
        problems.append(f"{name}: {file} can be read by everybody; chmod o= {file}")
        return False
    return True


def _secret(file: Path, name: str, problems: list[str]) -> str | None:
    try:
        with file.open("rb") as handle:
            raw = handle.read(MAX_SECRET_BYTES + 1)
        text = raw.decode().strip()
    except OSError as error:
        problems.append(f"{name}: {error.strerror}")
        return None
    except UnicodeDecodeError:
        problems.append(f"{name}: is not text")
        return None
    if not text or len(raw) > MAX_SECRET_BYTES:
        problems.append(f"{name}: is empty" if not text else f"{name}: is too long")
        return None
    return text


def _shaped(place: Place, secret: str) -> str | list[str]:
    """A webhook's secret may have two lines while it is rotated."""
    return secret.split() if place[-1] == SEVERAL else secret
