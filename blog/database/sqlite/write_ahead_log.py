"""The write-ahead log of an SQLite database: its header, its frames, and a lock on the file.

The format is defined in https://www.sqlite.org/fileformat2.html#the_write_ahead_log.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from blog.errors import StorageUnavailable

_HEADER = struct.Struct(">8I")
# A frame header begins with the number of its page.
_FRAME = struct.Struct(">6I")
# The magic number determines the byte order of the checksum.
_BYTE_ORDERS = {0x377F0682: "<", 0x377F0683: ">"}
# The position of the salts, random numbers, in the header and in the first frame.
_SALTS = slice(16, 24)
_SALTS_OF_FRAME = _HEADER.size + 8

# How long to wait for the lock in all, and between attempts, in seconds. A process that hangs must
# not block the others for ever.
_TIMEOUT = 5.0
_PAUSE = 0.01


def open_log(path: str) -> int:
    """Open a log for reading; return the descriptor. Raises StorageUnavailable if there is none.

    A process that closes a file loses all its locks on it. The log may be closed at any time, as
    SQLite only locks the other files.
    """
    try:
        return os.open(path, os.O_RDONLY)
    except OSError as error:
        raise StorageUnavailable(f"the log can't be opened: {error}") from error


@contextmanager
def log_lock(path: str, timeout: float = _TIMEOUT) -> Iterator[None]:
    """Hold a lock on the log, or continue without it after ``timeout`` seconds.

    Raises StorageUnavailable if there is no log, or it can't be locked.
    """
    log = open_log(path)
    try:
        deadline = monotonic() + timeout
        while not _try_lock(log) and monotonic() < deadline:
            sleep(_PAUSE)
        yield
    finally:
        os.close(log)


def _try_lock(log: int) -> bool:
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StorageUnavailable(f"the log can't be locked: {error}") from error
    return True


def read_header(log: int | None) -> bytes:
    """The present header of a log; empty if the log is empty or was closed meanwhile."""
    try:
        return b"" if log is None else os.pread(log, _HEADER.size, 0)
    except OSError:
        return b""


def is_header(header: bytes) -> bool:
    """Whether SQLite may have written this header.

    A header that is cut off counts as valid: `WatchedFiles` checks the size of the log.
    """
    if len(header) < _HEADER.size:
        return True
    magic, *_, first, second = _HEADER.unpack(header)
    byte_order = _BYTE_ORDERS.get(magic)
    return byte_order is not None and _checksum(header[:-8], byte_order) == (first, second)


def has_first_frame(log: int, header: bytes) -> bool:
    """Whether the first frame of a log belongs to this header."""
    return header != b"" and os.pread(log, 8, _SALTS_OF_FRAME) == header[_SALTS]


def logged_pages(log: int, page_size: int) -> set[int]:
    """The numbers of the pages in a log."""
    return {_FRAME.unpack(frame)[0] for frame in _frame_headers(log, page_size)}


def _frame_headers(log: int, page_size: int) -> Iterator[bytes]:
    """The headers of all frames that belong to the present header of the log."""
    salts, position = read_header(log)[_SALTS], _HEADER.size
    # Frames from before the log was last reset follow them.
    while (
        len(frame := os.pread(log, _FRAME.size, position)) == _FRAME.size and frame[8:16] == salts
    ):
        yield frame
        position += _FRAME.size + page_size


def _checksum(data: bytes, byte_order: str) -> tuple[int, int]:
    words = struct.unpack(f"{byte_order}{len(data) // 4}I", data)
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
