"""A pool of connections to an SQLite file that run one read-only statement at a time.

With connections of SQLAlchemy's pool, an uncached read takes a tenth longer.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, NamedTuple

from blog.database.page_bytes import Take
from blog.database.sqlite.files import File, WatchedFiles
from blog.errors import PoolExhausted


class _Reader(NamedTuple):
    connection: sqlite3.Connection
    file: File


class ReaderPool:
    """Up to ``size`` connections to a file, opened when first needed."""

    def __init__(
        self, files: WatchedFiles, size: int, connect: Callable[[], sqlite3.Connection]
    ) -> None:
        self._files = files
        self._connect = connect
        # Those that are idle; the one used last is at the end. None is one that is not open.
        self._idle: deque[_Reader | None] = deque([None] * size)

    def fetch(self, text: str, values: Mapping[str, object], take: Take) -> list[Any]:
        """Run a statement in a transaction of its own; return the rows that ``take`` selects.

        Raises PoolExhausted if all connections are in use, StorageUnavailable if the files were
        replaced or damaged, and the driver's errors.
        """
        reader = self._take()
        try:
            with closing(reader.connection.execute(text, values)) as cursor:
                rows = take(cursor)
        except BaseException:
            self._discard(reader)
            raise
        self._idle.append(reader)
        return rows

    def close(self) -> None:
        """Close all idle connections."""
        for _ in range(len(self._idle)):
            self._discard(self._idle.pop())

    def _take(self) -> _Reader:
        """A connection to the present file, which may have replaced the one that was open."""
        try:
            reader = self._idle.pop()
        except IndexError:
            raise PoolExhausted("every connection for reading is in use") from None
        try:
            file = self._files.identify()
            if reader and reader.file == file:
                return reader
            opened = _Reader(self._connect(), file)
        except BaseException:
            self._discard(reader)
            raise
        if reader:
            reader.connection.close()
        return opened

    def _discard(self, reader: _Reader | None) -> None:
        if reader:
            reader.connection.close()
        self._idle.appendleft(None)
