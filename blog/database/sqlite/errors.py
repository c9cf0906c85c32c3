"""Errors of SQLite, translated into those of the blog."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import ExceptionContext

from blog.errors import SchemaMismatch, StorageUnavailable, Unwritable

# Result codes (https://www.sqlite.org/rescode.html) for a state of the files, as opposed to a
# mistake in a statement.
_UNAVAILABLE = {
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
# Those after which reads still succeed.
_UNWRITABLE = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
}
# A statement names what is missing only if the schema is not the one that this program needs.
_MISSING = re.compile(r"no such (table|column)|table \S+ has no column")
# The lowest eight bits of an extended result code are the primary one.
_PRIMARY_CODE = 0xFF


@contextmanager
def translating() -> Iterator[None]:
    """Raise the blog's error instead of the driver's, which stays its cause, for the log."""
    try:
        yield
    except sqlite3.Error as error:
        if translated := translate(error):
            raise translated from error
        raise


def translate_context(context: ExceptionContext) -> None:
    """Do the same for statements that SQLAlchemy runs."""
    original = context.original_exception
    if error := translate(original):
        raise error from original


def translate(error: BaseException) -> StorageUnavailable | None:
    """The blog's error for a state of the files; None for a mistake in a statement."""
    if not isinstance(error, sqlite3.DatabaseError):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # The driver's own: it can't decode a text, or the connection is closed.
        if type(error) not in (sqlite3.OperationalError, sqlite3.DatabaseError):
            return None
        return StorageUnavailable(f"the database is temporarily unavailable: {_message(error)}")
    if code in _UNWRITABLE or code & _PRIMARY_CODE in _UNWRITABLE:
        return Unwritable(f"the database can't be written: {error}")
    if _MISSING.match(str(error)):
        return SchemaMismatch(f"the database is temporarily unavailable: {error}")
    if code & _PRIMARY_CODE in _UNAVAILABLE:
        return StorageUnavailable(f"the database is temporarily unavailable: {error}")
    return None


def _message(error: sqlite3.DatabaseError) -> str:
    """The driver's message, without a text that it can't decode, which may be of a draft."""
    message, found, _ = str(error).partition(" with text ")
    return f"{message}; `blog database check` names the rows" if found else message
