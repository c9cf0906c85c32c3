"""The one connection that serves a request or a command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Select
from sqlalchemy.exc import IntegrityError

from blog.database.limits import Writing, set_purpose
from blog.database.nodes import Nodes, Source
from blog.database.page_bytes import Take, take_rows
from blog.errors import Interrupted, Unwritable

# What was read by itself shares no snapshot with what is read later.
_SPENT = "a session for a single read has read already"
# How often a write is tried when others come between.
_ATTEMPTS = 10

Result = TypeVar("Result")


class Session:
    """One connection, taken when first needed: reads share a snapshot, and a write ends it.

    One for a single read has no snapshot to share, so that read takes a fraction of the time.
    """

    def __init__(self, database: Nodes, source: Source, single: bool) -> None:
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

    def why_unwritable(self, tables: Sequence[str]) -> str | None:
        """Why a write to these tables would fail, None if it would not.

        Raises StorageUnavailable where the database can't be read.
        """
        if not self.is_on_primary():
            return "there is no primary"
        health, server = self._database.write_health, self._database.server
        failure = health.failure() or server.why_unwritable(self.reading(), tables)
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
