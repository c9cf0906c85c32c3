"""The log of an SQLite database: what its first bytes have to be.

See https://www.sqlite.org/fileformat2.html#the_write_ahead_log for how they are laid out.
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
# The head of a frame begins with the number of the page in it.
_FRAME = struct.Struct(">6I")
# What the first bytes say of the order in which the others are summed up.
_ORDERS = {0x377F0682: "<", 0x377F0683: ">"}
# Where a header has the numbers that are drawn for a log, and where its first frame repeats them.
_SALTS = slice(16, 24)
_SALTS_OF_FRAME = _HEADER.size + 8

# How long to wait for those before in a turn, and before each further try, in seconds. One that is
# stuck must not keep the others until they are killed.
_PATIENCE = 5.0
_PAUSE = 0.01


def open_log(path: str) -> int:
    """A descriptor of a log, for reading. Raises StorageUnavailable where there is none.

    It may be closed at any time, as SQLite locks the other files and never this one: a process
    that closes a file loses all its locks on it.
    """
    try:
        return os.open(path, os.O_RDONLY)
    except OSError as error:
        raise StorageUnavailable(f"the log can't be opened: {error}") from error


@contextmanager
def in_turn(path: str, patience: float = _PATIENCE) -> Iterator[None]:
    """Wait until no other process that asks for the same is at it, for so many seconds at most.

    Raises StorageUnavailable where there is no log, or none that can be locked.
    """
    log = open_log(path)
    try:
        deadline = monotonic() + patience
        while not _take_turn(log) and monotonic() < deadline:
            sleep(_PAUSE)
        yield
    finally:
        os.close(log)


def _take_turn(log: int) -> bool:
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StorageUnavailable(f"the log can't be locked: {error}") from error
    return True


def read_header(log: int | None) -> bytes:
    """The header that a log has now; nothing where it is empty, or closed meanwhile."""
    try:
        return b"" if log is None else os.pread(log, _HEADER.size, 0)
    except OSError:
        return b""


def is_header(header: bytes) -> bool:
    """Whether SQLite can have written this.

    A log shorter than a header passes: `WatchedFiles` judges that by its size.
    """
    if len(header) < _HEADER.size:
        return True
    magic, *_, first, second = _HEADER.unpack(header)
    order = _ORDERS.get(magic)
    return order is not None and _sums(header[:-8], order) == (first, second)


def begins_with_frame(log: int, header: bytes) -> bool:
    """Whether the first frame of a log is still one of those that belong to this header."""
    return header != b"" and os.pread(log, 8, _SALTS_OF_FRAME) == header[_SALTS]


def logged_pages(log: int, page: int) -> set[int]:
    """The numbers of the pages, of this size, of which a log has at least one state."""
    return {_FRAME.unpack(frame)[0] for frame in _frames(log, page)}


def _frames(log: int, page: int) -> Iterator[bytes]:
    """The heads of the frames that belong to the header which the log has now."""
    salts, place = read_header(log)[_SALTS], _HEADER.size
    # Behind them are those of the log as it was before it was begun anew.
    while len(frame := os.pread(log, _FRAME.size, place)) == _FRAME.size and frame[8:16] == salts:
        yield frame
        place += _FRAME.size + page


def _sums(data: bytes, order: str) -> tuple[int, int]:
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
