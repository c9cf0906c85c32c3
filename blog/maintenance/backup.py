"""A copy of the whole database in one SQLite file, consistent, while it is served and written."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from blog.database.database import Database
from blog.errors import DatabaseError, StorageUnavailable
from blog.maintenance.copy_database import Progress, transfer
from blog.maintenance.unfinished_files import unfinished_file

# What SQLite appends to the name of a file for what belongs to it.
_LOGS = ("-wal", "-journal")


def back_up(database: Database, target: Path, progress: Progress, *, replace: bool = False) -> None:
    """Copy the database to a new file, readable by its owner only.

    The file appears under its name when it is whole and on the disk; ``replace`` lets it take the
    place of another one then. Raises DatabaseError when there is one that may not be replaced, it
    can't be written, or there is nothing to copy.
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
        raise _refusal(target, error) from error


def _check_target(database: Database, target: Path, replace: bool) -> None:
    if os.path.lexists(target):  # Unlike Path.exists it bears any name.
        if not replace:
            raise DatabaseError(f"{str(target)!r} exists already: name a new file, or add --force")
        if target.is_symlink() or not target.is_file():
            raise DatabaseError(f"{str(target)!r} is no plain file: name another one")
        if any(map(target.samefile, database.backend.files())):
            raise DatabaseError(f"{str(target)!r} is the database itself: name another file")
    # What stands beside a database file is a part of it, and would spoil another one there.
    if any(os.path.lexists(f"{target}{ending}") for ending in _LOGS):
        raise DatabaseError(f"{str(target)!r} is a database in use: name another file")


def _refusal(target: Path, error: Exception) -> DatabaseError:
    return DatabaseError(f"can't write {str(target)!r}: {getattr(error, 'strerror', error)}")


def _flush(path: Path) -> None:
    """Have a file, or the names in a directory, outlive a power failure."""
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
        # A journal on disk would be left behind by a copy that fails.
        copy.execute("PRAGMA journal_mode=MEMORY")
        source.backup(copy)
        _make_one_file(copy)


def _copy_rows(database: Database, path: Path, progress: Progress) -> None:
    with closing(Database(URL.create("sqlite", database=str(path)))) as target:
        try:
            transfer(database, target, progress)
        except StorageUnavailable as error:
            # The file has failed, not the server that is copied.
            if isinstance(error.__cause__, sqlite3.Error):
                raise error.__cause__ from None
            raise
    with closing(sqlite3.connect(path)) as copy:
        _make_one_file(copy)


def _make_one_file(copy: sqlite3.Connection) -> None:
    # In WAL mode it would need two more files beside it to be whole.
    copy.execute("PRAGMA journal_mode=DELETE")
