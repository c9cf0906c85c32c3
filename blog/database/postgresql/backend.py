"""PostgreSQL: reading and writing a primary server, and reading its replicas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, RootTransaction, Select

from blog.database.backend import Backend, Source
from blog.database.limits import Limits, take_connection
from blog.database.page_bytes import Take, take_rows
from blog.database.postgresql.notifications import NotificationListener
from blog.database.postgresql.replicas import Replicas
from blog.database.postgresql.requirements import why_unwritable
from blog.database.postgresql.server import PostgreSQLServer
from blog.database.postgresql.transactions import LOCK_NAME, LOCK_ORDER, TRY_LOCK_NAME
from blog.errors import Interrupted, OutcomeUnknown, StorageUnavailable, Unreachable

# SQLSTATEs of a unique and of a foreign key constraint, which a concurrent write may have broken.
_BROKEN_CONSTRAINTS = ("23505", "23503")


class PostgreSQL(Backend):
    """A database on a primary server, with replicas of it."""

    def __init__(self, url: URL, limits: Limits, replica_url: URL | None = None) -> None:
        self._primary = PostgreSQLServer(url, limits)
        super().__init__(self._primary.engine)
        self._replicas: Replicas | None = None
        if replica_url:
            self._replicas = Replicas(replica_url, limits, self._primary, self.change_token)

    def connect(self, source: Source) -> Connection:
        """A connection for reading, to the primary or a replica. Raises StorageUnavailable."""
        if self._replicas is None or source == "primary":
            return take_connection(self.engine)
        if source == "replica" and (connection := self._replicas.connect()):
            return connection
        try:
            return take_connection(self.engine)
        except Unreachable:
            # The primary may have gone away since the replicas were compared with it.
            if connection := self._replicas.connect_without_primary():
                return connection
            raise

    def fetch(
        self, source: Source, statement: Select[Any], values: Mapping[str, object], take: Take
    ) -> list[Any]:
        """Run one statement by itself; return the rows that ``take`` selects.

        Raises StorageUnavailable.
        """
        if self._replicas is None or source == "primary":
            return self._primary.fetch(statement, values, take)
        with self.connect(source) as connection:
            return take_rows(connection, statement, values, take)

    def commit(self, transaction: RootTransaction, connection: Connection) -> None:
        """Commit, or raise OutcomeUnknown if the server does not confirm the commit."""
        warnings: list[str] = connection.info["warnings"]
        warnings.clear()
        try:
            transaction.commit()
        except StorageUnavailable as error:
            raise OutcomeUnknown(f"the connection was lost during the commit: {error}") from error
        # If the wait for a standby is cancelled, the commit succeeds with a warning.
        if warnings:
            raise OutcomeUnknown(f"the commit was not confirmed: {warnings[0]}")

    def is_conflict(self, error: Exception) -> bool:
        """Whether the transaction was interrupted, or a constraint broken by a concurrent one."""
        state = getattr(getattr(error, "orig", None), "sqlstate", None)
        return isinstance(error, Interrupted) or state in _BROKEN_CONSTRAINTS

    def lock_tables(self, connection: Connection, tables: Sequence[str]) -> None:
        """Keep all other transactions from writing these tables until this one ends."""
        names = ", ".join(tables)
        connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")

    def order_commits(self, connection: Connection) -> None:
        """Wait until all transactions that called this before have ended."""
        connection.exec_driver_sql(LOCK_ORDER)

    def lock_name(self, connection: Connection, name: str) -> None:
        """Wait until no other transaction holds the lock of this name, and take it."""
        connection.execute(LOCK_NAME, {"name": name})

    @contextmanager
    def try_lock_name(self, name: str) -> Iterator[bool]:
        """Hold the lock of this name, if it is free, and say whether it was."""
        with self.connect("primary") as connection:
            yield bool(connection.scalar(TRY_LOCK_NAME, {"name": name}))

    def change_detector(self, tables: Sequence[str]) -> NotificationListener:
        """A listener for notifications of writes to these tables, by any node."""
        return NotificationListener(self._primary.connect_to_listen, self.change_token, tables)

    def why_unwritable(self, connection: Connection, tables: Sequence[str]) -> str | None:
        """Why the role or a setting forbids writes; None if neither does."""
        return why_unwritable(connection, tables)

    def close(self) -> None:
        """Close all idle connections."""
        super().close()
        if self._replicas:
            self._replicas.close()
