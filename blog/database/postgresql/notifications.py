"""Detecting changes of a PostgreSQL database by LISTEN and NOTIFY, whichever node makes them.

Triggers notify within the transaction that writes, so a commit and its notification are one.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from select import POLLIN, poll
from threading import Event, Thread
from time import monotonic
from typing import Any

import psycopg
from psycopg.rows import dict_row
from sqlalchemy.exc import SQLAlchemyError

from blog.database.change_detection import ChangeToken
from blog.database.postgresql import triggers
from blog.database.postgresql.triggers import Trigger
from blog.errors import BlogError, DatabaseError

logger = logging.getLogger("blog.storage")

# In seconds: how often the server is checked, how long the last check counts, and how long to wait
# after a failure.
_CHECK_INTERVAL = 0.5
_CHECK_VALIDITY = 2.0
_PAUSE = 1.0


class NotificationListener:
    """Counts the notifications that a connection receives.

    A notification arrives shortly after the commit. The change token covers the writes that this
    node has acknowledged at once.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        change_token: ChangeToken,
        tables: Sequence[str],
    ) -> None:
        """Listen in a thread, on connections of ``connect``, to the triggers of these tables."""
        self._connect = connect
        self._change_token = change_token
        # Answered in one round trip.
        self._checks = f"""
            SHOW transaction_read_only;
            SELECT pg_listening_channels();
            {triggers.query(tables)}
        """.strip()
        self._closed = Event()
        # Closing one end wakes the thread, which polls the other end.
        self._wake_reader, self._wake_writer = os.pipe()
        self._counter = count()
        # Another number after each new connection, notification and change of a trigger.
        self._number = next(self._counter)
        self._last_check = -_CHECK_VALIDITY
        # The payload of this listener's own test notification, and whether it has arrived.
        self._test_payload, self._test_arrived = secrets.token_hex(8), False
        # The failures that were logged since the last successful check.
        self._failures: set[str] = set()
        self._thread = Thread(target=self._run, name="notifications", daemon=True)
        self._thread.start()

    def state(self) -> Hashable | None:
        """The present number and change token; None while notifications may be missed."""
        if monotonic() - self._last_check > _CHECK_VALIDITY:
            return None
        return self._number, self._change_token.value()

    def close(self) -> None:
        """End the thread and close its connection."""
        self._closed.set()
        os.close(self._wake_writer)
        self._thread.join()
        os.close(self._wake_reader)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                with self._listening() as connection:
                    self._receive(connection)
            except (psycopg.Error, SQLAlchemyError, BlogError) as error:
                self._fail(" ".join(str(error).split()))
            self._closed.wait(_PAUSE)
        self._last_check = -_CHECK_VALIDITY

    def _fail(self, reason: str) -> None:
        """Make the state unknown until the next successful check; log each reason once."""
        self._last_check = -_CHECK_VALIDITY
        if reason not in self._failures:
            logger.warning("the cache is off, since notifications may be missed: %s", reason)
        self._failures.add(reason)

    @contextmanager
    def _listening(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection that receives all notifications from now on."""
        with closing(self._connect()) as connection:
            connection.add_notify_handler(self._handle)
            connection.execute(f"LISTEN {triggers.CHANNEL}").close()
            self._number = next(self._counter)
            self._send_test(connection)
            yield connection

    def _send_test(self, connection: psycopg.Connection[Any]) -> None:
        """Send a notification to this connection. Raises DatabaseError if it does not arrive."""
        self._test_arrived = False
        connection.execute(f"NOTIFY {triggers.CHANNEL}, '{self._test_payload}'").close()
        if not self._test_arrived:
            raise DatabaseError("the server does not deliver notifications")

    def _receive(self, connection: psycopg.Connection[Any]) -> None:
        """Receive notifications, and check regularly that none is missed.

        Raises DatabaseError if one may be.
        """
        incoming = poll()
        incoming.register(connection.fileno(), POLLIN)
        incoming.register(self._wake_reader, POLLIN)
        known: object = None
        while not self._closed.is_set():
            began = monotonic()
            versions = self._check(connection)
            if versions != known:
                # Writes from before a trigger was changed may have caused no notification.
                self._number = next(self._counter)
            known = versions
            self._recover(began)
            incoming.poll(_CHECK_INTERVAL * 1000)

    def _check(self, connection: psycopg.Connection[Any]) -> object:
        """The versions of the triggers.

        Raises DatabaseError if a write may cause no notification, or happen on another server.
        """
        with connection.cursor(row_factory=dict_row) as cursor:
            (mode,) = cursor.execute(self._checks)
            cursor.nextset()
            channels = {row["pg_listening_channels"] for row in cursor}
            cursor.nextset()
            found = [Trigger(**row) for row in cursor]
        if mode["transaction_read_only"] == "on":
            raise DatabaseError("the server is read-only, and another one may be written")
        if triggers.CHANNEL not in channels:
            raise DatabaseError("the server has stopped listening for this connection")
        if faults := triggers.all_faults(found):
            raise DatabaseError(faults[0])
        return [trigger.version for trigger in found]

    def _recover(self, moment: float) -> None:
        """Make the state known as of this moment."""
        self._last_check = moment
        if self._failures:
            logger.warning("the cache is on again, since notifications arrive")
        self._failures.clear()

    def _handle(self, notification: psycopg.Notify) -> None:
        # The payload of a trigger is empty, and that of any listener's test is not.
        if not notification.payload:
            self._number = next(self._counter)
        elif notification.payload == self._test_payload:
            self._test_arrived = True
