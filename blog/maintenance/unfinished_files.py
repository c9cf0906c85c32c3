"""Files that are being written under a hidden name, until they are whole and take their own.

A process that is killed leaves such a file behind, as large as the database. Its maker holds a
lock on it (flock(2)), which ends with the process, so that a later run can tell and remove it.
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
# The hidden name, as `tempfile` makes it, and what SQLite appends to it for files of its own.
_NAME = re.compile(rf"(\..+\.[a-z0-9_]{{8}}{re.escape(_ENDING)})(?:-wal|-shm|-journal)?", re.S)


@contextmanager
def unfinished_file(target: Path) -> Iterator[Path]:
    """An empty hidden file in the directory of ``target``, readable by its owner only.

    It is removed at the end. Files that a killed process has left in that directory are removed
    first. Raises OSError where the directory can't be written.
    """
    sweep(target.parent)
    descriptor, path = _create_locked(target)
    try:
        yield path
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def sweep(directory: Path) -> None:
    """Remove the unfinished files in a directory whose makers have ended.

    A directory that can't be read stays as it is.
    """
    with suppress(OSError):
        for match in filter(None, map(_NAME.fullmatch, os.listdir(directory))):
            # One that belongs to another user stays.
            with suppress(OSError):
                _remove_abandoned(directory / match[0], directory / match[1])


def _create_locked(target: Path) -> tuple[int, Path]:
    descriptor, name = tempfile.mkstemp(".new", f".{target.name}.", target.parent)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    # It is locked before it has a name that another process would sweep.
    return descriptor, Path(name).rename(Path(name).with_suffix(_ENDING))


def _remove_abandoned(path: Path, owner: Path) -> None:
    """Remove a file unless the process that made ``owner`` still runs."""
    try:
        descriptor = os.open(owner, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        # SQLite's own file is left alone behind the one that it belongs to.
        path.unlink()
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)
