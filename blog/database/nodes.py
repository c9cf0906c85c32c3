"""The servers of a database: the primary and its replicas, and which of them serves a read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import URL, Connection, Select

from blog.database.backend import Backend
from blog.database.change_detection import Freshness, Mark
from blog.database.limits import Limits, take_connection
from blog.database.page_bytes import Take, take_rows
from blog.database.sqlite.backend import SQLite
from blog.database.urls import read_replica_url, read_url
from blog.database.write_health import WriteHealth
from blog.errors import DatabaseError, Unreachable

if TYPE_CHECKING:
    from blog.database.postgresql.replicas import Replicas

# Where reads are sent: to the primary alone; to it, but to a replica while there is none; or to
# a replica, as long as one has all that was acknowledged.
Source = Literal["primary", "primary, else replica", "replica"]


class Nodes:
    """The primary and its replicas: which of them serves a read, and what is shared by all."""

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


def _open(
    url: str | URL, replica_url: str | None, limits: Limits, mark: Mark
) -> tuple[Backend, Replicas | None]:
    parsed = read_url(url)
    replicas = read_replica_url(replica_url) if replica_url else None
    if parsed.get_backend_name() == "sqlite":
        return SQLite(parsed, limits), None
    try:
        # Whoever stays with SQLite has no need of the driver.
        from blog.database.postgresql.backend import PostgreSQL
        from blog.database.postgresql.replicas import Replicas
    except ModuleNotFoundError as error:
        raise DatabaseError(
            f"PostgreSQL needs {error.name}; in the checkout, pip install '.[postgres]'"
        ) from error
    primary = PostgreSQL(parsed, limits)
    return primary, Replicas(replicas, limits, primary, mark) if replicas else None
