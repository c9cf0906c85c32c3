"""A connection to PostgreSQL that is given up once the server has said nothing for too long.

A server that hangs, as with a disk that does, stays connected: its kernel confirms what it is
sent, and its own timeouts hang with it.
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
    """Raised when a server has not answered in time; its connection is closed.

    ``idle`` is whether it was asked for something that needs no work.
    """

    def __init__(self, patience: float, idle: bool) -> None:
        super().__init__(f"the server has not answered for {patience:g} s")
        self.idle = idle


class WatchedConnection(psycopg.Connection[TupleRow]):
    """A connection that waits so many seconds for an answer, or None for as long as it takes.

    ``patience`` is for what is done in a transaction, ``idle_patience`` for what is asked outside
    of one, which needs no work unless it is a whole transaction.
    """

    _at_work = False
    patience: float | None = None
    idle_patience: float | None = None

    def fetch(self, statements: str, values: Mapping[str, object]) -> list[Any]:
        """The rows of the last of some statements, in one round trip and one transaction.

        The values are put into the text: with them apart, a server takes one statement at a time.
        """
        self._at_work = True
        try:
            with psycopg.ClientCursor(self) as cursor:
                cursor.execute(statements.encode(), values)
                cursor.set_result(-1)
                return cursor.fetchall()
        finally:
            self._at_work = False

    def writes_iso_dates(self) -> bool:
        """Whether dates come as the driver reads them after a transaction, as those of `fetch`."""
        return (self.pgconn.parameter_status(b"DateStyle") or b"").startswith(b"ISO")

    def is_silent(self) -> bool:
        """Whether nothing has come that was not asked for, such as the end of the connection."""
        look = select.poll()
        look.register(self.fileno(), select.POLLIN)
        return not look.poll(0)

    def wait(self, gen: Generator[Any, Any, Result], *args: Any, **kwargs: Any) -> Result:
        """Go through with what the driver does, as long as the server answers."""
        idle = self.pgconn.transaction_status == TransactionStatus.IDLE and not self._at_work
        patience = self.idle_patience if idle else self.patience
        watched = gen if patience is None else _watch(gen, patience, idle)
        try:
            return super().wait(watched, *args, **kwargs)
        except Unresponsive:
            self.close()
            raise


def _watch(
    gen: Generator[Any, Any, Result], patience: float, idle: bool
) -> Generator[Any, Any, Result]:
    """The same exchange with the server, ended when it has taken too long.

    What has come by then counts, however late it is looked at: this process may be the slow one,
    so it looks once more.
    """
    deadline, overdue = monotonic() + patience, False
    try:
        awaited = next(gen)
        while True:
            # The driver says several times a second that there is still nothing.
            ready = yield awaited
            if ready == READY_NONE and overdue:
                raise Unresponsive(patience, idle)
            overdue = monotonic() > deadline
            awaited = gen.send(ready)
    except StopIteration as end:
        result: Result = end.value
        return result
