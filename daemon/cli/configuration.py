"""The settings of the configuration file and the environment, for commands that need them."""

import os

import typer

from daemon.cli.session import config_of
from daemon.settings import Settings, load_settings


def settings_of(ctx: typer.Context) -> Settings:
    """The settings. Raises ConfigurationError."""
    return load_settings(config_of(ctx), os.environ)  # noqa: TID251 -- the one place
