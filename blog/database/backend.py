"""What every kind of database does, and what differs from one kind to another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Insert, RootTransaction, Select

from blog.database.change_detection import ChangeDetector, ChangeToken
from blog.database.group_commit import GroupCommit
from blog.database.limits import take_connection
from blog.database.page_bytes import Take
from blog.database.write_health import WriteHealth

# Where reads are sent: to the primary alone; to the primary, or a replica while there is no
# primary; or to a replica that has every acknowledged write, if there is one.
Source = Literal["primary", "primary, else replica", "replica"]


class Backend(ABC):
    """A database of one kind. Each kind overrides what it does otherwise."""

    # Combines concurrent writes of this process; None where the server does so.
    group: GroupCommit | None = None

    def __init__(self, engine: Engine) -> None:
        """Use an engine that connects to the primary."""
        self.engine = engine
        self.change_token = ChangeToken()
        self.write_health = WriteHealth()

    def create(self) -> bool:
        """Create the database if there is none. Returns whether it was created."""
        return False

    def delete(self) -> None:
        """Delete a database that `create` created and that is not in use."""

    def require_exists(self) -> None:
        """Raise DatabaseError if there is no database."""

    def files(self) -> Sequence[Path]:
        """The files of the database that exist and are known."""
        return []

    def connect(self, source: Source) -> Connection:
        """A connection for reading. Raises StorageUnavailable."""
        return take_connection(self.engine)

    @abstractmethod
    def fetch(
        self, source: Source, statement: Select[Any], values: Mapping[str, object], take: Take
    ) -> list[Any]:
        """Run one statement by itself; return the rows that ``take`` selects.

        Raises StorageUnavailable.
        """

    def insert(
        self, connection: Connection, statement: Insert, rows: Sequence[Mapping[str, object]]
    ) -> int:
        """Insert rows within a transaction; return how many. Raises StorageUnavailable."""
        options = {"preserve_rowcount": True}
        return connection.execute(statement, rows, execution_options=options).rowcount

    @abstractmethod
    def commit(self, transaction: RootTransaction, connection: Connection) -> None:
        """Commit, or raise OutcomeUnknown if the commit may be lost."""

    def is_conflict(self, error: Exception) -> bool:
        """Whether a write failed because of a concurrent one, and may be retried."""
        return False

    def lock_tables(self, connection: Connection, tables: Sequence[str]) -> None:
        """Keep all other transactions from writing these tables until this one ends."""

    def order_commits(self, connection: Connection) -> None:
        """Wait until all transactions that called this before have ended."""

    def lock_name(self, connection: Connection, name: str) -> None:
        """Wait until no other transaction holds the lock of this name, and take it."""

    @abstractmethod
    def try_lock_name(self, name: str) -> AbstractContextManager[bool]:
        """Hold the lock of this name, if it is free, and say whether it was.

        It keeps other processes, and other nodes, from doing the same work. It is another lock
        than that of `lock_name`. Raises StorageUnavailable.
        """

    @abstractmethod
    def change_detector(self, tables: Sequence[str]) -> ChangeDetector:
        """A detector of changes to these tables; it may report other changes too."""

    @abstractmethod
    def why_unwritable(self, connection: Connection, tables: Sequence[str]) -> str | None:
        """Why a write to these tables would fail, as far as known without one; else None.

        The connection reads from the primary.
        """

    def damaged_pages(self, connection: Connection) -> list[str]:
        """One sentence for each fault found in the database's pages."""
        return []

    def close(self) -> None:
        """Close all idle connections."""
        self.engine.dispose()

    def shut_down(self) -> None:
        """Prepare for the end of this process."""
