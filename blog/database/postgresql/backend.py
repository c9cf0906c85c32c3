"""PostgreSQL: how a server is reached, and what it may take.

Every setting is made for one transaction, nothing is prepared and no lock outlives a transaction,
so that pgbouncer may give each transaction another connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC
from functools import lru_cache, partial
from pathlib import Path
from time import monotonic
from typing import Any, cast, get_args

import orjson
import psycopg
from psycopg.errors import Diagnostic
from psycopg.pq import TransactionStatus
from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    Insert,
    RootTransaction,
    Select,
    create_engine,
    event,
)
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from blog.database.change_detection import Mark
from blog.database.compiled_statements import Prepared, Reader
from blog.database.group_commit import GroupCommit
from blog.database.limits import (
    Limits,
    Purpose,
    Writing,
    purpose_of,
    set_purpose,
    take_connection,
    take_driver_connection,
)
from blog.database.page_bytes import Take, take_rows
from blog.database.postgresql.advisory_locks import LOCK_KEY, LOCK_NAME, NAME_KEY, ORDER_KEY
from blog.database.postgresql.connection import Unresponsive, WatchedConnection
from blog.database.postgresql.errors import first_line, is_late, is_primary_no_more, translate
from blog.database.postgresql.log_position import Place, read_place
from blog.database.postgresql.notifications import NotifiedFreshness
from blog.database.postgresql.privileges import why_unwritable
from blog.database.postgresql.requirements import QUESTION, Surroundings
from blog.database.postgresql.transactions import opening, single_reading
from blog.database.postgresql.urls import complete
from blog.database.types import UTCDateTime
from blog.errors import DatabaseError, Interrupted, OutcomeUnknown, StorageUnavailable, Unreachable

# After a failure to connect the next try waits this long, in seconds: threads that all wait for
# a server that is away could serve nobody else.
_PAUSE = 0.5
_WRITING: tuple[Purpose, ...] = get_args(Writing)
# A connection that was used so many seconds ago is not asked whether it is there.
_MOMENT = 1.0
# A server has this long, in seconds, to say itself that a statement took too long.
_GRACE = 0.5
# What another transaction has just made, or taken away that was referred to.
_TAKEN = ("23505", "23503")
# A server that is there and takes no more connections says so in words alone.
_FULL = re.compile("too many (clients|connections)|connection slots")
# Moments come in the time zone of the transaction, as another class than ours.
_READERS: dict[type, Reader] = {UTCDateTime: lambda moment: moment.astimezone(UTC)}


class PostgreSQL:
    """A server, or several of which one is the primary."""

    def __init__(self, url: URL, limits: Limits, *, primary: bool = True) -> None:
        """Prepare to connect to the primary, or to whatever server is there."""
        self._limits = limits
        self._patience = limits.statement + _GRACE if limits.statement else None
        self._closed_until = 0.0
        self._failure: type[StorageUnavailable] = Unreachable
        # Made once the server has said in which schema the blog is.
        self._search_path: str | None = None
        self._openings: Mapping[Purpose, str] = {}
        self._setting = ""
        completed = complete(url, limits, primary)
        # Whether there may be another one that takes writes, should this one take none any more.
        self._has_others = completed.query["target_session_attrs"] == "read-write"
        self.engine = self._create_engine(completed)
        self._prepare = lru_cache(1024)(partial(Prepared, self.engine.dialect, _READERS))
        self.group: GroupCommit | None = None
        # Of which cluster the server was when last reached; None where the role may not know.
        self.system: int | None = None

    def create(self) -> bool:
        """Make nothing: a database on a server is made by its administrator."""
        return False

    def discard(self) -> None:
        """Do nothing: a database that was not made here stays."""

    def require(self) -> None:
        """Do nothing: that a database is missing shows when it is connected to."""

    def order_commits(self, connection: Connection) -> None:
        """Wait for those that came here before to commit; have those that come after wait."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ORDER_KEY})")

    def fetch(
        self, statement: Select[Any], values: Mapping[str, object], take: Take = list
    ) -> list[list[Any]]:
        """The rows of a statement that are taken, of one moment, in one round trip.

        Raises StorageUnavailable, and Interrupted where it can be tried again.
        """
        prepared = self._prepare(statement)
        with closing(take_driver_connection(self.engine)) as connection:
            driver: Any = connection.driver_connection
            if driver.writes_iso_dates():
                return prepared.read(take(self._fetch(connection, prepared, values)))
        with take_connection(self.engine) as slow:
            return [list(row) for row in take_rows(slow, statement, values, take)]

    def _fetch(
        self, connection: PoolProxiedConnection, prepared: Prepared, values: Mapping[str, object]
    ) -> list[Any]:
        driver: Any = connection.driver_connection
        driver.patience = self._patience
        statements = f"{self._setting};{prepared.text}"
        try:
            rows: list[Any] = driver.fetch(statements, prepared.bind(values))
        except psycopg.Error as error:
            if driver.closed:
                connection.invalidate(error)
            if translated := translate(error, lost=driver.closed, last=True):
                raise translated from error
            error.args = (first_line(error),)
            raise
        return rows

    def insert(
        self, connection: Connection, statement: Insert, rows: Sequence[Mapping[str, object]]
    ) -> int:
        """Write rows in a transaction; give how many were. Raises StorageUnavailable."""
        options = {"preserve_rowcount": True}
        return connection.execute(statement, rows, execution_options=options).rowcount

    def close(self) -> None:
        """Close every connection that nobody uses now."""
        self.engine.dispose()

    def end(self) -> None:
        """Do nothing: the server sees that a process has gone."""

    def lock_name(self, connection: Connection, name: str) -> None:
        """Let no other transaction that locks this name go on until this one ends."""
        connection.execute(LOCK_NAME, {"key": NAME_KEY, "name": name})

    def files(self) -> Sequence[Path]:
        """None: a server keeps it in files of its own."""
        return []

    def commit(self, transaction: RootTransaction, connection: Connection) -> None:
        """Commit. Raises OutcomeUnknown where the server did not clearly say that it is done."""
        warnings: list[str] = connection.info["warnings"]
        warnings.clear()
        try:
            transaction.commit()
        except StorageUnavailable as error:
            raise OutcomeUnknown(f"the connection was lost during the commit: {error}") from error
        # A wait for a standby that was cut short ends with a warning and a success.
        if warnings:
            raise OutcomeUnknown(f"the commit was not confirmed: {warnings[0]}")

    def freshness(self, mark: Mark) -> NotifiedFreshness:
        """What tells of writes: the server of those of all nodes, the mark of this node's own."""
        return NotifiedFreshness(self._connect_to_listen, mark)

    def broken_pages(self, _connection: Connection) -> list[str]:
        """None that are known: the server finds them as it reads, where it keeps checksums."""
        return []

    def why_unwritable(self, connection: Connection, tables: Sequence[str]) -> str | None:
        """Whether the rights of the role forbid it, or a setting; a standby is no primary."""
        return why_unwritable(connection, tables)

    def is_conflict(self, error: Exception) -> bool:
        """Whether it was cut off, or broke a constraint that held when it was looked at."""
        state = getattr(getattr(error, "orig", None), "sqlstate", None)
        return isinstance(error, Interrupted) or state in _TAKEN

    def keep_out(self, connection: Connection, tables: Sequence[str]) -> None:
        """Let nobody else write these tables until the transaction ends."""
        names = ", ".join(tables)
        connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")

    def place(self) -> Place:
        """How far the primary is; all that was acknowledged is within.

        Raises Unreachable where there is no primary.
        """
        connection, place = self.reach()
        connection.close()
        if place.standby:
            raise Unreachable("the server is no primary")
        return place

    def reach(self) -> tuple[Connection, Place]:
        """A connection to this server, and how far the server is at the least.

        Raises StorageUnavailable where it can't be reached.
        """
        connection = take_connection(self.engine)
        set_purpose(connection, "none")
        try:
            # Asked before the snapshot is taken: what is replayed by now, the snapshot will show.
            self.system, place = read_place(connection)
            connection.rollback()
        except BaseException:
            connection.close()
            raise
        set_purpose(connection, "reading")
        return connection, place

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
            # A prepared statement would be unknown to the next connection behind pgbouncer.
            connect_args={"prepare_threshold": None, "autocommit": True},
        )
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "connect", _set_up_connection)
        event.listen(engine, "reset", _reset)
        event.listen(engine, "checkin", _note_use)
        event.listen(engine, "checkout", self._check)
        event.listen(engine, "begin", self._begin)
        event.listen(engine, "handle_error", self._translate)
        return engine

    def _connect(
        self, _dialect: Dialect, _record: ConnectionPoolEntry, args: Any, options: Any
    ) -> psycopg.Connection[Any]:
        if monotonic() < self._closed_until:
            raise self._failure("the database could not be reached a moment ago")
        if self._closed_until:
            # It was away: while this thread tries again, the others need not wait with it.
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
        self._closed_until = 0.0
        connection.idle_patience = self._limits.connect
        try:
            self._look_around(connection)
        except (psycopg.Error, DatabaseError):
            connection.close()
            raise
        return connection

    def _look_around(self, connection: WatchedConnection) -> None:
        """Find out once where the blog is. Raises DatabaseError where it can't be there."""
        if self._search_path is not None:
            return
        (row,) = connection.execute(QUESTION).fetchall()
        path = Surroundings(*row).search_path()
        purposes: tuple[Purpose, ...] = ("reading", *_WRITING)
        self._openings = {purpose: opening(self._limits, purpose, path) for purpose in purposes}
        self._setting = single_reading(self._limits, path)
        self._search_path = path

    def _connect_to_listen(self) -> psycopg.Connection[Any]:
        """A connection to the server itself, which nobody else uses."""
        pooled = self.engine.raw_connection()
        driver: Any = pooled.driver_connection
        pooled.detach()
        if driver.execute("SELECT pg_backend_pid()").fetchone()[0] != driver.info.backend_pid:
            driver.close()
            raise DatabaseError("the URL is that of a pooler, which passes on no notification")
        driver.execute(
            "SELECT pg_catalog.set_config('search_path', %s, false)", [self._search_path]
        ).close()
        return cast(psycopg.Connection[Any], driver)

    def _pause(self, more: float = 0.0) -> None:
        """Have nobody try to connect for a while."""
        self._closed_until = monotonic() + _PAUSE + more

    def _check(
        self, driver: WatchedConnection, record: ConnectionPoolEntry, _proxy: object
    ) -> None:
        """Have a connection that was lost replaced, and all others that are as old.

        One that was used a moment ago and that the server has not closed since is there, or else
        does not even say that it isn't: to ask would take as long as a read.
        """
        recent = monotonic() < record.info["used"] + _MOMENT
        if recent and not driver.closed and driver.is_silent():
            return
        try:
            driver.execute("SELECT 1").close()
        except psycopg.Error as error:
            self._note(error)
            raise InvalidatePoolError from error

    def _begin(self, connection: Connection) -> None:
        purpose = purpose_of(connection)
        if purpose != "none":
            self._open(connection, purpose)
        if purpose in ("queued", "upgrading"):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")

    def _open(self, connection: Connection, purpose: Purpose) -> None:
        """Send what begins a transaction, in one round trip, which the driver does not divide."""
        driver: Any = connection.connection.driver_connection
        driver.patience = None if purpose == "upgrading" else self._patience
        try:
            driver.execute(self._openings[purpose]).close()
        except psycopg.Error as error:
            self._note(error)
            # Whatever it was, nothing has been done on this connection and nothing will be.
            connection.invalidate(error)
            raise Interrupted(f"the database cut this off: {first_line(error)}") from error

    def _note(self, error: psycopg.Error) -> None:
        """Leave a server alone for a while that does not even answer what needs no work."""
        if isinstance(error, Unresponsive) and error.idle:
            self._failure = Unreachable
            self._pause()

    def _translate(self, context: ExceptionContext) -> None:
        """Turn what the driver says of the state of a server into our own errors.

        The driver's exception stays the cause, for the log.
        """
        error = context.original_exception
        if not isinstance(error, psycopg.Error):
            return
        self._note(error)
        writing = context.connection is not None and purpose_of(context.connection) in _WRITING
        if writing and is_primary_no_more(error, context, self._has_others):
            context.is_disconnect = True
        # One answer that is late says nothing of the other connections.
        context.invalidate_pool_on_disconnect = not is_late(error)
        lost = context.is_disconnect
        if translated := translate(error, lost=lost, last=writing, writing=writing):
            raise translated from error
        # The lines after the first may show a whole row, which belongs in no log.
        for shown in filter(None, (error, context.sqlalchemy_exception)):
            shown.args = (first_line(error),)


def _set_up_connection(connection: psycopg.Connection[Any], record: ConnectionPoolEntry) -> None:
    warnings = record.info["warnings"] = []
    record.info["used"] = monotonic()

    def note(message: Diagnostic) -> None:
        # In a transaction nothing less than a warning is sent.
        warnings.append(str(message.message_primary))

    connection.add_notice_handler(note)


def _reset(driver: psycopg.Connection[Any], _record: object, _state: object) -> None:
    """End what is under way on a connection that is given back; most have ended it themselves."""
    if driver.pgconn.transaction_status != TransactionStatus.IDLE:
        driver.rollback()


def _note_use(_driver: object, record: ConnectionPoolEntry) -> None:
    record.info["used"] = monotonic()
