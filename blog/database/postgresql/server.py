"""The connections of this process to one PostgreSQL server, or to the primary among several.

Settings, locks and statements are confined to one transaction each, so that pgbouncer may run
each transaction on another connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC
from functools import lru_cache, partial
from time import monotonic
from typing import Any, cast, get_args

import orjson
import psycopg
from psycopg.errors import Diagnostic
from psycopg.pq import TransactionStatus
from psycopg.rows import kwargs_row
from sqlalchemy import URL, Connection, Dialect, Engine, Select, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from blog.database.compiled_statements import CompiledStatement, Converter
from blog.database.limits import (
    Limits,
    Purpose,
    WritePurpose,
    purpose_of,
    set_purpose,
    take_connection,
    take_driver_connection,
)
from blog.database.page_bytes import Take, take_rows
from blog.database.postgresql.connection import Unresponsive, WatchedConnection
from blog.database.postgresql.errors import first_line, has_lost_primary, is_timeout, translate
from blog.database.postgresql.log_position import LogPosition, read_log_position
from blog.database.postgresql.requirements import SERVER_INFO, ServerInfo
from blog.database.postgresql.transactions import LOCK_QUEUE, begin_statement, single_read_prefix
from blog.database.postgresql.urls import with_defaults
from blog.database.types import TextTuple, UTCDateTime
from blog.errors import DatabaseError, Interrupted, StorageUnavailable, Unreachable

# How long, in seconds, no connection is tried after a failure: otherwise all threads could end up
# waiting for a server that is away.
_PAUSE = 0.5
_WRITING: tuple[Purpose, ...] = get_args(WritePurpose)
# A connection that was used within this many seconds is not checked before its next use.
_RECENT = 1.0
# How long, in seconds, the server has to report its own statement timeout.
_GRACE = 0.5
# A server that accepts no more connections says so only in its message.
_FULL = re.compile("too many (clients|connections)|connection slots")
# The driver returns moments in the time zone of the connection, with another tzinfo class.
_CONVERTERS: dict[type, Converter] = {
    TextTuple: tuple,
    UTCDateTime: lambda moment: moment.astimezone(UTC),
}
_DIALECT = URL.create("postgresql+psycopg").get_dialect()()
_compile = lru_cache(1024)(partial(CompiledStatement, _DIALECT, _CONVERTERS))


class PostgreSQLServer:
    """A pool of connections to a server."""

    def __init__(self, url: URL, limits: Limits, *, primary: bool = True) -> None:
        """Prepare to connect to the primary among the hosts of a URL, or to any of them."""
        self._limits = limits
        self._timeout = limits.statement + _GRACE if limits.statement else None
        self._paused_until = 0.0
        self._failure: type[StorageUnavailable] = Unreachable
        # Known after the first connection, which finds out which schema holds the blog.
        self._search_path: str | None = None
        self._begin_statements: Mapping[Purpose, str] = {}
        self._single_read_prefix = ""
        completed = with_defaults(url, limits, primary=primary)
        # Whether another host may be writable when this one no longer is.
        self._has_others = completed.query["target_session_attrs"] == "read-write"
        self.engine = self._create_engine(completed)
        # The cluster last connected to; None if the role may not read its identifier.
        self.cluster: int | None = None

    def fetch(self, statement: Select[Any], values: Mapping[str, object], take: Take) -> list[Any]:
        """Run one statement in one round trip; return the rows that ``take`` selects.

        Raises StorageUnavailable, or Interrupted if it may be retried.
        """
        compiled = _compile(statement)
        with closing(take_driver_connection(self.engine)) as connection:
            driver: Any = connection.driver_connection
            if driver.has_iso_dates():
                return take(compiled.rows(self._fetch(connection, compiled, values)))
        with take_connection(self.engine) as slower:
            return take_rows(slower, statement, values, take)

    def _fetch(
        self,
        connection: PoolProxiedConnection,
        compiled: CompiledStatement,
        values: Mapping[str, object],
    ) -> list[Any]:
        driver: Any = connection.driver_connection
        driver.timeout = self._timeout
        statements = f"{self._single_read_prefix};{compiled.text}"
        try:
            rows: list[Any] = driver.fetch(statements, compiled.bind(values))
        except psycopg.Error as error:
            if driver.closed:
                connection.invalidate(error)
            if translated := translate(error, lost=driver.closed, final=True):
                raise translated from error
            error.args = (first_line(error),)
            raise
        return rows

    def log_position(self) -> LogPosition:
        """The primary's position, which includes every acknowledged commit.

        Raises Unreachable if there is no primary.
        """
        connection, position = self.connect()
        connection.close()
        if position.standby:
            raise Unreachable("the server is not a primary")
        return position

    def connect(self) -> tuple[Connection, LogPosition]:
        """A connection for reading, and a log position that its snapshot includes.

        Raises StorageUnavailable.
        """
        connection = take_connection(self.engine)
        set_purpose(connection, "none")
        try:
            # The position is read first, so that the snapshot, taken later, includes it.
            self.cluster, position = read_log_position(connection)
            connection.rollback()
        except BaseException:
            connection.close()
            raise
        set_purpose(connection, "reading")
        return connection, position

    def connect_to_listen(self) -> psycopg.Connection[Any]:
        """A connection of its own, not through a pooler. Raises DatabaseError if it is."""
        pooled = self.engine.raw_connection()
        driver: Any = pooled.driver_connection
        pooled.detach()
        if driver.execute("SELECT pg_backend_pid()").fetchone()[0] != driver.info.backend_pid:
            driver.close()
            raise DatabaseError("the URL is that of a pooler, which delivers no notifications")
        driver.execute(
            "SELECT pg_catalog.set_config('search_path', %s, false)", [self._search_path]
        ).close()
        return cast(psycopg.Connection[Any], driver)

    def close(self) -> None:
        """Close all idle connections."""
        self.engine.dispose()

    def _create_engine(self, url: URL) -> Engine:
        engine = create_engine(
            url,
            pool_size=self._limits.connections,
            max_overflow=0,
            pool_timeout=self._limits.lock,
            pool_reset_on_return=None,  # left to `_reset`
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
            hide_parameters=True,
            # A prepared statement would be missing on the next connection behind pgbouncer.
            connect_args={"prepare_threshold": None, "autocommit": True},
        )
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "connect", _set_up_connection)
        event.listen(engine, "reset", _reset)
        event.listen(engine, "checkin", _store_time)
        event.listen(engine, "checkout", self._check)
        event.listen(engine, "begin", self._begin)
        event.listen(engine, "handle_error", self._translate)
        return engine

    def _connect(
        self, _dialect: Dialect, _record: ConnectionPoolEntry, args: Any, options: Any
    ) -> psycopg.Connection[Any]:
        if monotonic() < self._paused_until:
            raise self._failure("the database could not be reached a moment ago")
        if self._paused_until:
            # While this thread tries again, the others don't wait too.
            self._pause(self._limits.connect)
        try:
            connection = WatchedConnection.connect(*args, **options)
        except psycopg.ProgrammingError as error:
            raise DatabaseError(f"the database URL can't be used: {first_line(error)}") from error
        except UnicodeError as error:
            raise DatabaseError("the database URL names no host") from error
        except psycopg.Error as error:
            self._failure = StorageUnavailable if _FULL.search(str(error)) else Unreachable
            self._pause()
            raise self._failure(f"the database can't be reached: {first_line(error)}") from error
        self._paused_until = 0.0
        connection.idle_timeout = self._limits.connect
        try:
            self._read_server_info(connection)
        except (psycopg.Error, DatabaseError):
            connection.close()
            raise
        return connection

    def _read_server_info(self, connection: WatchedConnection) -> None:
        """Find the blog's schema, once. Raises DatabaseError if the database can't hold a blog."""
        if self._search_path is not None:
            return
        with connection.cursor(row_factory=kwargs_row(ServerInfo)) as cursor:
            (info,) = cursor.execute(SERVER_INFO)
        path = info.search_path()
        purposes: tuple[Purpose, ...] = ("reading", *_WRITING)
        self._begin_statements = {
            purpose: begin_statement(self._limits, purpose, path) for purpose in purposes
        }
        self._single_read_prefix = single_read_prefix(self._limits, path)
        self._search_path = path

    def _pause(self, more: float = 0.0) -> None:
        """Let no thread try to connect for a while."""
        self._paused_until = monotonic() + _PAUSE + more

    def _check(
        self, driver: WatchedConnection, record: ConnectionPoolEntry, _proxy: object
    ) -> None:
        """Replace a connection that was lost, and all others that are as old.

        A check takes as long as a read, so one that was used a moment ago is only checked for
        having been closed by the server.
        """
        is_recent = monotonic() < record.info["used"] + _RECENT
        if is_recent and not driver.closed and not driver.has_input():
            return
        try:
            driver.execute("SELECT 1").close()
        except psycopg.Error as error:
            self._pause_if_unresponsive(error)
            raise InvalidatePoolError from error

    def _begin(self, connection: Connection) -> None:
        purpose = purpose_of(connection)
        if purpose != "none":
            self._begin_transaction(connection, purpose)
        if purpose in ("queued", "upgrading"):
            connection.exec_driver_sql(LOCK_QUEUE)

    def _begin_transaction(self, connection: Connection, purpose: Purpose) -> None:
        """Begin and set up a transaction in one round trip, which SQLAlchemy would divide."""
        driver: Any = connection.connection.driver_connection
        driver.timeout = None if purpose == "upgrading" else self._timeout
        try:
            driver.execute(self._begin_statements[purpose]).close()
        except psycopg.Error as error:
            self._pause_if_unresponsive(error)
            # Nothing has been done on this connection, and nothing will be.
            connection.invalidate(error)
            raise Interrupted(f"the database ended this: {first_line(error)}") from error

    def _pause_if_unresponsive(self, error: psycopg.Error) -> None:
        """Stop connecting for a while to a server that does not respond while it is idle."""
        if isinstance(error, Unresponsive) and error.idle:
            self._failure = Unreachable
            self._pause()

    def _translate(self, context: ExceptionContext) -> None:
        """Raise the blog's error for a state of the server.

        The driver's exception stays its cause, for the log.
        """
        error = context.original_exception
        if not isinstance(error, psycopg.Error):
            return
        self._pause_if_unresponsive(error)
        writing = context.connection is not None and purpose_of(context.connection) in _WRITING
        if writing and has_lost_primary(error, context, self._has_others):
            context.is_disconnect = True
        # A timeout on one connection does not mean that the others are lost.
        context.invalidate_pool_on_disconnect = not is_timeout(error)
        lost = context.is_disconnect
        if translated := translate(error, lost=lost, final=writing, writing=writing):
            raise translated from error
        # Later lines of a message may show a whole row, which must not be logged.
        for shown in filter(None, (error, context.sqlalchemy_exception)):
            shown.args = (first_line(error),)


def _set_up_connection(connection: psycopg.Connection[Any], record: ConnectionPoolEntry) -> None:
    warnings = record.info["warnings"] = []
    record.info["used"] = monotonic()

    def store(message: Diagnostic) -> None:
        # Within a transaction, the server sends nothing below a warning.
        warnings.append(str(message.message_primary))

    connection.add_notice_handler(store)


def _reset(driver: psycopg.Connection[Any], _record: object, _state: object) -> None:
    """Roll back a transaction that is still open when its connection is returned."""
    if driver.pgconn.transaction_status != TransactionStatus.IDLE:
        driver.rollback()


def _store_time(_driver: object, record: ConnectionPoolEntry) -> None:
    record.info["used"] = monotonic()
