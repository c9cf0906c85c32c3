"""What PostgreSQL says where it can't do as it was told, and what of that the blog goes by."""

from __future__ import annotations

import psycopg

from blog.errors import BlogError, DatabaseError, Interrupted, StorageUnavailable
from blog.storage.watchdog import Unresponsive

# Another transaction came between, or a standby had to give way to what it replays.
_CONFLICTS = ("40001", "40P01")
# SQLSTATE classes (PostgreSQL's appendix A) that tell of a state of the server, not a mistake:
# connection, resources, operator, system, and the server's own failure.
_STATES = ("08", "53", "57", "58", "XX")
# A lock that was not to be had in time; what the server's administrator has forbidden.
_LOCKED, _FORBIDDEN = "55P03", "42501"


def translate(error: psycopg.Error, *, lost: bool, last: bool) -> BlogError | None:
    """Our own error for what tells of the state of a server; None for a mistake.

    ``lost`` is whether the connection is, and ``last`` whether what has taken all the time that
    there was is not to be tried again, as that would take as long.
    """
    state, line = error.sqlstate or "", first_line(error)
    if last and is_late(error):
        return StorageUnavailable(f"the database can't serve now: {line}")
    if lost or state in _CONFLICTS:
        return Interrupted(f"the database cut this off: {line}")
    if state[:2] in _STATES or state == _LOCKED or type(error) is psycopg.OperationalError:
        return StorageUnavailable(f"the database can't serve now: {line}")
    if state == _FORBIDDEN:
        return DatabaseError(f"the database refuses: {line}")
    return None


def is_late(error: psycopg.Error) -> bool:
    """Whether an answer to something that may take time has not come in time."""
    return isinstance(error, Unresponsive) and not error.idle


def first_line(error: psycopg.Error) -> str:
    """What went wrong, without the lines that may show a whole row, which belongs in no log."""
    return " ".join((error.diag.message_primary or str(error)).split())
