"""Replicas: servers that follow the primary's log, and what may be read from them when."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

from sqlalchemy import URL, Connection

from blog.database.change_detection import Mark
from blog.database.limits import Limits
from blog.database.postgresql.backend import PostgreSQL
from blog.database.postgresql.log_position import Place
from blog.database.postgresql.urls import hosts
from blog.errors import Interrupted, StorageUnavailable, Unreachable

logger = logging.getLogger("blog.storage")


class Replicas:
    """The servers that a URL names, each with connections of its own, used in turn."""

    def __init__(self, url: URL, limits: Limits, primary: PostgreSQL, mark: Mark) -> None:
        self._primary = primary
        self._mark = mark
        self._servers = [PostgreSQL(host, limits, primary=False) for host in hosts(url)]
        self._turns = count()
        # Those of another cluster, of which the log has been told.
        self._foreign: set[PostgreSQL] = set()

    def connect(self) -> Connection | None:
        """A connection to a replica that has all that was acknowledged by now.

        None where each of them lags or is away, and the primary answers. Raises StorageUnavailable
        where the primary is there and could not be asked.
        """
        try:
            wanted = self._ask_primary()
        except (Interrupted, Unreachable):
            return self.connect_without_primary()
        for connection, place in self._reach():
            if place.has_all(wanted):
                return connection
            connection.close()
        return None

    def connect_without_primary(self) -> Connection | None:
        """A connection to the replica that is furthest, None where all are away.

        What is missing there the next primary will not have either. But the primary may come back,
        so that nothing is to be kept of what is read there.
        """
        self._mark.renew()
        furthest: tuple[Connection, Place] | None = None
        for reached in self._reach():
            if furthest and furthest[1] >= reached[1]:
                reached[0].close()
                continue
            if furthest:
                furthest[0].close()
            furthest = reached
        return furthest[0] if furthest else None

    def close(self) -> None:
        """Close every connection that nobody uses now."""
        for server in self._servers:
            server.engine.dispose()

    def _ask_primary(self) -> Place:
        try:
            return self._primary.place()
        except Interrupted:
            # One connection was lost, which does not say that there is no primary.
            return self._primary.place()

    def _reach(self) -> Iterator[tuple[Connection, Place]]:
        """A connection to each of the servers that are there, beginning with the next in turn."""
        first = next(self._turns) % len(self._servers)
        for server in (*self._servers[first:], *self._servers[:first]):
            # Another one may be there; whoever finds none says so.
            with suppress(StorageUnavailable):
                connection, place = server.reach()
                if self._is_of_primary(server):
                    yield connection, place
                else:
                    connection.close()

    def _is_of_primary(self, server: PostgreSQL) -> bool:
        """Whether a server is of the primary's cluster, as far as is known; tell where it is not.

        On another one, places in the log mean something else.
        """
        systems = {server.system, self._primary.system} - {None}
        is_foreign = len(systems) > 1
        if is_foreign and server not in self._foreign:
            url = server.engine.url
            host = url.query.get("host", url.host)
            logger.error("the replica %s is of another cluster than the primary: not read", host)
            self._foreign.add(server)
        return not is_foreign
