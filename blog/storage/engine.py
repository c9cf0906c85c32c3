"""The database: how it is opened, and the one connection that serves a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, Insert, RootTransaction, Select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError

from blog.errors import DatabaseError, Interrupted, Unreachable, Unwritable
from blog.storage.connections import Limits, Writing, set_purpose, take_connection
from blog.storage.file_urls import likely_file_url
from blog.storage.freshness import Freshness, Mark
from blog.storage.group_commit import GroupCommit
from blog.storage.page_bytes import Take, take_rows
from blog.storage.postgresql_urls import check
from blog.storage.sqlite import SQLite, read_path
from blog.storage.write_health import WriteHealth

if TYPE_CHECKING:
    from blog.storage.replicas import Replicas

# What was read by itself shares no snapshot with what is read later.
_SPENT = "a session for a single read has read already"
# How often a write is tried when others come between.
_ATTEMPTS = 10

Result = TypeVar("Result")
# Where reads are sent: to the primary alone; to it, but to a replica while there is none; or to
# a replica, as long as one has all that was acknowledged.
Source = Literal["primary", "primary, else replica", "replica"]


class Server(Protocol):
    """What is special about a kind of database."""

    engine: Engine
    # Those who write to it from this process; None where the server itself brings them together.
    group: GroupCommit | None

    def create(self) -> bool:
        """Make the database where there is none; give whether it was made."""

    def discard(self) -> None:
        """Take away a database that was made and that nobody uses."""

    def require(self) -> None:
        """Raise DatabaseError where there is no database."""

    def files(self) -> Sequence[Path]:
        """The files in which the database is kept, as far as they are there and known."""

    def fetch(
        self, statement: Select[Any], values: Mapping[str, object], take: Take = list
    ) -> list[list[Any]]:
        """The rows of a statement that are taken, of one moment. Raises StorageUnavailable."""

    def insert(
        self, connection: Connection, statement: Insert, rows: Sequence[Mapping[str, object]]
    ) -> int:
        """Write rows in a transaction; give how many were. Raises StorageUnavailable."""

    def close(self) -> None:
        """Close every connection that nobody uses now."""

    def end(self) -> None:
        """Do what is to be done before the process ends."""

    def is_conflict(self, error: Exception) -> bool:
        """Whether a write that failed so may be tried again, as another one came between."""

    def keep_out(self, connection: Connection, tables: Sequence[str]) -> None:
        """Let nobody else write these tables until the transaction ends."""

    def order_commits(self, connection: Connection) -> None:
        """Wait for those that came here before to commit; have those that come after wait."""

    def lock_name(self, connection: Connection, name: str) -> None:
        """Let no other transaction that locks this name go on until this one ends."""

    def commit(self, transaction: RootTransaction, connection: Connection) -> None:
        """Commit, for sure."""

    def freshness(self, mark: Mark) -> Freshness:
        """What tells whether the database has changed; the mark does, where this node did it."""

    def why_unwritable(self, connection: Connection) -> str | None:
        """Why a write would fail, as far as that can be told without one; None where it would not.

        The connection is one to the primary, for reading.
        """

    def broken_pages(self, connection: Connection) -> list[str]:
        """Where what is kept can't be read as it was written, as far as known, a sentence each."""


