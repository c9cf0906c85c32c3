"""The database: how it is opened, and the one connection that serves a request."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from blog.errors import DatabaseError, StorageUnavailable

# A write waits this long for the one before it: longer than any healthy write takes, and short
# enough that a client is told to come back before it gives up.
_BUSY_MILLISECONDS = 5000
# With synchronous=FULL a write that was acknowledged outlives a power failure.
_PRAGMAS = (
    f"busy_timeout={_BUSY_MILLISECONDS}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
)


class Database:
    """An engine, and what every use of it shares."""

    def __init__(self, url: str, threads: int = 1) -> None:
        """Prepare to open the database at a SQLAlchemy URL, for this many threads at once.

        Nothing is opened yet. Raises DatabaseError for a URL that can't be used.
        """
        self.engine = _create_engine(url, threads)

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


def _create_engine(url: str, threads: int) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError("the database URL can't be read") from None
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite") or not parsed.database:
        shown = parsed.render_as_string(hide_password=True)
        raise DatabaseError(f"{shown!r} names no SQLite file, as sqlite:///blog.db does")
    engine = create_engine(
        parsed,
        pool_size=threads,
        max_overflow=threads,
        pool_timeout=_BUSY_MILLISECONDS / 1000,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        # Values of a statement are what authors wrote; they belong in no error text and no log.
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _translate)
    return engine


def _set_up_connection(connection: sqlite3.Connection, _record: object) -> None:
    # The driver would begin transactions by itself, and late; the "begin" event does it instead.
    connection.isolation_level = None
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StorageUnavailable(f"the database can't be opened: {error}") from error


def _begin(connection: Connection) -> None:
    # A transaction that reads first and takes the lock when it writes can't wait for another
    # writer, since its snapshot would be stale. One that means to write takes the lock at once.
    writing = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _translate(context: ExceptionContext) -> None:
    """Turn what the driver says of a locked, full or broken database into our own error.

    These two classes tell of a state of the file; their subclasses of a mistake in a statement.
    The driver's exception stays its cause, for the log.
    """
    original = context.original_exception
    if type(original) in (sqlite3.OperationalError, sqlite3.DatabaseError):
        raise StorageUnavailable(f"the database can't serve now: {original}") from original
