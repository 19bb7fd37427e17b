"""How commands are found, helped with and refused; what each has to import."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

from daemon.cli.commands import COMMANDS, config_first
from tests.cli.commanding import Segue

SUBCOMMANDS = ("drift list", "drift show")
HEAVY = {
    "aiohttp",
    "alembic",
    "httpx",
    "opentelemetry",
    "segment",
    "sqlalchemy",
    "starlette",
    "uvicorn",
}
OF_THE_STORE = {"sqlalchemy", "alembic"}
OF_SERVERS = {"starlette", "uvicorn"}
IMPORTED = """
import json, sys
from daemon.cli import build
for command in sys.argv[1:]:
    try:
        build()(command.split())
    except SystemExit as left:
        assert not left.code
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
print(json.dumps(sorted(name for name in sys.modules if name.startswith("daemon."))))
"""


def imported(*commands: str) -> tuple[set[str], set[str]]:
    """(top-level modules, modules of ours) of a process that ran these commands."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *commands], capture_output=True, text=True, check=True
    )
    everything, ours = done.stdout.splitlines()[-2:]
    return set(json.loads(everything)), set(json.loads(ours))


def test_without_a_command_nothing_is_imported_that_a_command_needs() -> None:
    everything, ours = imported("--version", "--help")
    assert not everything & HEAVY
    assert ours == {
        f"daemon.{name}"
        for name in (
            "cli",
            "cli.commands",
            "cli.exits",
            "cli.printing",
            "cli.session",
            "errors",
        )
    }


@pytest.mark.parametrize(
    ("commands", "needs"),
    [
        ("init", set()),
        ("status", {"httpx"}),
        ("sandbox", OF_SERVERS),
        ("migrate audit explain drift", OF_THE_STORE),
        ("reconcile", OF_THE_STORE | {"httpx"}),  # the rest only where no daemon runs
        ("check", OF_THE_STORE | {"aiohttp", "httpx"}),
    ],
)
def test_a_command_imports_what_it_needs_and_no_more(commands: str, needs: set[str]) -> None:
    assert imported(*(f"{name} --help" for name in commands.split()))[0] & HEAVY == needs


def test_version_and_list(segue: Segue) -> None:
    assert segue("--version", config=False).out == f"segue {version('segue')}\n"
    listed = segue("--help", config=False)
    assert listed.code == 0
    for name, about in COMMANDS.items():
        assert name in listed.out
        assert about.split()[0] in listed.out
    bare = segue(config=False)
    assert (bare.code, bare.out.strip(), bare.err) == (64, listed.out.strip(), "")


@pytest.mark.parametrize("command", [*COMMANDS, *SUBCOMMANDS])
def test_every_help_shows_an_example_that_begins_as_one_types_it(
    segue: Segue, command: str
) -> None:
    helped = segue(*command.split(), "--help", config=False)
    assert helped.code == 0
    example = next(line for line in helped.out.splitlines() if "Example:" in line)
    assert "segue " in example
    assert command.split(maxsplit=1)[0] in example


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("nonesuch", "No such command 'nonesuch'"),
        ("statsu", "Did you mean 'status'?"),
        ("status --nope", "No such option: --nope"),
        ("status more", "unexpected extra argument"),
        ("explain", "Missing argument"),
        ("drift", "Usage: segue drift"),
        ("drift show", "name a plan, or a run with --run"),
        ("drift show 3 --run 4", "name a plan, or a run with --run"),
        ("drift show three", "integer"),
        ("drift show 0", "greater than or equal to 1"),
        ("drift list --limit 0", "greater than or equal to 1"),
        ("reconcile 5", "need --apply"),
        ("reconcile --recreate", "need --apply"),
        ("reconcile --apply --user ann", "--user is for comparing"),
        ("reconcile --apply x", "integer"),
        ("sandbox --port 70000", "less than or equal to 65535"),
        ("sandbox --project-type phone", "email"),
        ("init --source Web/1", "a-z, 0-9"),
        ("init --name=", "give it a name"),
        ("init --data-center MOON", "US"),
        ("demo --users 3", "greater than or equal to 100"),
        ("audit --config", "requires an argument"),
    ],
)
def test_a_wrong_command_line_is_64_with_a_sentence(
    segue: Segue, arguments: str, says: str
) -> None:
    ended = segue(*arguments.split(), config=False)
    assert ended.code == 64
    assert says in " ".join((ended.out + ended.err).replace("│", " ").split())


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("check", "check"),
        ("check --config a.yaml", "--config a.yaml check"),
        ("check --json --config=a.yaml", "--config=a.yaml check --json"),
        ("--config a.yaml check", "--config a.yaml check"),
        ("check --config", "--config"),
        ("explain -- --config a.yaml", "explain -- --config a.yaml"),
    ],
)
def test_config_may_stand_after_the_command(typed: str, taken: str) -> None:
    assert config_first(typed.split()) == taken.split()
