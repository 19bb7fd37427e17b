"""`segue demo`: the whole of Segue on one machine, in a minute, against the sandbox."""

import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

import anyio
import msgspec
import typer

from daemon.cli.demonstration.senders import require_sdk
from daemon.cli.demonstration.stage import CONFIG, WEBHOOK_SOURCE, Stage, staged
from daemon.cli.demonstration.story import Played, play
from daemon.cli.demonstration.traffic import FEWEST_PEOPLE, write_traffic
from daemon.cli.exits import ExitCode
from daemon.cli.printing import say, say_json, say_table

_STOPPED = 130


class Options(msgspec.Struct, frozen=True):
    """How the demo is played."""

    seed: int
    users: int
    stay: bool
    as_json: bool


def register(app: typer.Typer) -> None:
    app.command(name="demo")(demo)


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds tell equal stories.")] = 1,
    users: Annotated[
        int, typer.Option(min=FEWEST_PEOPLE, max=20_000, help="People who sign up.")
    ] = 1000,
    stay: Annotated[
        bool, typer.Option("--stay", help="Leave it running, and say what to try.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the figures as JSON; the story goes to stderr.")
    ] = False,
) -> None:
    """Play the main job in a minute: real SDK calls in, a simulated Iterable kept true.

    People sign up, buy, join an audience and opt out; then careless people change Iterable, and
    Segue finds, explains and repairs it. Nothing leaves this machine. Exit code 2: not proven.

    Example: `segue demo --users 2000 --stay`
    """
    require_sdk()
    options = Options(seed, users, stay, as_json)
    folder = Path(mkdtemp(prefix="segue-demo-"))
    try:
        code = anyio.run(_until_stopped, options, folder)
    finally:
        if not stay:
            shutil.rmtree(folder, ignore_errors=True)
    raise typer.Exit(code)


async def _until_stopped(options: Options, folder: Path) -> int:
    """Perform; Ctrl-C or SIGTERM ends it in good order. The exit code."""
    code = _STOPPED

    def judge(played: Played) -> None:
        nonlocal code
        code = ExitCode.DONE if played.proven else ExitCode.DIFFERS

    async with anyio.create_task_group() as group:
        group.start_soon(_listen, group.cancel_scope)
        await _perform(options, folder, judge)
        group.cancel_scope.cancel()
    return code


async def _listen(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
        async for _ in received:
            scope.cancel()


async def _perform(options: Options, folder: Path, judge: Callable[[Played], None]) -> None:
    began = anyio.current_time()
    answers = sys.stdout
    with redirect_stdout(sys.stderr if options.as_json else answers):
        traffic = write_traffic(options.seed, options.users)
        say(f"segue demo: {options.users:,} people, seed {options.seed}")
        async with staged(folder, options.seed) as stage:
            _introduce(stage)
            played = await play(stage, traffic, began)
            judge(played)
            _conclude(played)
            if options.as_json:
                with redirect_stdout(answers):
                    say_json(played.figures)
            if options.stay:
                say(*_what_to_try(stage))
                sys.stdout.flush()
                await anyio.sleep_forever()


def _introduce(stage: Stage) -> None:
    say(
        f"  sandbox  Iterable, simulated, at {stage.sandbox.place.url}",
        f"  daemon   segue serve, listening to Segment at {stage.web.url}",
    )


def _conclude(played: Played) -> None:
    figures = msgspec.structs.asdict(played.figures)
    rows = [
        (
            name.replace("_", " "),
            f"{value:,}" if not isinstance(value, bool) else str(value).lower(),
        )
        for name, value in figures.items()
    ]
    say("")
    say_table(("FIGURE", ""), rows)
    say(
        "",
        "Every message is accounted for, and nothing repairable is left."
        if played.proven
        else "Not everything was proven; see above.",
    )


def _what_to_try(stage: Stage) -> list[str]:
    segue = f"segue --config {stage.folder / CONFIG}"
    return [
        "",
        "It goes on running; Ctrl-C ends it. Try in another terminal:",
        f"  {segue} status",
        f"  {segue} reconcile",
        f"  {segue} explain user-00001",
        f"  {segue} audit",
        f"  curl {stage.sandbox.place.url}/_sandbox/counts",
        "  curl " + f"{stage.sandbox.place.url}/_sandbox/users/user-00001",
        f"Segment's webhooks are taken at {stage.web.url}/v1/webhook/{WEBHOOK_SOURCE}.",
        f"Everything is kept in {stage.folder}.",
    ]
