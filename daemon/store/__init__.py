"""Where everything rests, and every SQL statement. Units of work take a Connection first."""

from sqlalchemy import Connection

__all__ = ["Connection"]
