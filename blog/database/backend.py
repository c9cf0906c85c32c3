"""What differs from one kind of database to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Insert, RootTransaction, Select

from blog.database.change_detection import Freshness, Mark
from blog.database.group_commit import GroupCommit
from blog.database.page_bytes import Take


class Backend(Protocol):
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

    def why_unwritable(self, connection: Connection, tables: Sequence[str]) -> str | None:
        """Why a write would fail, as far as that can be told without one; None where it would not.

        The connection is one to the primary, for reading.
        """

    def broken_pages(self, connection: Connection) -> list[str]:
        """Where what is kept can't be read as it was written, as far as known, a sentence each."""
