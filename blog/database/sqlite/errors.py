"""What SQLite says where it can't do as it was told, and what of that the blog goes by."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import ExceptionContext

from blog.errors import SchemaMismatch, StorageUnavailable, Unwritable

# Result codes (https://www.sqlite.org/rescode.html) that tell of a state of the files, and not of
# a mistake in a statement.
_STATES = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_SCHEMA,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_NOTADB,
}
# Those of them with which reads go on.
_UNWRITABLE = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
}
# Statements of this program are right, unless the schema of the file is not its own.
_LACKING = re.compile(r"no such (table|column)|table \S+ has no column")
# An extended result code has the primary one in its last eight bits.
_PRIMARY = 0xFF


@contextmanager
def translating() -> Iterator[None]:
    """Raise our own error in the place of the driver's, which stays the cause, for the log."""
    try:
        yield
    except sqlite3.Error as error:
        if translated := translate(error):
            raise translated from error
        raise


def translate_context(context: ExceptionContext) -> None:
    """Do the same for what SQLAlchemy runs."""
    original = context.original_exception
    if error := translate(original):
        raise error from original


def translate(error: BaseException) -> StorageUnavailable | None:
    """Our own error for what tells of a state of the files; None for a mistake."""
    if not isinstance(error, sqlite3.DatabaseError):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # The driver can't read a text, or the connection is not to be used.
        if type(error) not in (sqlite3.OperationalError, sqlite3.DatabaseError):
            return None
        return StorageUnavailable(f"the database can't serve now: {_told(error)}")
    if code in _UNWRITABLE or code & _PRIMARY in _UNWRITABLE:
        return Unwritable(f"the database can't be written: {error}")
    if _LACKING.match(str(error)):
        return SchemaMismatch(f"the database can't serve now: {error}")
    if code & _PRIMARY in _STATES:
        return StorageUnavailable(f"the database can't serve now: {error}")
    return None


def _told(error: sqlite3.DatabaseError) -> str:
    """What the driver says, but for a text that it can't read: that may be of a draft."""
    told, found, _ = str(error).partition(" with text ")
    return f"{told}; `blog database check` names the rows" if found else told
