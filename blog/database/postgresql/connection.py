"""A connection to PostgreSQL that is closed when the server does not respond in time.

A server that hangs, for example on a failing disk, stays connected: its kernel still acknowledges
packets, and its own timeouts hang with it.
"""

from __future__ import annotations

import select
from collections.abc import Generator, Mapping
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.waiting import READY_NONE

Result = TypeVar("Result")


class Unresponsive(psycopg.OperationalError):
    """Raised when a server does not respond in time; the connection is closed.

    ``idle`` is whether no transaction was open, so that the response needed no work.
    """

    def __init__(self, timeout: float, idle: bool) -> None:
        super().__init__(f"the server has not responded for {timeout:g} s")
        self.idle = idle


class WatchedConnection(psycopg.Connection[TupleRow]):
    """A connection with timeouts for each response, in seconds; None is no timeout.

    ``timeout`` applies within a transaction and to `fetch`, ``idle_timeout`` otherwise.
    """

    _is_fetching = False
    timeout: float | None = None
    idle_timeout: float | None = None

    def fetch(self, statements: str, values: Mapping[str, object]) -> list[Any]:
        """Run statements in one round trip and one transaction; return the rows of the last one.

        The values become part of the text: with separate parameters, a server runs one statement.
        """
        self._is_fetching = True
        try:
            with psycopg.ClientCursor(self) as cursor:
                cursor.execute(statements.encode(), values)
                cursor.set_result(-1)
                return cursor.fetchall()
        finally:
            self._is_fetching = False

    def has_iso_dates(self) -> bool:
        """Whether outside of transactions the server sends dates as the driver reads them.

        The driver reads the rows of `fetch` after the transaction has ended.
        """
        return (self.pgconn.parameter_status(b"DateStyle") or b"").startswith(b"ISO")

    def has_input(self) -> bool:
        """Whether the server has sent something unrequested, such as the end of the connection."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def wait(self, gen: Generator[Any, Any, Result], *args: Any, **kwargs: Any) -> Result:
        """Run an exchange of the driver with the server, within the timeout."""
        status = self.pgconn.transaction_status
        idle = status == TransactionStatus.IDLE and not self._is_fetching
        timeout = self.idle_timeout if idle else self.timeout
        watched = gen if timeout is None else _with_timeout(gen, timeout, idle)
        try:
            return super().wait(watched, *args, **kwargs)
        except Unresponsive:
            self.close()
            raise


def _with_timeout(
    gen: Generator[Any, Any, Result], timeout: float, idle: bool
) -> Generator[Any, Any, Result]:
    """The same exchange, which raises Unresponsive when it takes too long.

    A response that has arrived by then counts, however late it is read: this process may be the
    slow one, so it polls once more after the deadline.
    """
    deadline, is_late = monotonic() + timeout, False
    try:
        awaited = next(gen)
        while True:
            # The driver resumes several times a second even if nothing has arrived.
            ready = yield awaited
            if ready == READY_NONE and is_late:
                raise Unresponsive(timeout, idle)
            is_late = monotonic() > deadline
            awaited = gen.send(ready)
    except StopIteration as end:
        result: Result = end.value
        return result
