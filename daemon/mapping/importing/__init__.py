"""Segment's destination subscriptions, as exported, become mapping blocks."""

from daemon.mapping.importing.blocks import Imported, import_subscriptions

__all__ = ["Imported", "import_subscriptions"]
