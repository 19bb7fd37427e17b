"""The composition root: builds the actors from settings, starts them, winds them down."""

from daemon.app.serve import Served, serve
from daemon.app.standalone import standalone

__all__ = ["Served", "serve", "standalone"]
