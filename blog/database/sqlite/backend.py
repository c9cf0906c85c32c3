"""SQLite: opening a database file, and reading and writing it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from functools import lru_cache, partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

import orjson
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Insert,
    RootTransaction,
    Select,
    create_engine,
    event,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from blog.database.backend import Backend, Source
from blog.database.compiled_statements import CompiledStatement
from blog.database.group_commit import GroupCommit
from blog.database.limits import Limits, purpose_of, take_connection
from blog.database.page_bytes import Take, take_rows
from blog.database.sqlite.change_detector import FileChangeDetector
from blog.database.sqlite.errors import translate_context, translating
from blog.database.sqlite.files import WatchedFiles, why_unwritable
from blog.database.sqlite.lock_file import try_lock
from blog.database.sqlite.reader_pool import ReaderPool
from blog.database.sqlite.values import CONVERTERS, TYPES, refuse_blobs, to_stored
from blog.database.sqlite.write_ahead_log import log_lock
from blog.errors import DatabaseError, OutcomeUnknown, PoolExhausted, StorageUnavailable

# How long to wait, in seconds, before changing the journal mode is tried again.
_PAUSE = 0.01
# How many pages the write-ahead log has before a checkpoint, which writes a page that has changed
# often only once. The log then has 16 MB, and as many pages as one block of its index covers.
_LOG_PAGES = 4000
# The driver takes parameters by name, where SQLAlchemy would pass them by position.
_compile = lru_cache(1024)(
    partial(CompiledStatement, sqlite.dialect(paramstyle="named"), CONVERTERS)
)


class SQLite(Backend):
    """A database in a file."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        connect = partial(_connect, path, limits)
        self._files = WatchedFiles(path, connect)
        super().__init__(_create_engine(path, self._files, limits))
        self._readers = ReaderPool(self._files, limits.connections, connect)
        self.group = GroupCommit(limits.lock)
        self._detectors: list[FileChangeDetector] = []

    def create(self) -> bool:
        """Create the file if there is none, readable by its owner only: it holds secrets.

        Returns whether it was created. Raises DatabaseError if it can't be.
        """
        # Closing a file that SQLite has open would end its locks, so an existing one isn't opened.
        if os.path.isfile(self._path):
            return False
        try:
            os.close(os.open(self._path, os.O_CREAT, 0o600))
        except OSError as error:
            raise DatabaseError(f"can't open {str(self._path)!r}: {error.strerror}") from error
        return True

    def delete(self) -> None:
        """Delete the file."""
        self._path.unlink()

    def require_exists(self) -> None:
        """Raise DatabaseError if there is no file."""
        if not os.path.isfile(self._path):
            raise DatabaseError(f"there is no database at {str(self._path)!r}")

    def files(self) -> Sequence[Path]:
        """The file itself, and those that SQLite creates next to it."""
        names = [self._path.name + ending for ending in ("", "-wal", "-shm", "-journal")]
        return [file for file in map(self._path.with_name, names) if file.exists()]

    def fetch(
        self, source: Source, statement: Select[Any], values: Mapping[str, object], take: Take
    ) -> list[Any]:
        """Run one statement by itself; return the rows that ``take`` selects.

        Raises StorageUnavailable.
        """
        compiled = _compile(statement)
        parameters = _bind(compiled, values)
        try:
            with translating():
                return self._readers.fetch(
                    compiled.text, parameters, lambda cursor: take(compiled.rows(cursor))
                )
        except PoolExhausted:
            # The connections that also write may be free.
            with take_connection(self.engine) as connection:
                return take_rows(connection, statement, values, take)

    def insert(
        self, connection: Connection, statement: Insert, rows: Sequence[Mapping[str, object]]
    ) -> int:
        """Insert rows within a transaction; return how many. Raises StorageUnavailable."""
        compiled = _compile(statement)
        with closing(connection.connection.cursor()) as cursor, translating():
            cursor.executemany(compiled.text, [_bind(compiled, row) for row in rows])
            return int(cursor.rowcount)

    def commit(self, transaction: RootTransaction, connection: Connection) -> None:
        """Commit, or raise OutcomeUnknown if the files were removed or replaced meanwhile."""
        try:
            transaction.commit()
        except Exception:
            # SQLite keeps a transaction open if its commit fails.
            connection.connection.rollback()
            raise
        try:
            is_there = connection.info["file"] == self._files.identify()
        except StorageUnavailable as error:
            raise OutcomeUnknown(f"a commit may be lost: {error}") from error
        if not is_there:
            raise OutcomeUnknown(f"a commit is lost: {self._path} was replaced meanwhile")

    def try_lock_name(self, name: str) -> AbstractContextManager[bool]:
        """Hold the lock of this name, if it is free, and say whether it was."""
        return try_lock(self._path.with_name(f"{self._path.name}-{name}"))

    def change_detector(self, tables: Sequence[str]) -> FileChangeDetector:
        """A detector of commits to the file, by any process."""
        detector = FileChangeDetector(self._path, self._files)
        self._detectors.append(detector)
        return detector

    def why_unwritable(self, connection: Connection, tables: Sequence[str]) -> str | None:
        """Why this process can't write the files; None if it can."""
        return why_unwritable(self._path)

    def damaged_pages(self, connection: Connection) -> list[str]:
        """One sentence for each fault that SQLite finds in the pages of the file."""
        # The full check ends at the first damaged page without naming it. The quick one goes on.
        found = _check_pages(connection, "quick_check") or _check_pages(
            connection, "integrity_check"
        )
        return [f"the file is damaged: {line}" for line in found]

    def close(self) -> None:
        """Close all idle connections."""
        self._readers.close()
        self.engine.dispose()
        self._files.close()

    def shut_down(self) -> None:
        """Close all connections. When the last process does, SQLite writes back the log.

        SQLite then removes the log and its index. Files that were replaced or damaged stay as they
        are. Nothing depends on this: a process may be killed instead.
        """
        with suppress(StorageUnavailable):
            self._files.identify()
            # If two processes closed the database at once, neither would be the last one.
            with log_lock(f"{self._path}-wal"):
                for detector in self._detectors:
                    detector.close()
                self.close()


