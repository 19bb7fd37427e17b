"""`segue mapping test`: golden cases of the mappings, for CI."""

from collections.abc import Iterable
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
import yaml

from daemon.cli.exits import ExitCode
from daemon.cli.mapping.files import document_of, mappings_in, project_in
from daemon.cli.printing import count, say, say_json
from daemon.cli.session import config_of
from daemon.errors import ConfigurationError
from daemon.mapping.registry.cases import Suite, Verdict, judge, read_suite

FOLDER = "mapping-tests"


class Failure(msgspec.Struct, frozen=True):
    """A case that came to something else, as `--json` prints it."""

    file: str
    case: str
    about: str
    requests: list[Any]
    errors: list[str]
    expected: list[Any]
    expected_errors: list[str]


class Tested(msgspec.Struct, frozen=True):
    """All of it, as `--json` prints it."""

    cases: int
    failed: list[Failure]


def register(group: typer.Typer) -> None:
    group.command(name="test")(run_cases)


def run_cases(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help=f"Files of cases; by default {FOLDER}/*.yaml beside the configuration."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the failures as JSON.")] = False,
) -> None:
    """Run golden cases: a message in, the requests out. Exit code 2: one came to something else.

    Example: `segue mapping test mapping-tests/orders.yaml`
    """
    config = config_of(ctx)
    cases, failed = 0, []
    for file in files or _beside(config):
        suite = _suite(file, config)
        cases += len(suite.cases)
        verdicts = [judge(suite, case) for case in suite.cases]
        failed += [(file, verdict) for verdict in verdicts if not verdict.right]
    if as_json:
        say_json(Tested(cases, [_failure(file, verdict) for file, verdict in failed]))
    else:
        _print(cases, failed)
    if failed:
        raise typer.Exit(ExitCode.DIFFERS)


def _beside(config: Path) -> list[Path]:
    folder = config.parent / FOLDER
    found = sorted(folder.glob("*.yaml"))
    if not found:
        raise ConfigurationError(f"{folder} holds no *.yaml; write cases there, or name a file")
    return found


def _suite(file: Path, config: Path) -> Suite:
    """The cases of a file; what it doesn't say itself is the configuration's."""
    document = document_of(file)
    said = document.value if isinstance(document.value, dict) else {}
    alone = "mappings" in said and "project" in said
    around = None if alone or not config.exists() else document_of(config)
    mappings = mappings_in(around) if around else []
    project = project_in(around) if around else None
    if "mappings" not in said and not mappings:
        raise ConfigurationError(f"{file}: neither it nor {config} has mappings")
    try:
        return read_suite(document.value, mappings, project)
    except ConfigurationError as error:
        raise ConfigurationError([f"{file}: {problem}" for problem in error.problems]) from None


def _failure(file: Path, verdict: Verdict) -> Failure:
    case = verdict.case
    return Failure(
        file=str(file),
        case=case.place,
        about=case.about,
        requests=verdict.requests,
        errors=verdict.errors,
        expected=case.requests,
        expected_errors=case.errors,
    )


def _print(cases: int, failed: list[tuple[Path, Verdict]]) -> None:
    for file, verdict in failed:
        say(f"{file}: {verdict.case.place}: {verdict.case.about}", *_diff(verdict), "")
    right = count(cases - len(failed), "case")
    say(f"{right} right, {len(failed):,} wrong" if failed else f"{right}, all right")


def _diff(verdict: Verdict) -> Iterable[str]:
    case = verdict.case
    return unified_diff(
        _lines(case.requests, case.errors),
        _lines(verdict.requests, verdict.errors),
        "expected",
        "found",
        lineterm="",
    )


def _lines(requests: list[Any], errors: list[str]) -> list[str]:
    """Both as YAML, keys in order, so that only what differs does."""
    said = {"requests": requests, **({"errors": errors} if errors else {})}
    return yaml.safe_dump(said, sort_keys=True, allow_unicode=True, width=1000).splitlines()
