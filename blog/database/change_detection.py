"""Whether what was read is still what the database holds, told without reading it again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Hashable
from pathlib import Path
from threading import Lock
from typing import Protocol
from urllib.parse import quote

from blog.database.sqlite.files import File, WatchedFiles
from blog.errors import StorageUnavailable

MARK_BYTES = 8


class Freshness(Protocol):
    """Tells the states of a database apart, for several threads."""

    def state(self) -> Hashable | None:
        """What is another once something that readers see has changed; None where nobody knows.

        Whatever this node has acknowledged by now has changed it.
        """

    def close(self) -> None:
        """Keep no connection any more; from now on nobody knows."""


class FileFreshness:
    """The states of an SQLite file, with a connection of its own that never writes.

    ``PRAGMA data_version`` tells of the commits of all other connections, whosever they are.
    """

    def __init__(self, path: Path, files: WatchedFiles) -> None:
        self._path = path
        self._files = files
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: File | None = None
        self._closed = False
        # Numbers of one connection say nothing beside those of another.
        self._serial = 0

    def state(self) -> Hashable | None:
        """Which file it is, and how often something was committed to it."""
        with self._lock:
            if self._closed:
                return None
            try:
                row = self._connect().execute("PRAGMA data_version").fetchone()
            except (StorageUnavailable, sqlite3.Error):
                return None
            return self._serial, row[0]

    def close(self) -> None:
        """Close the connection; no other one is opened."""
        with self._lock:
            self._closed = True
            self._disconnect()

    def _connect(self) -> sqlite3.Connection:
        """A connection to the file that is there now: another one may have taken its place."""
        file = self._files.identify()
        if self._connection is None or self._file != file:
            self._disconnect()
            # It waits for nobody, and the file is read when it is first asked.
            uri = f"file:{quote(os.fsencode(self._path))}?mode=rw"
            self._connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, check_same_thread=False, timeout=0
            )
            self._connection.execute("PRAGMA query_only=ON")
            self._file = file
            self._serial += 1
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class Mark:
    """A few bytes that the processes of one node share, others after each write of theirs.

    What is drawn by lot need not be counted, so that no process waits for another, and one that is
    killed leaves no lock behind.
    """

    def __init__(self) -> None:
        self._memory = memoryview(bytearray(MARK_BYTES))

    def share(self, memory: memoryview) -> None:
        """Use this memory, which other processes use, too."""
        self._memory = memory

    def renew(self) -> None:
        """Tell that something was written."""
        self._memory[:] = os.urandom(MARK_BYTES)

    def value(self) -> bytes:
        """What it is now."""
        return bytes(self._memory)
