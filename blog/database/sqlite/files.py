"""Detecting that the files of an SQLite database were removed, replaced or damaged while open.

If the log is removed while it is in use, the commits in it are lost without an error from SQLite.
The same holds if it is overwritten: while a connection is open, SQLite finds pages by the index of
the log. It reads the header only when it opens the log, and treats a log without a valid header as
empty. Damage after the header is not detected here: SQLite may report such a page as malformed, or
read it as it is.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from blog.database.sqlite.write_ahead_log import (
    has_first_frame,
    is_header,
    logged_pages,
    open_log,
    read_header,
)
from blog.errors import StorageUnavailable


class File(NamedTuple):
    """The identity of a file, whatever its name."""

    device: int
    number: int


class _Files(NamedTuple):
    """The database, its log and the index of the log; None for one that doesn't exist.

    The header of the log changes when SQLite resets the log.
    """

    database: os.stat_result
    log: os.stat_result | None
    log_index: os.stat_result | None
    header: bytes


class WatchedFiles:
    """The files of a database, checked before each use of it and after each commit.

    One connection stays open, so that SQLite doesn't remove the log and its index itself.
    """

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        # os.stat takes half the time with a str that it takes with a Path.
        self._path = str(path)
        self._log_path = f"{path}-wal"
        self._index_path = f"{path}-shm"
        self._connect = connect
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened: _Files | None = None
        self._damage: str | None = None
        # Whether the log has become shorter during a checkpoint of another process.
        self._is_undecided = False
        self._log: int | None = None
        # In bytes; known once the files are open.
        self._page_size = 0

    def identify(self) -> File:
        """Check the files; return which file the database is.

        Raises StorageUnavailable if there is none, or if a file was removed, replaced, truncated
        or overwritten since it was opened.
        """
        files = self._stat()
        if self._damage or not _is_unchanged(self._opened, files):
            files = self._examine()
        else:
            self._opened = files
        return File(files.database.st_dev, files.database.st_ino)

    def close(self) -> None:
        """Close the connection. The files may change until they are next used."""
        with self._lock:
            self._close()

    def _stat(self) -> _Files:
        try:
            database = os.stat(self._path)
        except OSError as error:
            raise StorageUnavailable(f"the database can't be found: {error}") from error
        log, log_index = _stat_or_none(self._log_path), _stat_or_none(self._index_path)
        return _Files(database, log, log_index, read_header(self._log))

    def _examine(self) -> _Files:
        """Open the files, or find out why they changed. Raises StorageUnavailable."""
        with self._lock:
            # Another thread may have seen a later state, or opened the files.
            opened, files = self._opened, self._stat()
            if not self._connection or not opened or not _is_same(files.database, opened.database):
                files = self._open(files, opened)
            elif fault := self._damage or self._fault(files, opened):
                raise StorageUnavailable(f"{fault}; restart the server")
            # A size that could not be checked yet is checked the next time.
            self._opened = (
                files._replace(log=opened.log) if opened and self._is_undecided else files
            )
            return files

    def _open(self, files: _Files, before: _Files | None) -> _Files:
        if before and files.log and files.log.st_size and _is_same(files.log, before.log):
            raise StorageUnavailable(
                f"{self._path} was replaced, and {self._log_path} is still that of the old one; "
                "stop the server, remove the log and its index, and start the server"
            )
        self._close()
        self._connection = self._connect()
        (self._page_size,) = self._connection.execute("PRAGMA page_size").fetchone()
        self._log = open_log(self._log_path)
        files = self._stat()
        # SQLite treats a log with an invalid header as empty when it opens it. If it has frames all
        # the same, another process was using the log when it was overwritten.
        if not is_header(files.header) and not self._has_header() and self._checkpoint()[1] > 0:
            raise StorageUnavailable(f"{self._overwritten()}; {self._save()}; restart the server")
        return files

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
        if self._log is not None:
            os.close(self._log)
        self._connection = self._opened = self._damage = self._log = None
        self._is_undecided = False

    def _fault(self, files: _Files, opened: _Files) -> str | None:
        """What happened to the log or its index; None if SQLite itself changed them."""
        for path, now, then in (
            (self._log_path, files.log, opened.log),
            (self._index_path, files.log_index, opened.log_index),
        ):
            if now and not _is_same(now, then):
                return f"{path} was replaced while it was in use"
        if not files.log or not files.log_index:
            gone = self._index_path if files.log else self._log_path
            return f"{gone} was removed while it was in use; {self._save()}"
        if files.header != opened.header and not is_header(files.header):
            return self._fault_of_header(opened.header)
        self._damage = self._fault_of_sizes(files, opened)
        return self._damage

    def _fault_of_sizes(self, files: _Files, opened: _Files) -> str | None:
        """Which file was truncated; None if SQLite itself did it."""
        self._is_undecided = False
        if (index := opened.log_index) and _is_shorter(files.log_index, index):
            # Access to a mapped page beyond the end of the file would kill the process.
            with suppress(OSError):
                os.truncate(self._index_path, index.st_size)
            return f"{self._index_path} was truncated while it was in use"
        if _is_shorter(files.log, opened.log) and not self._is_whole():
            return f"{self._log_path} was truncated while it was in use"
        if _is_shorter(files.database, opened.database) and not self._has_all_pages():
            return f"{self._path} was truncated while it was in use"
        return None

    def _fault_of_header(self, before: bytes) -> str | None:
        """What happened to a log whose header has changed."""
        assert self._log is not None  # nosec B101  # it is open once the files are known
        if self._has_header():
            return None
        if not has_first_frame(self._log, before):
            # A checkpoint would write damaged pages to the database.
            return (
                f"{self._overwritten()}, its pages too: where `blog database check` finds faults, "
                "restore a backup"
            )
        return f"{self._overwritten()}; {self._save()}"

    def _has_header(self) -> bool:
        """Whether the log has a valid header now. One may be read while SQLite writes it."""
        return is_header(read_header(self._log))

    def _overwritten(self) -> str:
        return f"{self._log_path} was overwritten while it was in use"

    def _save(self) -> str:
        """Write back a log that only this process still has open; return the result."""
        if self._write_back():
            return f"all that was committed is in {self._path}"
        return f"not all that was committed is in {self._path} yet"

    def _is_whole(self) -> bool:
        """Whether the log has all frames in its index, so that SQLite may have shortened it."""
        _, frames, _ = self._checkpoint()
        self._is_undecided = frames < 0
        log = _stat_or_none(self._log_path)
        return log is not None and (
            frames <= 0 or log.st_size >= 32 + frames * (24 + self._page_size)
        )

    def _has_all_pages(self) -> bool:
        """Whether the database has all its pages, as after VACUUM, which makes it shorter.

        New pages are in the log until a checkpoint.
        """
        # Both are open once the files are known.
        assert self._connection and self._log is not None  # nosec B101
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        # Pages that are written back meanwhile are in the file when its size is read.
        logged = logged_pages(self._log, self._page_size)
        stored = self._stat().database.st_size // self._page_size
        return logged.issuperset(range(stored + 1, pages + 1))

    def _write_back(self) -> bool:
        """Write the log to the database; return whether all of it was written."""
        busy, frames, done = self._checkpoint()
        return not busy and frames == done

    def _checkpoint(self) -> tuple[int, int, int]:
        """Run a checkpoint: whether it was blocked, frames in the log, and frames written."""
        assert self._connection  # nosec B101  # it is open once the files are known
        try:
            busy, frames, done = self._connection.execute("PRAGMA wal_checkpoint").fetchone()
        except sqlite3.Error:
            # A log that can't be read counts as incomplete.
            return 1, sys.maxsize, 0
        return busy, frames, done


def why_unwritable(path: Path) -> str | None:
    """Why this process can't write a database; None if nothing prevents it."""
    disk = os.statvfs(path)
    # The log and its index are created in the same directory.
    files = [path.parent, path, Path(f"{path}-wal"), Path(f"{path}-shm")]
    denied = [
        file for file in files if file.exists() and not os.access(file, os.W_OK, effective_ids=True)
    ]
    reasons = [
        *(f"{file} can't be written by this user" for file in denied),
        *["no space is left on the disk"] * (disk.f_blocks > 0 and disk.f_bavail == 0),
    ]
    return "; ".join(reasons) or None


def _is_unchanged(before: _Files | None, now: _Files) -> bool:
    """Whether files are the same as before, and none of them is shorter."""
    return (
        before is not None
        and now.header == before.header
        and _is_grown(now.database, before.database)
        and _is_grown(now.log, before.log)
        and _is_grown(now.log_index, before.log_index)
    )


def _is_grown(now: os.stat_result | None, then: os.stat_result | None) -> bool:
    return bool(now and then and _is_same(now, then) and then.st_size <= now.st_size)


def _is_shorter(now: os.stat_result | None, then: os.stat_result | None) -> bool:
    return bool(now and then and now.st_size < then.st_size)


def _is_same(one: os.stat_result, other: os.stat_result | None) -> bool:
    return other is not None and one.st_ino == other.st_ino and one.st_dev == other.st_dev


def _stat_or_none(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None
