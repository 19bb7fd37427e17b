"""`segue mapping import`: Segment's destination subscriptions become mapping blocks."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
import yaml

from daemon.cli.printing import complain, say, say_json
from daemon.errors import ConfigurationError
from daemon.mapping.importing import Imported, import_subscriptions
from daemon.settings import read_document

LARGEST = 16 << 20


def register(group: typer.Typer) -> None:
    group.command(name="import")(import_file)


def import_file(
    file: Annotated[Path, typer.Argument(help="The export, JSON.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print blocks and list as JSON.")] = False,
) -> None:
    """Turn an export of Segment's destination subscriptions into mappings.

    Takes what Segment's Public API answers, or `terraform show -json`. The mappings go to stdout;
    what differs from Segment, and has to be looked at, to stderr and into comments at their top.

    Example: `segue mapping import subscriptions.json > mappings.yaml`
    """
    try:
        imported = import_subscriptions(_decoded(file))
    except ConfigurationError as error:
        raise ConfigurationError([f"{file}: {problem}" for problem in error.problems]) from None
    if as_json:
        say_json(imported)
        return
    complain(imported.differs)
    say(*written(imported))


def _decoded(file: Path) -> Any:
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError("there is no such file") from None
    except OSError as error:
        raise ConfigurationError(str(error.strerror)) from None
    if len(raw) > LARGEST:
        raise ConfigurationError(f"is larger than {LARGEST} bytes")
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        why = "for Terraform's state: terraform show -json"
        raise ConfigurationError(f"is not JSON ({error}); {why}") from None


def written(imported: Imported) -> list[str]:
    """The lines of a configuration: what differs, the blocks, and those that are off."""
    lines = [f"# {difference}" for difference in imported.differs]
    lines += _yaml({"mappings": imported.blocks})
    if imported.off:
        lines.append("# Disabled in Segment:")
        lines += [f"# {line}" for line in _yaml(imported.off)]
    return lines


class _Quoting(yaml.SafeDumper):
    """Puts all text in quotes."""


_Quoting.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


def _yaml(value: Any) -> list[str]:
    """YAML that is read back as what it was: where plain text would not be, all is quoted."""
    text = _dumped(value, yaml.SafeDumper)
    if read_document(text, "").value != value:
        text = _dumped(value, _Quoting)
    return text.splitlines()


def _dumped(value: Any, dumper: type[yaml.SafeDumper]) -> str:
    return yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=100)