def _check_pages(connection: Connection, pragma: str) -> list[str]:
    found: list[str] = []
    with closing(connection.connection.cursor()) as cursor:
        try:
            for (lines,) in cursor.execute(f"PRAGMA {pragma}"):
                found += lines.splitlines()
        except sqlite3.DatabaseError as error:
            found.append(str(error))
    # A line that begins with asterisks is a heading.
    return [line for line in found if line != "ok" and not line.startswith("***")]


def _create_engine(path: Path, files: WatchedFiles, limits: Limits) -> Engine:
    # With mode=rw a missing file is an error, and not replaced by a new and empty one.
    options = {"uri": "true", "mode": "rw"}
    engine = create_engine(
        URL.create("sqlite", database=_uri(path), query=options),
        pool_size=limits.connections,
        max_overflow=limits.connections,
        pool_timeout=limits.lock,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        # Values of a statement are texts of authors, which must not be in an error or the log.
        hide_parameters=True,
    )
    engine.dialect.colspecs = {**engine.dialect.colspecs, **TYPES}
    event.listen(engine, "connect", partial(_set_up_connection, path, limits))
    # Opening other files than those of the existing connections would damage them.
    event.listen(engine, "do_connect", partial(_check_files, files))
    event.listen(engine, "connect", partial(_store_file, files))
    event.listen(engine, "checkout", partial(_check_file, files))
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", translate_context)
    return engine


def _uri(path: Path) -> str:
    return f"file:{quote(os.fsencode(path))}"


def _connect(path: Path, limits: Limits) -> sqlite3.Connection:
    """A connection that any thread may use."""
    connection = sqlite3.connect(f"{_uri(path)}?mode=rw", uri=True, check_same_thread=False)
    _set_up_connection(path, limits, connection, None)
    return connection


def _set_up_connection(
    path: Path, limits: Limits, connection: sqlite3.Connection, _record: object
) -> None:
    # The driver would begin transactions by itself, but too late: the "begin" event does it.
    connection.isolation_level = None
    connection.row_factory = refuse_blobs
    try:
        # How long a write waits for another one.
        connection.execute(f"PRAGMA busy_timeout={limits.lock * 1000:.0f}")
        connection.execute(f"PRAGMA synchronous={limits.synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")
        # More damaged pages are detected when they are read.
        connection.execute("PRAGMA cell_size_check=ON")
        connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        _use_wal(connection, limits.lock)
        # The first read opens the log.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except sqlite3.DatabaseError as error:
        connection.close()
        reasons = filter(None, (str(error), why_unwritable(path)))
        raise StorageUnavailable(f"the database can't be opened: {'; '.join(reasons)}") from error


def _check_files(files: WatchedFiles, *_: object) -> None:
    files.identify()


def _store_file(files: WatchedFiles, _connection: object, record: ConnectionPoolEntry) -> None:
    record.info["file"] = files.identify()


def _check_file(
    files: WatchedFiles, _connection: object, record: ConnectionPoolEntry, _proxy: object
) -> None:
    """Replace a connection to a file that was moved or replaced: its writes would be lost."""
    if record.info["file"] != files.identify():
        raise DisconnectionError


def _use_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Set the journal mode to WAL, in which readers and a writer don't wait for each other.

    SQLite fails at once, whatever the busy timeout, while another process does the same.
    """
    deadline = monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(_PAUSE)


def _begin(connection: Connection) -> None:
    purpose = purpose_of(connection)
    # Bypass SQLAlchemy: these statements cannot fail before a lock is taken.
    cursor = connection.connection.cursor()
    if purpose == "reading":
        cursor.execute("BEGIN")
    else:
        # A statement's rollback data stays in memory, but an upgrade sorts whole tables in a file.
        # The setting stays for later reads of this connection, which sort little.
        cursor.execute(f"PRAGMA temp_store={'FILE' if purpose == 'upgrading' else 'MEMORY'}")
        # A transaction that took the lock only at its first write could not wait for another
        # writer, as its snapshot would be stale by then.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    cursor.close()


def _bind(compiled: CompiledStatement, values: Mapping[str, object]) -> Mapping[str, object]:
    return compiled.bind({name: to_stored(value) for name, value in values.items()})
