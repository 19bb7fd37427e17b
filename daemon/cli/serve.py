"""`segue serve`: the daemon."""

import typer

from daemon.app import Served
from daemon.app import serve as serve_daemon
from daemon.cli.configuration import settings_of
from daemon.cli.printing import say
from daemon.cli.running import run, start_logs
from daemon.cli.store import store_of
from daemon.settings import Settings


def register(app: typer.Typer) -> None:
    app.command(name="serve")(serve)


def serve(ctx: typer.Context) -> None:
    """Run the daemon until SIGTERM or Ctrl-C; a second signal ends it at once.

    Example: `segue --config /etc/segue/shop.yaml serve`
    """
    settings = settings_of(ctx)
    store_of(settings)
    start_logs(settings)
    run(_serve, settings)


async def _serve(settings: Settings) -> None:
    scheme = "https" if settings.ingest.tls_cert_file else "http"

    def ready(served: Served) -> None:
        address = f"{scheme}://{settings.ingest.host}:{served.web_port}"
        say(f"Serving {settings.project.name}: {address}, commands at {served.control_socket}")

    await serve_daemon(settings, ready=ready)
