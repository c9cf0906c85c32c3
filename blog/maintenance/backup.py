"""A consistent copy of the whole database in one SQLite file, made while the blog is served."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from blog.database.database import Database
from blog.errors import DatabaseError, StorageUnavailable
from blog.maintenance.copy_database import Progress, copy_database
from blog.maintenance.unfinished_files import unfinished_file

# What SQLite appends to a database's name for its write-ahead log and its rollback journal.
_LOGS = ("-wal", "-journal")


def back_up(database: Database, target: Path, progress: Progress, *, replace: bool = False) -> None:
    """Copy the database to a new file, readable by its owner only.

    The file appears under its name once it is complete and on the disk. Raises DatabaseError if it
    exists, unless ``replace`` is set, if it can't be written, or if there is no database.
    """
    database.backend.require_exists()
    _check_target(database, target, replace)
    try:
        with unfinished_file(target) as unfinished:
            _copy(database, unfinished, progress)
            _flush(unfinished)
            if replace:
                unfinished.replace(target)
            else:
                # A hard link, unlike a rename, never replaces a file that appeared meanwhile.
                os.link(unfinished, target)
            _flush(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise _write_error(target, error) from error


def _check_target(database: Database, target: Path, replace: bool) -> None:
    if os.path.lexists(target):  # Path.exists raises an error for some names.
        if not replace:
            raise DatabaseError(
                f"{str(target)!r} already exists: choose another name, or add --force"
            )
        if target.is_symlink() or not target.is_file():
            raise DatabaseError(f"{str(target)!r} is not a regular file: choose another name")
        if any(map(target.samefile, database.backend.files())):
            raise DatabaseError(f"{str(target)!r} is the database itself: choose another name")
    # SQLite would treat these files as parts of the copy, and damage it.
    if any(os.path.lexists(f"{target}{ending}") for ending in _LOGS):
        raise DatabaseError(f"{str(target)!r} is a database in use: choose another name")


def _write_error(target: Path, error: Exception) -> DatabaseError:
    return DatabaseError(f"can't write {str(target)!r}: {getattr(error, 'strerror', error)}")


def _flush(path: Path) -> None:
    """Write a file, or the names in a directory, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(database: Database, path: Path, progress: Progress) -> None:
    if database.engine.dialect.name == "sqlite":
        _copy_pages(database, path)
    else:
        _copy_rows(database, path, progress)


def _copy_pages(database: Database, path: Path) -> None:
    with database.session() as session, closing(sqlite3.connect(path)) as copy:
        source: Any = session.reading().connection.driver_connection
        # A journal file would be left behind if the copy fails.
        copy.execute("PRAGMA journal_mode=MEMORY")
        source.backup(copy)
        _leave_wal_mode(copy)


def _copy_rows(database: Database, path: Path, progress: Progress) -> None:
    with closing(Database(URL.create("sqlite", database=str(path)))) as target:
        try:
            copy_database(database, target, progress)
        except StorageUnavailable as error:
            # The new file can't be written; the source is not at fault.
            if isinstance(error.__cause__, sqlite3.Error):
                raise error.__cause__ from None
            raise
    with closing(sqlite3.connect(path)) as copy:
        _leave_wal_mode(copy)


def _leave_wal_mode(copy: sqlite3.Connection) -> None:
    # In WAL mode the copy would consist of more than one file.
    copy.execute("PRAGMA journal_mode=DELETE")
