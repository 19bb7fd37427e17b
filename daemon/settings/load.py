"""Puts the sources together in their order of precedence and checks the whole at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from daemon.errors import ConfigurationError
from daemon.settings.document import Document, read_document
from daemon.settings.document import Path as Place
from daemon.settings.problems import describe
from daemon.settings.schema import Settings
from daemon.settings.sources import Layer, credentials, environment, resolve_secret_files


def load_settings(path: Path | None, env: Mapping[str, str]) -> Settings:
    """The settings of the YAML file at `path` (none: without one) under those of `env`.

    Raises:
        ConfigurationError: `problems` has one line for each mistake: its place, what is wrong and
            what is allowed; never a secret's value.
    """
    document = _read(path) if path else Document("", None, {})
    if document.value is not None and not isinstance(document.value, dict):
        raise ConfigurationError(f"{document.name}: should be a map of groups such as project:")
    layers = [credentials(env.get("CREDENTIALS_DIRECTORY")), environment(env)]
    problems = [problem for layer in layers for problem in layer.problems]
    # A group whose every line is commented out is null, and means its defaults.
    given = {key: value for key, value in (document.value or {}).items() if value is not None}
    merged = _merge(_defaults(env), given)
    for layer in layers:
        merged = _merge(merged, layer.values)
    resolve_secret_files(merged, problems)
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        problems += describe(error, Settings, lambda place: _name(place, document, layers))
    except TypeError:
        problems.append(f"{document.name}: keys should be words")
    if problems:
        raise ConfigurationError(problems)
    return settings


def _read(path: Path) -> Document:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: there is no such file; `segue init` writes one"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not UTF-8 text") from None
    return read_document(text, path.name)


def _defaults(env: Mapping[str, str]) -> dict[str, Any]:
    """What depends on where the process runs: systemd's folders, else the user's own."""
    state = env.get("STATE_DIRECTORY", "").split(":")[0]
    if not state:
        home = env.get("XDG_STATE_HOME") or f"{env.get('HOME', '/var/lib')}/.local/state"
        state = f"{home}/segue"
    runtime = env.get("RUNTIME_DIRECTORY", "").split(":")[0] or state
    return {
        "store": {"url": f"sqlite:///{state}/segue.db"},
        "control": {"socket": f"{runtime}/segue.sock"},
    }


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` over `below`; only groups are merged, lists and values are replaced."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = (
            _merge(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
        )
    return merged


def _name(place: Place, document: Document, layers: list[Layer]) -> str:
    """What the operator calls a place, and where it is written."""
    for layer in reversed(layers):
        for length in range(len(place), 0, -1):
            name = layer.names.get(place[:length])
            if name:
                return name
    dotted = ".".join(str(key) for key in place) or "settings"
    line = document.lines.get(place)
    return f"{dotted} ({document.name} line {line})" if line else dotted
