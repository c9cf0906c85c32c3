"""Replicas: servers that follow the primary's log, and what may be read from them when."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from sqlalchemy import URL, Connection

from blog.errors import Interrupted, PoolExhausted, StorageUnavailable
from blog.storage.connections import Limits
from blog.storage.postgresql import PostgreSQL, hosts


class Replicas:
    """The servers that a URL names, each with connections of its own, used in turn."""

    def __init__(self, url: URL, limits: Limits, primary: PostgreSQL) -> None:
        self._primary = primary
        self._servers = [PostgreSQL(host, limits, primary=False) for host in hosts(url)]
        self._turns = count()
        # The last that was heard of the primary.
        self._position: str | None = None

    def connect(self) -> Connection | None:
        """A connection to a replica that has all that was acknowledged by now.

        None where each of them lags or is away, and the primary answers. Raises Interrupted
        or PoolExhausted where it could not be asked.
        """
        try:
            position = self._primary.position()
        except (Interrupted, PoolExhausted):
            # This does not say that there is no primary.
            raise
        except StorageUnavailable:
            return self.connect_without_primary()
        self._position = position
        return self._connect_at(position)

    def connect_without_primary(self) -> Connection | None:
        """A connection to a replica, while there is no primary; None where all are away.

        The last that was heard of the primary counts. Where no replica has that any will do, as
        what is missing there the next primary will not have either.
        """
        return self._connect_at(self._position) or self._connect_at(None)

    def close(self) -> None:
        """Close every connection that nobody uses now."""
        for server in self._servers:
            server.engine.dispose()

    def _connect_at(self, position: str | None) -> Connection | None:
        for server in self._in_turn():
            try:
                if connection := server.connect_at(position):
                    return connection
            except StorageUnavailable:
                # Another one may be there; whoever finds none says so.
                continue
        return None

    def _in_turn(self) -> Iterator[PostgreSQL]:
        first = next(self._turns) % len(self._servers)
        yield from self._servers[first:]
        yield from self._servers[:first]
