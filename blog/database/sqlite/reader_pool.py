"""Connections to a SQLite file that only read, one statement at a time.

They are lent in a fiftieth of the time of a read; a pool that serves all purposes takes a tenth.
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


class Readers:
    """So many connections to a file, opened when first needed."""

    def __init__(
        self, files: WatchedFiles, count: int, connect: Callable[[], sqlite3.Connection]
    ) -> None:
        self._files = files
        self._connect = connect
        # Those that are in use are not in it; the one that was used last is at the end.
        self._idle: deque[_Reader | None] = deque([None] * count)

    def fetch(self, text: str, values: Mapping[str, object], take: Take) -> list[tuple[Any, ...]]:
        """The rows of a statement that are taken; it needs no transaction when it is alone.

        Raises PoolExhausted where all are in use, StorageUnavailable where the files are not those
        that were opened, and what the driver does.
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
        """Close every connection that nobody uses now."""
        for _ in range(len(self._idle)):
            self._discard(self._idle.pop())

    def _take(self) -> _Reader:
        """A connection to the file that is there now: another one may have taken its place."""
        try:
            reader = self._idle.pop()
        except IndexError:
            raise PoolExhausted("every connection for reading is in use") from None
        try:
            file = self._files.identify()
            if reader and reader.file == file:
                return reader
            made = _Reader(self._connect(), file)
        except BaseException:
            self._discard(reader)
            raise
        if reader:
            reader.connection.close()
        return made

    def _discard(self, reader: _Reader | None) -> None:
        if reader:
            reader.connection.close()
        self._idle.appendleft(None)
