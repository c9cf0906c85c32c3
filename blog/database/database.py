"""A database of any kind, opened by its URL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from sqlalchemy import URL

from blog.database.backend import Backend, Source
from blog.database.change_detection import ChangeDetector
from blog.database.limits import Limits
from blog.database.session import Session
from blog.database.sqlite.backend import SQLite
from blog.database.urls import read_path, read_replica_url, read_url
from blog.errors import DatabaseError


class Database:
    """A database: an SQLite file, or PostgreSQL with its replicas."""

    def __init__(
        self, url: str | URL, limits: Limits | None = None, read_url: str | None = None
    ) -> None:
        """Prepare to use the database at an SQLAlchemy URL, and replicas of it if given.

        Connects to nothing yet. Raises DatabaseError for a URL that can't be used.
        """
        self.backend = _create_backend(url, limits or Limits(), read_url)
        self.engine = self.backend.engine
        # Renewed after each write of this process, and after each read that may be stale.
        self.change_token = self.backend.change_token
        self.write_health = self.backend.write_health

    def session(self, source: Source = "primary") -> Session:
        """A session for one request or command."""
        return Session(self.backend, source)

    def change_detector(self, tables: Sequence[str]) -> ChangeDetector:
        """A detector of changes to these tables, to be closed by the caller."""
        return self.backend.change_detector(tables)

    def try_lock_name(self, name: str) -> AbstractContextManager[bool]:
        """Hold a lock of this name, if no process of any node does, and say whether it was free.

        On PostgreSQL this takes a connection. Raises StorageUnavailable.
        """
        return self.backend.try_lock_name(name)

    def close(self) -> None:
        """Close all idle connections."""
        self.backend.close()

    def shut_down(self) -> None:
        """Prepare for the end of this process."""
        self.backend.shut_down()


def _create_backend(url: str | URL, limits: Limits, replica_url: str | None) -> Backend:
    parsed = read_url(url)
    replicas = read_replica_url(replica_url) if replica_url else None
    if parsed.get_backend_name() == "sqlite":
        return SQLite(read_path(parsed), limits)
    try:
        # The driver is an optional dependency, which SQLite does not need.
        from blog.database.postgresql.backend import PostgreSQL
    except ModuleNotFoundError as error:
        raise DatabaseError(
            f"PostgreSQL needs {error.name}; in the checkout, pip install '.[postgres]'"
        ) from error
    return PostgreSQL(parsed, limits, replicas)
