"""The connection that one request or command reads and writes with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Select
from sqlalchemy.exc import IntegrityError

from blog.database.backend import Backend, Source
from blog.database.limits import WritePurpose, set_purpose
from blog.database.page_bytes import Take, take_rows
from blog.errors import Interrupted, Unwritable

# How often a write is tried if others conflict with it.
_ATTEMPTS = 10

Result = TypeVar("Result")


class Session:
    """One connection, taken when first needed. `reading` begins a snapshot, which a write ends."""

    def __init__(self, backend: Backend, source: Source) -> None:
        self._backend = backend
        self._source = source
        self._connection: Connection | None = None

    def reading(self) -> Connection:
        """The connection, in a transaction for reading. Raises StorageUnavailable."""
        if self._connection is None:
            self._connection = self._backend.connect(self._source)
        return self._connection

    @property
    def kind(self) -> str:
        """The kind of the database, as SQLAlchemy names it."""
        return self._backend.engine.dialect.name

    def fetch(
        self, statement: Select[Any], values: Mapping[str, object], take: Take = list
    ) -> Sequence[Any]:
        """The rows of a statement that needs no snapshot with later reads; ``take`` may end early.

        It uses the snapshot of `reading` if there is one, and begins none: with one, an uncached
        post takes a fifth longer on SQLite. Raises StorageUnavailable.
        """
        if self._connection is None:
            return self._backend.fetch(self._source, statement, values, take)
        return take_rows(self._connection, statement, values, take)

    def write(
        self, work: Callable[[Connection], Result], purpose: WritePurpose = "writing"
    ) -> Result:
        """Call ``work`` in a transaction for writing, commit, and return its result.

        After a conflict ``work`` is called again, so it must have no effect outside the database.
        Raises StorageUnavailable after too many conflicts, and otherwise as `writing` does.
        """
        if (group := self._backend.group) and purpose == "writing":
            # A session that waits holds no connection: the one that writes may need it.
            self.close()
            return group.write(work, self.writing)
        for _ in range(_ATTEMPTS - 1):
            try:
                with self.writing(purpose) as connection:
                    return work(connection)
            except (Interrupted, IntegrityError) as error:
                if not self._backend.is_conflict(error):
                    raise
                self.close()
                # Writes that have conflicted are done one after the other.
                purpose = "queued" if purpose == "writing" else purpose
        with self.writing(purpose) as connection:
            return work(connection)

    @contextmanager
    def writing(self, purpose: WritePurpose = "writing") -> Iterator[Connection]:
        """The connection, in a new transaction for writing that is committed at the end.

        An exception rolls it back. Raises StorageUnavailable if the database can't be written or
        is locked for too long, and OutcomeUnknown if the commit may or may not have succeeded.
        """
        connection = self._connection_to_primary()
        connection.rollback()
        set_purpose(connection, purpose)
        try:
            with connection.begin() as transaction:
                yield connection
                self._backend.commit(transaction, connection)
            self._backend.write_health.record_success()
        except Unwritable as error:
            self._backend.write_health.record_failure(str(error))
            raise
        finally:
            # After an error too: the commit may have succeeded.
            self._backend.change_token.renew()
            set_purpose(connection, "reading")

    def insert(self, connection: Connection, statement: Insert, *rows: Mapping[str, object]) -> int:
        """Insert rows, in a transaction for writing; return how many. Raises StorageUnavailable.

        The statement is compiled once and reused. Values for columns that it does not have are
        ignored.
        """
        return self._backend.insert(connection, statement, rows)

    def order_commits(self, connection: Connection) -> None:
        """Wait until all transactions that called this before have ended.

        The next statement sees what they wrote.
        """
        self._backend.order_commits(connection)

    def lock_name(self, connection: Connection, name: str) -> None:
        """Wait until no other transaction holds the lock of this name, and take it.

        The next statement sees what they wrote.
        """
        self._backend.lock_name(connection, name)

    def why_unwritable(self, tables: Sequence[str]) -> str | None:
        """Why a write to these tables would fail; None if it would not.

        Raises StorageUnavailable if the database can't be read.
        """
        if not self.is_on_primary():
            return "there is no primary"
        health = self._backend.write_health
        failure = health.recent_failure() or self._backend.why_unwritable(self.reading(), tables)
        health.report(failure)
        return failure

    def is_on_primary(self) -> bool:
        """Whether reads go to the primary, which has every write."""
        return self.reading().engine is self._backend.engine

    def close(self) -> None:
        """End the transaction and return the connection. The session can be used again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connection_to_primary(self) -> Connection:
        if self._connection is None or self._connection.engine is not self._backend.engine:
            self.close()
            self._connection = self._backend.connect("primary")
        return self._connection
