"""Whether the schema is whole, compared with what this program needs from time to time."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic

from sqlalchemy import Connection, exists, select

from blog.database.session import Session
from blog.errors import DatabaseError, NotReady
from blog.maintenance.schema_comparison import Comparison
from blog.storage import secret_key
from blog.storage.tables import setting

# A comparison takes as long as a hundred reads, so one serves for a while, in seconds.
_WHOLE_SECONDS = 60.0
_BROKEN_SECONDS = 5.0


class SchemaWatch:
    """Compares the schema with what this program needs.

    Once a minute, every 5 seconds while it is not whole, and at once when in doubt.
    """

    def __init__(self, needs_secret_key: bool, clock: Callable[[], float] = monotonic) -> None:
        """``needs_secret_key`` is whether the key is kept in the database, not in the settings."""
        self._needs_secret_key = needs_secret_key
        self._clock = clock
        self._lock = Lock()
        self._faults: list[str] = []
        self._expiry = float("-inf")

    def require_whole(self, session: Session) -> None:
        """Raise NotReady, caused by an error that names the faults, unless the schema is whole.

        Raises StorageUnavailable where it can't be read.
        """
        with self._lock:
            if self._clock() >= self._expiry:
                self._compare(session.reading())
            if self._faults:
                cause = DatabaseError("; ".join(self._faults))
                raise NotReady("schema", "the schema of the database is not whole") from cause

    def doubt(self) -> None:
        """Have the schema compared when it is next asked for: a statement has missed something."""
        with self._lock:
            self._expiry = float("-inf")

    def _compare(self, connection: Connection) -> None:
        comparison = Comparison(connection)
        self._faults = comparison.differences()
        if self._needs_secret_key and not comparison.missing():
            self._faults += _key_faults(connection)
        lifetime = _BROKEN_SECONDS if self._faults else _WHOLE_SECONDS
        self._expiry = self._clock() + lifetime


def _key_faults(connection: Connection) -> list[str]:
    there = connection.scalar(select(exists().where(setting.c.name == secret_key.NAME)))
    return [] if there else ["the secret key is missing"]
