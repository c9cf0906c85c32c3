"""Comparing the schema regularly with what this program needs, for the health check."""

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

# How long a result is reused, in seconds: a comparison takes as long as a hundred reads.
_COMPLETE_SECONDS = 60.0
_FAULTY_SECONDS = 5.0


class SchemaWatch:
    """Compares the schema with what this program needs.

    At most once a minute, or every 5 seconds while it has faults, and at once after `doubt`.
    """

    def __init__(self, needs_secret_key: bool, clock: Callable[[], float] = monotonic) -> None:
        """``needs_secret_key`` is whether the key is stored in the database, not the settings."""
        self._needs_secret_key = needs_secret_key
        self._clock = clock
        self._lock = Lock()
        self._faults: list[str] = []
        self._expiry = float("-inf")

    def require_whole(self, session: Session) -> None:
        """Raise NotReady if the schema has faults, which its cause names.

        Raises StorageUnavailable if it can't be read.
        """
        with self._lock:
            if self._clock() >= self._expiry:
                self._compare(session.reading())
            if self._faults:
                cause = DatabaseError("; ".join(self._faults))
                raise NotReady("schema", "the schema of the database has faults") from cause

    def doubt(self) -> None:
        """Compare the schema at the next check, since a statement failed for lack of something."""
        with self._lock:
            self._expiry = float("-inf")

    def _compare(self, connection: Connection) -> None:
        comparison = Comparison(connection)
        self._faults = comparison.differences()
        if self._needs_secret_key and not comparison.missing():
            self._faults += _key_faults(connection)
        lifetime = _FAULTY_SECONDS if self._faults else _COMPLETE_SECONDS
        self._expiry = self._clock() + lifetime


def _key_faults(connection: Connection) -> list[str]:
    has_key = connection.scalar(select(exists().where(setting.c.name == secret_key.NAME)))
    return [] if has_key else ["the secret key is missing"]
