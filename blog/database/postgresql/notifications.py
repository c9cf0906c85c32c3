"""Being told of writes by PostgreSQL, whichever node they come from (LISTEN and NOTIFY).

Triggers notify in the transaction that writes, so that a write and the word of it are one.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Hashable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from select import POLLIN, poll
from threading import Event, Thread
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from blog.database.change_detection import Mark
from blog.database.postgresql import triggers
from blog.errors import BlogError, DatabaseError

logger = logging.getLogger("blog.storage")

# In one round trip: whether the server can be written, what it listens to for this connection, and
# the triggers.
_QUESTIONS = f"""
    SHOW transaction_read_only;
    SELECT pg_listening_channels();
    {triggers.STATES}
"""
# In seconds: how often the server is asked whether it is still there, for how long its last answer
# counts, and how long to wait after a failure.
_BEAT = 0.5
_TRUST = 2.0
_PAUSE = 1.0


class NotifiedFreshness:
    """The states of a database on a server, as far as a connection that listens is told of them.

    The server tells of a write soon after its commit; of those that this node has acknowledged,
    the mark tells at once.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], mark: Mark) -> None:
        """Listen on connections that ``connect`` makes, in a thread, until closed."""
        self._connect = connect
        self._mark = mark
        self._closed = Event()
        # To close one end wakes the thread at the other, which need not wait for the next beat.
        self._waking, self._wake = os.pipe()
        self._numbers = count()
        # One number for each connection and each notification; when the server last answered.
        self._number = next(self._numbers)
        self._heard = -_TRUST
        # What it calls to hear itself, and whether it has.
        self._name, self._is_heard = secrets.token_hex(8), False
        # Why there was nobody to tell, since the server last answered.
        self._failures: set[str] = set()
        self._thread = Thread(target=self._listen, name="notifications", daemon=True)
        self._thread.start()

    def state(self) -> Hashable | None:
        """How much has been told so far, and the mark; None while nothing would be told."""
        if monotonic() - self._heard > _TRUST:
            return None
        return self._number, self._mark.value()

    def close(self) -> None:
        """Listen no more."""
        self._closed.set()
        os.close(self._wake)
        self._thread.join()
        os.close(self._waking)

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                with self._listening() as connection:
                    self._hear(connection)
            except (psycopg.Error, SQLAlchemyError, BlogError) as error:
                self._fail(" ".join(str(error).split()))
            self._closed.wait(_PAUSE)
        self._heard = -_TRUST

    def _fail(self, reason: str) -> None:
        """Trust nothing until there is another connection; say so once for each reason."""
        self._heard = -_TRUST
        if reason not in self._failures:
            logger.warning("the cache is off, as the database tells of no write: %s", reason)
        self._failures.add(reason)

    @contextmanager
    def _listening(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection on which every write from now on is told."""
        with closing(self._connect()) as connection:
            connection.add_notify_handler(self._note)
            connection.execute(f"LISTEN {triggers.CHANNEL}").close()
            self._number = next(self._numbers)
            self._call(connection)
            yield connection

    def _call(self, connection: psycopg.Connection[Any]) -> None:
        """Send a notification of its own. Raises DatabaseError where it does not come back."""
        self._is_heard = False
        connection.execute(f"NOTIFY {triggers.CHANNEL}, '{self._name}'").close()
        if not self._is_heard:
            raise DatabaseError("the server passes on no notification")

    def _hear(self, connection: psycopg.Connection[Any]) -> None:
        """Take in what is told, and verify from time to time that a write would be.

        Raises DatabaseError where it would not.
        """
        incoming = poll()
        incoming.register(connection.fileno(), POLLIN)
        incoming.register(self._waking, POLLIN)
        known: object = None
        while not self._closed.is_set():
            asked = monotonic()
            found = _verify(connection)
            if found != known:
                # What was written while a trigger was another one may not have been told.
                self._number = next(self._numbers)
            known = found
            self._recover(asked)
            incoming.poll(_BEAT * 1000)

    def _recover(self, moment: float) -> None:
        """Trust what is told since that moment."""
        self._heard = moment
        if self._failures:
            logger.warning("the cache is on again, as the database tells of writes")
        self._failures.clear()

    def _note(self, notification: psycopg.Notify) -> None:
        # Triggers send an empty text, and those who begin to listen their names.
        if not notification.payload:
            self._number = next(self._numbers)
        elif notification.payload == self._name:
            self._is_heard = True


def _verify(connection: psycopg.Connection[Any]) -> object:
    """What is another object once a trigger was changed.

    Raises DatabaseError where a write would not be told, or may be made elsewhere.
    """
    cursor = connection.execute(_QUESTIONS.strip())
    if cursor.fetchone() == ("on",):
        raise DatabaseError("the server can't be written, and others may be")
    cursor.nextset()
    if (triggers.CHANNEL,) not in cursor.fetchall():
        raise DatabaseError("the server does not listen for this connection any more")
    cursor.nextset()
    states = triggers.read_states(cursor.fetchall())
    cursor.close()
    if faults := triggers.faults(states):
        raise DatabaseError(faults[0])
    return [state.version for state in states]
