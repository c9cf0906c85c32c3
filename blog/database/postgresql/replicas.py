"""Replicas: servers that follow the primary's log, read while they have all that it has."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

from sqlalchemy import URL, Connection

from blog.database.change_detection import ChangeToken
from blog.database.limits import Limits
from blog.database.postgresql.log_position import LogPosition
from blog.database.postgresql.server import PostgreSQLServer
from blog.database.postgresql.urls import host_urls
from blog.errors import Interrupted, StorageUnavailable, Unreachable

logger = logging.getLogger("blog.storage")


class Replicas:
    """The servers of a URL, each with its own connections, used in turn."""

    def __init__(
        self, url: URL, limits: Limits, primary: PostgreSQLServer, change_token: ChangeToken
    ) -> None:
        self._primary = primary
        self._change_token = change_token
        self._servers = [PostgreSQLServer(host, limits, primary=False) for host in host_urls(url)]
        self._turns = count()
        # The servers of another cluster that were logged.
        self._foreign: set[PostgreSQLServer] = set()

    def connect(self) -> Connection | None:
        """A connection to a replica with every acknowledged write.

        None if each replica lags or is away while the primary responds. Raises StorageUnavailable
        if the primary has refused a connection.
        """
        try:
            required = self._primary_position()
        except (Interrupted, Unreachable):
            return self.connect_without_primary()
        for connection, position in self._connections():
            if position.includes(required):
                return connection
            connection.close()
        return None

    def connect_without_primary(self) -> Connection | None:
        """A connection to the replica with the latest log position; None if all are away.

        What this replica lacks, the next primary will lack too. But the present primary may come
        back, so what is read must not be cached.
        """
        self._change_token.renew()
        latest: tuple[Connection, LogPosition] | None = None
        for found in self._connections():
            if latest and latest[1] >= found[1]:
                found[0].close()
                continue
            if latest:
                latest[0].close()
            latest = found
        return latest[0] if latest else None

    def close(self) -> None:
        """Close all idle connections."""
        for server in self._servers:
            server.close()

    def _primary_position(self) -> LogPosition:
        try:
            return self._primary.log_position()
        except Interrupted:
            # A single connection may be lost while the primary is there.
            return self._primary.log_position()

    def _connections(self) -> Iterator[tuple[Connection, LogPosition]]:
        """A connection to each available replica, beginning with the next one in turn."""
        first = next(self._turns) % len(self._servers)
        for server in (*self._servers[first:], *self._servers[:first]):
            # Another replica may be available.
            with suppress(StorageUnavailable):
                connection, position = server.connect()
                if self._is_of_primary(server):
                    yield connection, position
                else:
                    connection.close()

    def _is_of_primary(self, server: PostgreSQLServer) -> bool:
        """Whether a server belongs to the primary's cluster, as far as known.

        Log positions of different clusters can't be compared, so another one is logged as an error.
        """
        clusters = {server.cluster, self._primary.cluster} - {None}
        is_foreign = len(clusters) > 1
        if is_foreign and server not in self._foreign:
            url = server.engine.url
            host = url.query.get("host", url.host)
            logger.error("the replica %s is of another cluster than the primary: not used", host)
            self._foreign.add(server)
        return not is_foreign
