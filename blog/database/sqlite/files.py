"""The files of an SQLite database: whether those that are there are those that were opened.

A log that is removed while it is in use takes what was committed with it, and SQLite says nothing.
Nor does it where one is overwritten: while a connection is open, SQLite reads the log by its index.
Only when it opens the log anew does it read the header, and takes a log without a valid one for
empty. What is overwritten behind the header alone is not noticed here: SQLite may find such a page
malformed, or take it for what it says.
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

from blog.database.sqlite.log_header import (
    begins_with_frame,
    is_header,
    logged_pages,
    open_log,
    read_header,
)
from blog.errors import StorageUnavailable


class File(NamedTuple):
    """Which file it is, whatever its name."""

    device: int
    number: int


class _Files(NamedTuple):
    """The database, its log and the index of the log; None for one that is not there.

    The header of a log is another one once SQLite has begun it anew.
    """

    database: os.stat_result
    log: os.stat_result | None
    log_index: os.stat_result | None
    header: bytes


class WatchedFiles:
    """The files of a database, checked before each use of it and after each commit.

    One connection stays open, so that SQLite itself removes neither the log nor its index.
    """

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        # Text is looked up in half of the time that a Path takes.
        self._path = str(path)
        self._log_path = f"{path}-wal"
        self._index_path = f"{path}-shm"
        self._connect = connect
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened: _Files | None = None
        self._damage: str | None = None
        # Whether the log has become shorter while another process writes it back.
        self._is_unsure = False
        self._log: int | None = None
        # The size of a page, in bytes, once the files are open.
        self._page = 0

    def identify(self) -> File:
        """Which database is there, after a check of its files.

        Raises StorageUnavailable where there is none, and where a file was removed, replaced,
        truncated or overwritten since it was opened.
        """
        files = self._look()
        if self._damage or not _continue(self._opened, files):
            files = self._examine()
        else:
            self._opened = files
        return File(files.database.st_dev, files.database.st_ino)

    def close(self) -> None:
        """Close the connection; the files may change until they are next used."""
        with self._lock:
            self._close()

    def _look(self) -> _Files:
        try:
            database = os.stat(self._path)
        except OSError as error:
            raise StorageUnavailable(f"the database can't be found: {error}") from error
        log, log_index = _stat_if_there(self._log_path), _stat_if_there(self._index_path)
        return _Files(database, log, log_index, read_header(self._log))

    def _examine(self) -> _Files:
        """Open the files, or find out what has happened to them. Raises StorageUnavailable."""
        with self._lock:
            # Another thread may have seen a later state, or have opened them.
            opened, files = self._opened, self._look()
            if not self._connection or not opened or not _is_same(files.database, opened.database):
                files = self._open(files, opened)
            elif fault := self._damage or self._fault(files, opened):
                raise StorageUnavailable(f"{fault}; restart the server")
            # A size that could not be judged yet is judged at the next look.
            self._opened = files._replace(log=opened.log) if opened and self._is_unsure else files
            return files

    def _open(self, files: _Files, before: _Files | None) -> _Files:
        if before and files.log and files.log.st_size and _is_same(files.log, before.log):
            raise StorageUnavailable(
                f"{self._path} was replaced, and {self._log_path} is still that of the old one; "
                "stop the server, remove the log and its index, and start the server"
            )
        self._close()
        self._connection = self._connect()
        (self._page,) = self._connection.execute("PRAGMA page_size").fetchone()
        self._log = open_log(self._log_path)
        files = self._look()
        # SQLite takes a log with a bad header for empty when it opens it. If it has frames, another
        # process was using it when it was overwritten.
        if not is_header(files.header) and not self._has_header() and self._checkpoint()[1] > 0:
            raise StorageUnavailable(f"{self._overwritten()}; {self._save()}; restart the server")
        return files

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
        if self._log is not None:
            os.close(self._log)
        self._connection = self._opened = self._damage = self._log = None
        self._is_unsure = False

    def _fault(self, files: _Files, opened: _Files) -> str | None:
        """What has happened to the log or its index; None where it was SQLite."""
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
        """Which file has become shorter; None where it was SQLite that made it so."""
        self._is_unsure = False
        if (index := opened.log_index) and _is_shorter(files.log_index, index):
            # To touch what is mapped and not there would end the process.
            with suppress(OSError):
                os.truncate(self._index_path, index.st_size)
            return f"{self._index_path} was truncated while it was in use"
        if _is_shorter(files.log, opened.log) and not self._is_whole():
            return f"{self._log_path} was truncated while it was in use"
        if _is_shorter(files.database, opened.database) and not self._has_all_pages():
            return f"{self._path} was truncated while it was in use"
        return None

    def _fault_of_header(self, before: bytes) -> str | None:
        """What has happened to a log that has lost its header."""
        assert self._log is not None  # nosec B101  # it is open as long as the files are known
        if self._has_header():
            return None
        if not begins_with_frame(self._log, before):
            # A damaged page in the log must not be written to the database.
            return (
                f"{self._overwritten()}, its pages too: where `blog database check` finds faults, "
                "restore a backup"
            )
        return f"{self._overwritten()}; {self._save()}"

    def _has_header(self) -> bool:
        """Whether the log has a header by now: one may be read while SQLite is writing it."""
        return is_header(read_header(self._log))

    def _overwritten(self) -> str:
        return f"{self._log_path} was overwritten while it was in use"

    def _save(self) -> str:
        """Write back what is in a log that only this server still has; say how that went."""
        if self._is_written_back():
            return f"all that was committed is in {self._path}"
        return f"not all that was committed is in {self._path} yet"

    def _is_whole(self) -> bool:
        """Whether the log has all frames that its index knows of: SQLite may have shortened it."""
        _, frames, _ = self._checkpoint()
        self._is_unsure = frames < 0
        log = _stat_if_there(self._log_path)
        return log is not None and (frames <= 0 or log.st_size >= 32 + frames * (24 + self._page))

    def _has_all_pages(self) -> bool:
        """Whether the database has all pages that it should: VACUUM makes it shorter.

        Those that were added since are in the log, until they are written back.
        """
        # Both are open as long as the files are known.
        assert self._connection and self._log is not None  # nosec B101
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        # What is written back meanwhile is in the file by the time that it is looked at.
        logged = logged_pages(self._log, self._page)
        kept = self._look().database.st_size // self._page
        return logged.issuperset(range(kept + 1, pages + 1))

    def _is_written_back(self) -> bool:
        """Write the log to the database; whether nothing is left in it that is not there too."""
        busy, frames, done = self._checkpoint()
        return not busy and frames == done

    def _checkpoint(self) -> tuple[int, int, int]:
        """Whether the log was busy, how many frames it has, and how many are written back."""
        assert self._connection  # nosec B101  # it is open as long as the files are known
        try:
            busy, frames, done = self._connection.execute("PRAGMA wal_checkpoint").fetchone()
        except sqlite3.Error:
            # Of a log that can't be read nothing is whole.
            return 1, sys.maxsize, 0
        return busy, frames, done


def why_unwritable(path: Path) -> str | None:
    """Why a database can't be written by this process; None where nothing is in the way."""
    disk = os.statvfs(path)
    # The log and its index are made beside it.
    files = [path.parent, path, Path(f"{path}-wal"), Path(f"{path}-shm")]
    denied = [
        file for file in files if file.exists() and not os.access(file, os.W_OK, effective_ids=True)
    ]
    reasons = [
        *(f"{file} can't be written by this user" for file in denied),
        *["no space is left on the disk"] * (disk.f_blocks > 0 and disk.f_bavail == 0),
    ]
    return "; ".join(reasons) or None


def _continue(before: _Files | None, now: _Files) -> bool:
    """Whether files are those of a moment ago, none of them shorter."""
    return (
        before is not None
        and now.header == before.header
        and _goes_on(now.database, before.database)
        and _goes_on(now.log, before.log)
        and _goes_on(now.log_index, before.log_index)
    )


def _goes_on(now: os.stat_result | None, then: os.stat_result | None) -> bool:
    return bool(now and then and _is_same(now, then) and then.st_size <= now.st_size)


def _is_shorter(now: os.stat_result | None, then: os.stat_result | None) -> bool:
    return bool(now and then and now.st_size < then.st_size)


def _is_same(one: os.stat_result, other: os.stat_result | None) -> bool:
    return other is not None and one.st_ino == other.st_ino and one.st_dev == other.st_dev


def _stat_if_there(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None