class Database:
    """An engine, and what every use of it shares."""

    def __init__(
        self, url: str | URL, limits: Limits | None = None, read_url: str | None = None
    ) -> None:
        """Prepare to use the database at an SQLAlchemy URL, and perhaps replicas of it.

        Nothing is opened yet. Raises DatabaseError for a URL that can't be used.
        """
        limits = limits or Limits()
        # Renewed whenever this process has written, or has read what may be old.
        self.mark = Mark()
        self.write_health = WriteHealth()
        self.server, self._replicas = _open(url, read_url, limits, self.mark)
        self.engine = self.server.engine

    def session(self, source: Source = "primary", *, single: bool = False) -> Session:
        """A session for one request or one command; ``single`` where it reads at most once."""
        return Session(self, source, single)

    def connect(self, source: Source) -> Connection:
        """A connection for reading. Raises StorageUnavailable when none can be had."""
        if self._replicas is None or source == "primary":
            return take_connection(self.engine)
        if source == "replica" and (connection := self._replicas.connect()):
            return connection
        try:
            return take_connection(self.engine)
        except Unreachable:
            # It may have gone since the replicas were asked.
            if connection := self._replicas.connect_without_primary():
                return connection
            raise

    def freshness(self) -> Freshness:
        """What tells whether the database has changed, to be closed by whoever asks for it."""
        return self.server.freshness(self.mark)

    def fetch(
        self,
        source: Source,
        statement: Select[Any],
        values: Mapping[str, object],
        take: Take = list,
    ) -> Sequence[Sequence[Any]]:
        """The rows of a statement that are taken, of one moment. Raises StorageUnavailable."""
        if self._replicas is None or source == "primary":
            return self.server.fetch(statement, values, take)
        with self.connect(source) as connection:
            return take_rows(connection, statement, values, take)

    def close(self) -> None:
        """Close every connection that nobody uses now."""
        self.server.close()
        if self._replicas:
            self._replicas.close()

    def end(self) -> None:
        """Leave everything in order for others before the process ends."""
        self.server.end()


class Session:
    """One connection, taken when first needed: reads share a snapshot, and a write ends it.

    One for a single read has no snapshot to share, so that read takes a fraction of the time.
    """

    def __init__(self, database: Database, source: Source, single: bool) -> None:
        self._database = database
        self._source = source
        self._single = single
        self._is_spent = False
        self._connection: Connection | None = None

    def reading(self) -> Connection:
        """The connection, in a transaction for reading.

        Raises StorageUnavailable when none can be had.
        """
        if self._connection is None:
            assert not self._is_spent, _SPENT  # nosec B101
            self._connection = self._database.connect(self._source)
        return self._connection

    @property
    def kind(self) -> str:
        """The kind of the database, by the name that SQLAlchemy has for it."""
        return self._database.engine.dialect.name

    def fetch(
        self, statement: Select[Any], values: Mapping[str, object], take: Take = list
    ) -> Sequence[Sequence[Any]]:
        """The rows that are taken, or all, of a statement that is read again and again.

        It belongs to the snapshot of what was read before. Raises StorageUnavailable.
        """
        if not self._single or self._connection is not None:
            return take_rows(self.reading(), statement, values, take)
        assert not self._is_spent, _SPENT  # nosec B101
        self._is_spent = True
        return self._database.fetch(self._source, statement, values, take)

    def look_up(
        self, statement: Select[Any], values: Mapping[str, object]
    ) -> Sequence[Sequence[Any]]:
        """The same for what says nothing of what is read later, such as who the caller is.

        It begins no snapshot, so that it takes a fraction of the time in every session.
        """
        if self._connection is None:
            return self._database.fetch(self._source, statement, values)
        return self._connection.execute(statement, values).all()

    def write(self, work: Callable[[Connection], Result], purpose: Writing = "writing") -> Result:
        """What ``work`` gives, done in a transaction for writing that is committed on return.

        ``work`` begins anew when another write came between, so it has no effect but on the
        database. Raises StorageUnavailable when others are always faster, and else as `writing`.
        """
        if (group := self._database.server.group) and purpose == "writing":
            # Who waits holds on to nothing that was read, nor to a connection, for whoever has the
            # turn may need that very one.
            self.close()
            return group.write(work, self.writing)
        for _ in range(_ATTEMPTS - 1):
            try:
                with self.writing(purpose) as connection:
                    return work(connection)
            except (Interrupted, IntegrityError) as error:
                if not self._database.server.is_conflict(error):
                    raise
                self.close()
                # Those who have met queue up.
                purpose = "queued" if purpose == "writing" else purpose
        with self.writing(purpose) as connection:
            return work(connection)

    @contextmanager
    def writing(self, purpose: Writing = "writing") -> Iterator[Connection]:
        """The connection, in a transaction for writing that is committed at the end.

        The transaction begins anew, so what was read before it may have changed. An exception
        undoes it. Raises StorageUnavailable when the database can't be written, or another write
        keeps it too long, and OutcomeUnknown when it may have been done all the same.
        """
        connection = self._connection_to_primary()
        connection.rollback()
        set_purpose(connection, purpose)
        try:
            with connection.begin() as transaction:
                yield connection
                self._database.server.commit(transaction, connection)
            self._database.write_health.succeeded()
        except Unwritable as error:
            self._database.write_health.failed(str(error))
            raise
        finally:
            # Whether something was done or not: that may not be known.
            self._database.mark.renew()
            set_purpose(connection, "reading")

    def insert(self, connection: Connection, statement: Insert, *rows: Mapping[str, object]) -> int:
        """Write rows, by a statement that is run again and again, in a transaction for writing.

        Each row has all columns that the statement knows: what has another name is passed over.
        Gives how many were written. Raises StorageUnavailable.
        """
        return self._database.server.insert(connection, statement, rows)

    def order_commits(self, connection: Connection) -> None:
        """Have the transaction for writing commit after all others that came here before it.

        What they have written, the next statement sees.
        """
        self._database.server.order_commits(connection)

    def lock_name(self, connection: Connection, name: str) -> None:
        """Wait until no other transaction for writing has locked this name.

        What they have written, the next statement sees.
        """
        self._database.server.lock_name(connection, name)

    def why_unwritable(self) -> str | None:
        """Why a write would fail, by the last one and a look at the database; None if it would not.

        Raises StorageUnavailable where the database can't be read.
        """
        if not self.is_on_primary():
            return "there is no primary"
        health, server = self._database.write_health, self._database.server
        failure = health.failure() or server.why_unwritable(self.reading())
        health.tell(failure)
        return failure

    def is_on_primary(self) -> bool:
        """Whether what is read is from the primary, which has all that there is."""
        return self.reading().engine is self._database.engine

    def close(self) -> None:
        """End the transaction and give the connection back; the session can be used again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connection_to_primary(self) -> Connection:
        if self._connection is None or self._connection.engine is not self._database.engine:
            self.close()
            self._connection = self._database.connect("primary")
        return self._connection


def read_url(url: str | URL) -> URL:
    """A database URL, taken apart. Raises DatabaseError for one that can't be used."""
    if str(url).startswith("postgresql"):
        check(str(url))
    try:
        return _read_url(url)
    except DatabaseError as error:
        raise DatabaseError(f"{error}{likely_file_url(str(url))}") from None


