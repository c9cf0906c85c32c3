"""SQLite: how a file is opened, and what is special about it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
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

from blog.database.change_detection import FileFreshness, Mark
from blog.database.compiled_statements import Prepared
from blog.database.group_commit import GroupCommit
from blog.database.limits import Limits, purpose_of, take_connection
from blog.database.page_bytes import Take, take_rows
from blog.database.sqlite.errors import translate_context, translating
from blog.database.sqlite.files import WatchedFiles, why_unwritable
from blog.database.sqlite.log_header import in_turn
from blog.database.sqlite.reader_pool import Readers
from blog.database.sqlite.values import READERS, TYPES, as_kept, refuse_blobs
from blog.errors import DatabaseError, OutcomeUnknown, PoolExhausted, StorageUnavailable

# How long to wait, in seconds, before another try to change the mode of the file.
_PAUSE = 0.01
# How many pages the log of a database takes before they are put in their places, as each of those
# that are written again and again need be put there only once. It then has 16 MB, and as much as
# SQLite finds in one look.
_LOG_PAGES = 4000
_BY_NAME = sqlite.dialect(paramstyle="named")


class SQLite:
    """A database in a file."""

    def __init__(self, url: URL, limits: Limits) -> None:
        self._path = read_path(url)
        connect = partial(_connect, self._path, limits)
        self._files = WatchedFiles(self._path, connect)
        self.engine = _create_engine(self._path, self._files, limits)
        self._readers = Readers(self._files, limits.connections, connect)
        # The driver takes values by name, where SQLAlchemy would have it take them by place.
        self._prepare = lru_cache(1024)(partial(Prepared, _BY_NAME, READERS))
        self.group: GroupCommit | None = GroupCommit(limits.lock)
        self._freshness: list[FileFreshness] = []

    def create(self) -> bool:
        """Make the file where there is none, for its owner's eyes only: it holds secrets.

        Gives whether it was made. Raises DatabaseError where it can't be made.
        """
        # A file that SQLite has open must not be opened here: to close it would end its locks.
        if os.path.isfile(self._path):
            return False
        try:
            os.close(os.open(self._path, os.O_CREAT, 0o600))
        except OSError as error:
            raise DatabaseError(f"can't open {str(self._path)!r}: {error.strerror}") from error
        return True

    def discard(self) -> None:
        """Take away the file."""
        self._path.unlink()

    def require(self) -> None:
        """Raise DatabaseError where there is no file."""
        if not os.path.isfile(self._path):
            raise DatabaseError(f"there is no database at {str(self._path)!r}")

    def files(self) -> Sequence[Path]:
        """The file itself, and those that SQLite keeps beside it."""
        names = [self._path.name + ending for ending in ("", "-wal", "-shm", "-journal")]
        return [file for file in map(self._path.with_name, names) if file.exists()]

    def fetch(
        self, statement: Select[Any], values: Mapping[str, object], take: Take = list
    ) -> list[list[Any]]:
        """The rows of a statement that are taken, of one moment. Raises StorageUnavailable."""
        prepared = self._prepare(statement)
        bound = _bind(prepared, values)
        try:
            with translating():
                rows = self._readers.fetch(prepared.text, bound, take)
        except PoolExhausted:
            # Of those that also write one may be free, or soon be.
            with take_connection(self.engine) as connection:
                return [list(row) for row in take_rows(connection, statement, values, take)]
        return prepared.read(rows)

    def insert(
        self, connection: Connection, statement: Insert, rows: Sequence[Mapping[str, object]]
    ) -> int:
        """Write rows in a transaction; give how many were. Raises StorageUnavailable."""
        prepared = self._prepare(statement)
        with closing(connection.connection.cursor()) as cursor, translating():
            cursor.executemany(prepared.text, [_bind(prepared, row) for row in rows])
            return int(cursor.rowcount)

    def close(self) -> None:
        """Close every connection that nobody uses now."""
        self._readers.close()
        self.engine.dispose()
        self._files.close()

    def end(self) -> None:
        """Close everything: the last process that does so has SQLite put the log in the database.

        SQLite then removes the log and its index. Where something else has happened to the files,
        they are left as they are: what is in them may not belong together. Nothing depends on it:
        a process may be killed instead.
        """
        with suppress(StorageUnavailable):
            self._files.identify()
            # Of two that close the database at once, neither would be the last one.
            with in_turn(f"{self._path}-wal"):
                for freshness in self._freshness:
                    freshness.close()
                self.close()

    def is_conflict(self, _error: Exception) -> bool:
        """Never: one writer at a time has the file, so nothing can come between."""
        return False

    def keep_out(self, _connection: Connection, _tables: Sequence[str]) -> None:
        """Do nothing: whoever writes has the file."""

    def order_commits(self, _connection: Connection) -> None:
        """Do nothing: transactions that write follow each other as they are."""

    def lock_name(self, _connection: Connection, _name: str) -> None:
        """Do nothing: whoever writes is alone."""

    def commit(self, transaction: RootTransaction, connection: Connection) -> None:
        """Commit. Raises OutcomeUnknown where it went to files that are not there any more."""
        try:
            transaction.commit()
        except Exception:
            # To SQLite one that can't be committed goes on.
            connection.connection.rollback()
            raise
        try:
            is_there = connection.info["file"] == self._files.identify()
        except StorageUnavailable as error:
            raise OutcomeUnknown(f"a commit may be lost: {error}") from error
        if not is_there:
            raise OutcomeUnknown(f"a commit is lost: {self._path} was replaced meanwhile")

    def freshness(self, _mark: Mark) -> FileFreshness:
        """What tells whether something was committed to the file, whoever did it."""
        made = FileFreshness(self._path, self._files)
        self._freshness.append(made)
        return made

    def why_unwritable(self, _connection: Connection, _tables: Sequence[str]) -> str | None:
        """Whether this process may write the files, and the disk has space for more."""
        return why_unwritable(self._path)

    def broken_pages(self, connection: Connection) -> list[str]:
        """What SQLite finds in the pages of the file, in a sentence each."""
        # The whole check, of the indexes too, ends at the first broken page and names none.
        found = _check_pages(connection, "quick_check") or _check_pages(
            connection, "integrity_check"
        )
        return [f"the file is damaged: {line}" for line in found]


def _check_pages(connection: Connection, pragma: str) -> list[str]:
    found: list[str] = []
    with closing(connection.connection.cursor()) as cursor:
        try:
            for (lines,) in cursor.execute(f"PRAGMA {pragma}"):
                found += lines.splitlines()
        except sqlite3.DatabaseError as error:
            found.append(str(error))
    # A line that begins so is a heading.
    return [line for line in found if line != "ok" and not line.startswith("***")]


def read_path(url: URL) -> Path:
    """The file that a database URL names. Raises DatabaseError for a URL that names none."""
    file = url.database
    if not file or ":memory:" in file or url.query or url.host:
        shown = url.render_as_string(hide_password=True)
        raise DatabaseError(f"{shown!r} names no SQLite file, as sqlite:///blog.db does")
    return Path(file).absolute()


def _create_engine(path: Path, files: WatchedFiles, limits: Limits) -> Engine:
    # With mode=rw a file that has gone missing is an error, not a new and empty blog.
    options = {"uri": "true", "mode": "rw"}
    engine = create_engine(
        URL.create("sqlite", database=_uri(path), query=options),
        pool_size=limits.connections,
        max_overflow=limits.connections,
        pool_timeout=limits.lock,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        # Values of a statement are what authors wrote; they belong in no error text and no log.
        hide_parameters=True,
    )
    engine.dialect.colspecs = {**engine.dialect.colspecs, **TYPES}
    event.listen(engine, "connect", partial(_set_up_connection, path, limits))
    # To open files that are not those of the other connections would damage them.
    event.listen(engine, "do_connect", partial(_check_files, files))
    event.listen(engine, "connect", partial(_note_file, files))
    event.listen(engine, "checkout", partial(_check_file, files))
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", translate_context)
    return engine


def _uri(path: Path) -> str:
    return f"file:{quote(os.fsencode(path))}"


def _connect(path: Path, limits: Limits) -> sqlite3.Connection:
    """A connection that reads, for whatever thread has it."""
    connection = sqlite3.connect(f"{_uri(path)}?mode=rw", uri=True, check_same_thread=False)
    _set_up_connection(path, limits, connection, None)
    return connection


def _set_up_connection(
    path: Path, limits: Limits, connection: sqlite3.Connection, _record: object
) -> None:
    # The driver would begin transactions by itself, and late; the "begin" event does it instead.
    connection.isolation_level = None
    connection.row_factory = refuse_blobs
    try:
        # A write waits this long for the one before it.
        connection.execute(f"PRAGMA busy_timeout={limits.lock * 1000:.0f}")
        connection.execute(f"PRAGMA synchronous={limits.synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")
        # A damaged page is more often found when it is read, and not taken for what it says.
        connection.execute("PRAGMA cell_size_check=ON")
        connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        _use_wal(connection, limits.lock)
        # The log is opened by the first read.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except sqlite3.DatabaseError as error:
        connection.close()
        reasons = filter(None, (str(error), why_unwritable(path)))
        raise StorageUnavailable(f"the database can't be opened: {'; '.join(reasons)}") from error


def _check_files(files: WatchedFiles, *_: object) -> None:
    files.identify()


def _note_file(files: WatchedFiles, _connection: object, record: ConnectionPoolEntry) -> None:
    record.info["file"] = files.identify()


def _check_file(
    files: WatchedFiles, _connection: object, record: ConnectionPoolEntry, _proxy: object
) -> None:
    """Make sure that the file is still the one that was opened.

    Writes to one that was moved away or replaced, as a restored backup does, would be lost.
    """
    if record.info["file"] != files.identify():
        raise DisconnectionError


def _use_wal(connection: sqlite3.Connection, patience: float) -> None:
    """Bring the file into the mode in which readers and a writer do not wait for each other.

    SQLite itself gives up at once when another process is about to do the same.
    """
    deadline = monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(_PAUSE)


def _begin(connection: Connection) -> None:
    # A transaction that reads first and takes the lock when it writes can't wait for another
    # writer, since its snapshot would be stale. One that means to write takes the lock at once.
    purpose = purpose_of(connection)
    # Where nothing is locked yet nothing can fail, and it need not take the long way round.
    cursor = connection.connection.cursor()
    if purpose == "reading":
        cursor.execute("BEGIN")
    else:
        # What undoes a single statement is not worth a file each time; an upgrade sorts tables. It
        # stays so for what is read by this connection later, which sorts little.
        cursor.execute(f"PRAGMA temp_store={'FILE' if purpose == 'upgrading' else 'MEMORY'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    cursor.close()


def _bind(prepared: Prepared, values: Mapping[str, object]) -> Mapping[str, object]:
    return prepared.bind({name: as_kept(value) for name, value in values.items()})
