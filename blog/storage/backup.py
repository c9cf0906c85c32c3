"""A copy of the whole database in one SQLite file, consistent, while it is served and written."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import URL

from blog.errors import DatabaseError, StorageUnavailable
from blog.storage.engine import Database
from blog.storage.transfer import Progress, transfer


def back_up(database: Database, target: Path, progress: Progress) -> None:
    """Copy the database to a new file, readable by its owner only.

    The file appears under its name when it is whole. Raises DatabaseError when there is one
    already, it can't be written, or there is nothing to copy.
    """
    database.server.require()
    if os.path.lexists(target):  # Unlike Path.exists it bears any name.
        raise DatabaseError(f"{str(target)!r} exists already: name a new file")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    try:
        _create(unfinished)
        _copy(database, unfinished, progress)
        # A hard link, unlike a rename, never replaces a file that appeared meanwhile.
        os.link(unfinished, target)
    except (OSError, sqlite3.Error) as error:
        raise DatabaseError(f"can't write {str(target)!r}: {error}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _create(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _copy(database: Database, path: Path, progress: Progress) -> None:
    if database.engine.dialect.name == "sqlite":
        _copy_pages(database, path)
    else:
        _copy_rows(database, path, progress)


def _copy_pages(database: Database, path: Path) -> None:
    with database.session() as session, closing(sqlite3.connect(path)) as copy:
        source = session.reading().connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
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
