"""A lock that one process of all can hold, on a file that exists as long as it is held.

It is none of SQLite's files: to close one of those would end the locks that SQLite has on it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blog.errors import StorageUnavailable


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold a lock on a file, if it is free, and say whether it was. It ends with the process.

    Raises StorageUnavailable if there can't be such a file.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageUnavailable(f"can't open {str(path)!r}: {error.strerror}") from error
    is_held = _try_flock(descriptor) and _has_name(descriptor, path)
    try:
        yield is_held
    finally:
        if is_held:
            # Before it is free, or another process might lock what is about to be removed.
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _try_flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _has_name(descriptor: int, path: Path) -> bool:
    """Whether a file was not removed, or replaced, by the process that had locked it."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
