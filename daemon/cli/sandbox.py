"""`segue sandbox`: Iterable and Segment's Profile API, simulated, on one port."""

import signal
from typing import Annotated, Literal

import anyio
import msgspec
import typer

from daemon.cli.printing import say
from daemon.cli.running import run
from daemon.sandbox.server import serve
from daemon.sandbox.settings import SandboxSettings

ProjectType = Literal["email", "userId", "hybrid"]


def register(app: typer.Typer) -> None:
    app.command(name="sandbox")(sandbox)


def sandbox(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")
    ] = 8090,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    project_type: Annotated[
        ProjectType, typer.Option(help="How the project identifies its users.")
    ] = "hybrid",
) -> None:
    """Serve simulations of Iterable and Segment's Profile API until interrupted.

    Example: `segue sandbox --port 8090 --project-type email`
    """
    run(_until_stopped, SandboxSettings(project_type=project_type), host, port)


async def _until_stopped(settings: SandboxSettings, host: str, port: int) -> None:
    async with anyio.create_task_group() as group:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            group.start_soon(_serve, settings, host, port)
            async for _ in signals:
                group.cancel_scope.cancel()


async def _serve(settings: SandboxSettings, host: str, port: int) -> None:
    def ready(taken: int) -> None:
        say(*pointing_at(settings, f"http://{host}:{taken}"), "", "Ctrl-C ends it.")

    await serve(settings, host, port, ready=ready)


def pointing_at(settings: SandboxSettings, url: str) -> list[str]:
    """The settings that point Segue, or another client, at a sandbox served at `url`."""
    text = [
        f"The sandbox listens on {url}: Iterable below /api/, the Profile API below /v1/spaces/.",
        "For segue.yaml:",
        "",
        "  project:",
        f"    type: {settings.project_type}",
        "  iterable:",
        f"    base_url: {url}",
        "  segment:",
        "    profile_api:",
        f"      space_id: {settings.profile_space}",
        f"      base_url: {url}",
        "",
        "And in the environment:",
        "",
        f"  export SEGUE_ITERABLE__API_KEY={settings.api_key}",
        f"  export SEGUE_SEGMENT__PROFILE_API__TOKEN={settings.profile_token}",
        "",
        "It has these names:",
    ]
    for label, named in (
        ("lists", settings.lists),
        ("channels", settings.channels),
        ("message types", settings.message_types),
    ):
        names = ", ".join(str(msgspec.structs.asdict(each)["name"]) for each in named)
        text.append(f"  {label}: {names}")
    return [*text, "", f"What it applied, row by row: {url}/_sandbox/ledger"]
