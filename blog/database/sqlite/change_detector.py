"""Detecting that an SQLite database has changed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Hashable
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from blog.database.sqlite.files import File, WatchedFiles
from blog.errors import StorageUnavailable


class FileChangeDetector:
    """Reads ``PRAGMA data_version`` on a connection of its own.

    The value changes with each commit of any other connection, in this process or another.
    """

    def __init__(self, path: Path, files: WatchedFiles) -> None:
        self._path = path
        self._files = files
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: File | None = None
        self._closed = False
        # Values of different connections can't be compared.
        self._connection_number = 0

    def state(self) -> Hashable | None:
        """The number of this detector's connection, and the version that it reads."""
        with self._lock:
            if self._closed:
                return None
            try:
                row = self._connect().execute("PRAGMA data_version").fetchone()
            except (StorageUnavailable, sqlite3.Error):
                return None
            return self._connection_number, row[0]

    def close(self) -> None:
        """Close the connection and open no other one."""
        with self._lock:
            self._closed = True
            self._disconnect()

    def _connect(self) -> sqlite3.Connection:
        """A connection to the present file, which may have replaced the one that was open."""
        file = self._files.identify()
        if self._connection is None or self._file != file:
            self._disconnect()
            # It waits for no lock, and reads the file when it is first used.
            uri = f"file:{quote(os.fsencode(self._path))}?mode=rw"
            self._connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, check_same_thread=False, timeout=0
            )
            self._connection.execute("PRAGMA query_only=ON")
            self._file = file
            self._connection_number += 1
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