def _read_url(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseError("the database URL can't be read") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        read_path(parsed)
    elif backend != "postgresql":
        raise DatabaseError(
            f"{backend!r} is not served: begin with sqlite:/// or postgresql+psycopg://"
        )
    elif parsed.drivername not in ("postgresql", "postgresql+psycopg"):
        raise DatabaseError(f"{parsed.drivername!r} is not served: write postgresql+psycopg://")
    return parsed


def read_replica_url(url: str) -> URL:
    """The URL of replicas, taken apart. Raises DatabaseError for one that can't be used."""
    parsed = read_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise DatabaseError("only PostgreSQL has replicas")
    # Each gets connections of its own.
    if "port" in parsed.query or any(
        "," in host for host in parsed.normalized_query.get("host", ())
    ):
        raise DatabaseError("write each replica as host=NAME:PORT")
    return parsed


def _open(
    url: str | URL, replica_url: str | None, limits: Limits, mark: Mark
) -> tuple[Server, Replicas | None]:
    parsed = read_url(url)
    replicas = read_replica_url(replica_url) if replica_url else None
    if parsed.get_backend_name() == "sqlite":
        return SQLite(parsed, limits), None
    try:
        # Whoever stays with SQLite has no need of the driver.
        from blog.storage.postgresql import PostgreSQL
        from blog.storage.replicas import Replicas
    except ModuleNotFoundError as error:
        raise DatabaseError(
            f"PostgreSQL needs {error.name}; in the checkout, pip install '.[postgres]'"
        ) from error
    primary = PostgreSQL(parsed, limits)
    return primary, Replicas(replicas, limits, primary, mark) if replicas else None
