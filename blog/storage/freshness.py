"""Whether what was read is still what the database holds, told without reading it again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Protocol
from urllib.parse import quote

# What a connection does that only looks: it never writes, and waits for nobody.
_PRAGMAS = ("query_only=ON", "busy_timeout=0")
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

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened: Hashable = None
        # Numbers of one connection say nothing beside those of another.
        self._serial = 0

    def state(self) -> Hashable | None:
        """Which file it is, and how often something was committed to it."""
        with self._lock, suppress(OSError, sqlite3.Error):
            status = os.stat(self._path)
            if self._opened != (status.st_dev, status.st_ino) or self._connection is None:
                self._open((status.st_dev, status.st_ino))
            assert self._connection is not None  # nosec B101  # tells mypy what `_open` does
            row = self._connection.execute("PRAGMA data_version").fetchone()
            return self._serial, row[0]
        return None

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._disconnect()

    def _open(self, file: Hashable) -> None:
        """Look at the file that is there now, which may have taken the place of another."""
        self._disconnect()
        uri = f"file:{quote(os.fsencode(self._path))}?mode=rw"
        connection = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=0
        )
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        self._connection, self._opened = connection, file
        self._serial += 1

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._opened = None


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
