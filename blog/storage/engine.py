"""The database: how it is opened, and the one connection that serves a request."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from blog.errors import DatabaseError, StorageUnavailable

# A write waits this long for the one before it: longer than any healthy write takes, and short
# enough that a client is told to come back before it gives up.
_BUSY_MILLISECONDS = 5000
# How long to wait, in seconds, before another try to change the mode of the file.
_PAUSE = 0.01
# With synchronous=FULL a write that was acknowledged outlives a power failure.
_PRAGMAS = (
    f"busy_timeout={_BUSY_MILLISECONDS}",
    "synchronous=FULL",
    "foreign_keys=ON",
)


class Database:
    """An engine, and what every use of it shares."""

    def __init__(self, url: str, threads: int = 1) -> None:
        """Prepare to open the database at a SQLAlchemy URL, for this many threads at once.

        Nothing is opened yet. Raises DatabaseError for a URL that can't be used.
        """
        self._path = read_path(url)
        self.engine = _create_engine(self._path, threads)

    def create(self) -> None:
        """Make the file where there is none, for its owner's eyes only: it holds secrets.

        Raises DatabaseError where it can't be made.
        """
        # A file that SQLite has open must not be opened here: to close it would end its locks.
        if os.path.isfile(self._path):
            return
        try:
            os.close(os.open(self._path, os.O_CREAT, 0o600))
        except OSError as error:
            raise DatabaseError(f"can't open {str(self._path)!r}: {error.strerror}") from error

    def require(self) -> None:
        """Raise DatabaseError where there is no file."""
        if not os.path.isfile(self._path):
            raise DatabaseError(f"there is no database at {str(self._path)!r}")

    def session(self) -> Session:
        """A session for one request or one command."""
        return Session(self.engine)

    def close(self) -> None:
        """Close every connection that nobody uses now."""
        self.engine.dispose()


class Session:
    """One connection, taken when first needed: reads share a snapshot, and a write ends it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def reading(self) -> Connection:
        """The connection, in a transaction for reading.

        Raises StorageUnavailable when none can be had.
        """
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The connection, in a transaction for writing that is committed at the end.

        The transaction begins anew, so what was read before it may have changed. An exception
        undoes it. Raises StorageUnavailable when another write keeps the database too long, or
        when it can't be written.
        """
        connection = self.reading()
        connection.rollback()
        connection.execution_options(writing=True)
        try:
            with connection.begin():
                yield connection
        finally:
            connection.execution_options(writing=False)

    def close(self) -> None:
        """End the transaction and give the connection back; the session can be used again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connect(self) -> Connection:
        try:
            return self._engine.connect()
        except PoolTimeout:
            raise StorageUnavailable("every connection to the database is in use") from None


def read_path(url: str) -> Path:
    """The file that a database URL names. Raises DatabaseError for a URL that can't be used."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError("the database URL can't be read") from None
    file = parsed.database
    if parsed.get_backend_name() != "sqlite" or not file or ":memory:" in file or parsed.query:
        shown = parsed.render_as_string(hide_password=True)
        raise DatabaseError(f"{shown!r} names no SQLite file, as sqlite:///blog.db does")
    return Path(file).absolute()


def _create_engine(path: Path, threads: int) -> Engine:
    # With mode=rw a file that has gone missing is an error, not a new and empty blog.
    options = {"uri": "true", "mode": "rw"}
    engine = create_engine(
        URL.create("sqlite", database=f"file:{quote(os.fsencode(path))}", query=options),
        pool_size=threads,
        max_overflow=threads,
        pool_timeout=_BUSY_MILLISECONDS / 1000,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        # Values of a statement are what authors wrote; they belong in no error text and no log.
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "connect", partial(_note_file, path))
    event.listen(engine, "checkout", partial(_check_file, path))
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _translate)
    return engine


def _set_up_connection(connection: sqlite3.Connection, _record: object) -> None:
    # The driver would begin transactions by itself, and late; the "begin" event does it instead.
    connection.isolation_level = None
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        _use_wal(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StorageUnavailable(f"the database can't be opened: {error}") from error


def _note_file(path: Path, _connection: object, record: ConnectionPoolEntry) -> None:
    record.info["file"] = _identify(path)


def _check_file(
    path: Path, _connection: object, record: ConnectionPoolEntry, _proxy: object
) -> None:
    """Make sure that the file is still the one that was opened.

    Writes to one that was moved away or replaced, as a restored backup does, would be lost.
    """
    if record.info["file"] != _identify(path):
        raise DisconnectionError


def _identify(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise StorageUnavailable(f"the database can't be found: {error}") from error
    return status.st_dev, status.st_ino


def _use_wal(connection: sqlite3.Connection) -> None:
    """Bring the file into the mode in which readers and a writer do not wait for each other.

    SQLite itself gives up at once when another process is about to do the same.
    """
    deadline = monotonic() + _BUSY_MILLISECONDS / 1000
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
    if connection.get_execution_options().get("writing"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        # Nothing is locked yet, so this can't fail, and need not take the long way round.
        connection.connection.cursor().execute("BEGIN").close()


def _translate(context: ExceptionContext) -> None:
    """Turn what the driver says of a locked, full or broken database into our own error.

    These two classes tell of a state of the file, unless the code says that the statement is
    wrong; their subclasses tell of a mistake too. The driver's exception stays the cause, for
    the log.
    """
    original = context.original_exception
    state = type(original) in (sqlite3.OperationalError, sqlite3.DatabaseError)
    if state and getattr(original, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR:
        raise StorageUnavailable(f"the database can't serve now: {original}") from original
