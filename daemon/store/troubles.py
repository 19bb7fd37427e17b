"""What a driver's error means: the database is away, full or read-only, or we made a mistake."""

from sqlalchemy.exc import DBAPIError

_SQLITE = {
    "SQLITE_BUSY": "another process is writing",
    "SQLITE_CANTOPEN": "its file cannot be opened",
    "SQLITE_CORRUPT": "its file is damaged",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_IOERR": "its disk does not answer",
    "SQLITE_LOCKED": "another process is writing",
    "SQLITE_NOMEM": "there is no memory left",
    "SQLITE_NOTADB": "its file is no database",
    "SQLITE_PERM": "its file may not be used",
    "SQLITE_PROTOCOL": "its file is locked",
    "SQLITE_READONLY": "it is read-only",
}
_POSTGRES = {
    "08": "the connection was lost",
    "25006": "it is read-only",
    "25P03": "a transaction took too long",
    "28": "it refuses this user",
    "3D": "there is no such database",
    "40": "a transaction was in the way of another",
    "53": "it has no room or memory left",
    "53100": "the disk is full",
    "55P03": "a lock was not given in time",
    "57": "it is stopping, or a statement took too long",
    "58": "its disk does not answer",
}


def trouble(error: DBAPIError) -> str | None:
    """In a few words what keeps the database from serving; None for a mistake of ours."""
    name = getattr(error.orig, "sqlite_errorname", None)
    if name is not None:
        return _sqlite(name)
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return _POSTGRES.get(state) or _POSTGRES.get(state[:2])
    if error.connection_invalidated or type(error).__name__ == "OperationalError":
        return "no connection"
    return None


def refusal(error: DBAPIError) -> str:
    """What PostgreSQL's own library says of a connection it couldn't make, in brackets."""
    if getattr(error.orig, "sqlstate", "") is not None:
        return ""
    first, _, _ = str(error.orig).partition("\n")
    return f" ({first.rpartition('failed: ')[2]})"


def _sqlite(name: str) -> str | None:
    """Extended codes begin with their primary one: SQLITE_IOERR_WRITE."""
    primary = "_".join(name.split("_")[:2])
    return _SQLITE.get(primary)
