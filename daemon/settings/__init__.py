"""What the operator may choose, typed and frozen, in groups; a part gets its own group.

`load_settings` tries four sources, the first that has a value wins: the environment (`SEGUE_*`,
nested by `__`), systemd's credentials, the YAML file, the defaults. Only `app` and `cli` load.
"""

from daemon.settings.document import Document, read_document
from daemon.settings.load import load_settings
from daemon.settings.schedule import Cron, Every, Schedule, parse_schedule
from daemon.settings.schema import (
    SOURCE_NAME,
    ControlSettings,
    IngestSettings,
    IterableSettings,
    LaneSettings,
    ProfileApiSettings,
    ProjectSettings,
    ReconcileSettings,
    SegmentSettings,
    Settings,
    SourceSettings,
    StoreSettings,
    TelemetrySettings,
)
from daemon.settings.starter import starter_yaml

__all__ = [
    "SOURCE_NAME",
    "ControlSettings",
    "Cron",
    "Document",
    "Every",
    "IngestSettings",
    "IterableSettings",
    "LaneSettings",
    "ProfileApiSettings",
    "ProjectSettings",
    "ReconcileSettings",
    "Schedule",
    "SegmentSettings",
    "Settings",
    "SourceSettings",
    "StoreSettings",
    "TelemetrySettings",
    "load_settings",
    "parse_schedule",
    "read_document",
    "starter_yaml",
]
