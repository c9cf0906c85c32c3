"""Files that are written under a hidden name until they are complete.

A process that is killed leaves such a file behind, which may be as large as the database. The
process holds a lock on it (flock(2)), which ends with it, so that a later run can remove the file.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ENDING = ".unfinished"
# The hidden name, as `tempfile` creates it, and the endings that SQLite appends.
_NAME = re.compile(rf"(\..+\.[a-z0-9_]{{8}}{re.escape(_ENDING)})(?:-wal|-shm|-journal)?", re.S)


@contextmanager
def unfinished_file(target: Path) -> Iterator[Path]:
    """An empty hidden file in the directory of ``target``, readable by its owner only.

    It is removed at the end. Files that killed processes have left behind are removed first.
    Raises OSError if the directory can't be written.
    """
    remove_abandoned(target.parent)
    descriptor, path = _create_locked(target)
    try:
        yield path
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def remove_abandoned(directory: Path) -> None:
    """Remove the unfinished files in a directory whose processes have ended.

    Does nothing if the directory can't be read.
    """
    with suppress(OSError):
        for match in filter(None, map(_NAME.fullmatch, os.listdir(directory))):
            # A file of another user can't be removed.
            with suppress(OSError):
                _remove_unless_locked(directory / match[0], directory / match[1])


def _create_locked(target: Path) -> tuple[int, Path]:
    descriptor, name = tempfile.mkstemp(".new", f".{target.name}.", target.parent)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    # It is locked before it gets a name that another process would remove.
    return descriptor, Path(name).rename(Path(name).with_suffix(_ENDING))


def _remove_unless_locked(path: Path, locked: Path) -> None:
    """Remove a file unless a process holds a lock on ``locked``."""
    try:
        descriptor = os.open(locked, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        # A file of SQLite remains although its database is gone.
        path.unlink()
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)
