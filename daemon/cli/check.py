"""`segue check`: everything that can be known before `segue serve`."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from daemon.cli.asking import ask_iterable
from daemon.cli.configuration import settings_of
from daemon.cli.exits import ExitCode
from daemon.cli.findings import CheckReport, Finding, Kind, Limit, marks
from daemon.cli.mistakes import mistakes_of
from daemon.cli.printing import complain, count, say, say_json, say_table
from daemon.cli.running import run
from daemon.cli.session import config_of, segue_with
from daemon.cli.store import is_there
from daemon.clients.iterable.endpoints import Origin, effective_limits
from daemon.errors import ConfigurationError, StoreUnavailable
from daemon.mapping.blocks import DEFAULT, read
from daemon.settings import IterableSettings, Settings
from daemon.store.migrate import current, is_known, why_not_current

_LIMIT_COLUMNS = ("ENDPOINT", "AT MOST", "FROM", "SHARED WITHIN")
_FROM: dict[str, str] = {Origin.INFERRED: "a cautious guess"}


class Mistakes(msgspec.Struct, frozen=True):
    """A wrong file, as `segue check --json` prints it."""

    file: str
    problems: list[str]


def register(app: typer.Typer) -> None:
    app.command(name="check")(check)


def check(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Check the configuration and, with an API key, ask Iterable whether it fits. Changes nothing.

    Example: `segue --config /etc/segue/shop.yaml check`
    """
    config = config_of(ctx)
    problems: list[str] = []
    settings = None
    try:
        settings = settings_of(ctx)
    except ConfigurationError as error:
        problems += error.problems
    problems += mistakes_of(config)
    if settings is None or problems:
        _print_mistakes(config, problems, as_json=as_json)
        raise typer.Exit(ExitCode.ERROR)
    report = CheckReport(str(config), _findings(config, settings), _limits(settings.iterable))
    if as_json:
        say_json(report)
    else:
        _print(report, segue_with(config))
    if any(finding.kind is Kind.WRONG for finding in report.findings):
        raise typer.Exit(ExitCode.ERROR)


def _print_mistakes(config: Path, problems: list[str], *, as_json: bool) -> None:
    if as_json:
        say_json(Mistakes(str(config), problems))
    else:
        complain(problems)


def _findings(config: Path, settings: Settings) -> list[Finding]:
    mappings = settings.mappings or DEFAULT
    summary = (
        f"{config}: {count(len(mappings), 'mapping')}, {count(len(settings.sources), 'source')}"
    )
    findings = [Finding(Kind.RIGHT, summary), _store(settings)]
    findings += [Finding(Kind.TO_DO, text) for text in settings.missing_credentials()]
    key = settings.iterable.api_key
    if key is None:
        text = "without an API key: whether Iterable answers, its project's type, rights, names"
        return [*findings, Finding(Kind.UNKNOWN, text)]
    needs = read(mappings).needs()
    return findings + run(ask_iterable, settings.iterable, key, settings.project.type, needs)


def _store(settings: Settings) -> Finding:
    """How the store stands. One that is away, or not made yet, is no mistake of the file's."""
    url = settings.store.url.get_secret_value()
    if not is_there(url):
        return Finding(Kind.TO_DO, "there is no store yet; run: segue migrate")
    try:
        found = current(url)
    except StoreUnavailable as error:
        return Finding(Kind.WRONG, f"store.url: {error}")
    reason = why_not_current(found)
    if reason is not None:
        helps = found is None or is_known(found)
        return Finding(Kind.TO_DO if helps else Kind.WRONG, reason)
    return Finding(Kind.RIGHT, f"the store is at {found}, as this version needs it")


def _limits(settings: IterableSettings) -> list[Limit]:
    return [
        Limit(
            endpoint=limit.endpoint,
            calls=limit.rate.tokens,
            seconds=limit.rate.per_seconds,
            origin=limit.origin,
            scope=limit.scope,
            source=limit.source,
        )
        for limit in effective_limits(overrides=settings.limits).values()
        if limit.rate is not None
    ]


def _print(report: CheckReport, segue: str) -> None:
    for finding in report.findings:
        label = "not checkable: " if finding.kind is Kind.UNKNOWN else ""
        say(f"{marks()[finding.kind]} {label}{finding.text}")
    say(*[f"{marks()[Kind.UNKNOWN]} not checkable: {text}" for text in report.not_checkable])
    say("", "Limits in force:")
    say_table(
        _LIMIT_COLUMNS,
        [
            (limit.endpoint, _rate(limit), _FROM.get(limit.origin, limit.origin), limit.scope)
            for limit in report.limits
        ],
    )
    say("", "UNCONFIRMED by Iterable's documentation, and relied on:")
    say(*[f"  {text}" for text in report.unconfirmed], "", _verdict(report.findings, segue))


def _verdict(findings: list[Finding], segue: str) -> str:
    """The last line: what is to be done now."""
    wrong = sum(finding.kind is Kind.WRONG for finding in findings)
    if wrong:
        return f"{count(wrong, 'mistake')}, marked {marks()[Kind.WRONG]} above."
    to_do = sum(finding.kind is Kind.TO_DO for finding in findings)
    if to_do:
        return (
            f"Right so far; {count(to_do, 'thing')} left to do, marked {marks()[Kind.TO_DO]} above."
        )
    return f"All right. Next: {segue} serve"


def _rate(limit: Limit) -> str:
    unit = "s" if limit.seconds == 1 else f"{limit.seconds:g} s"
    return f"{limit.calls:g} per {unit}"
