"""A lock that one process of all can hold."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from blog.database.sqlite.lock_file import try_lock
from blog.errors import StorageUnavailable

HOLD = """
import sys; from pathlib import Path; from blog.database.sqlite.lock_file import try_lock
with try_lock(Path(sys.argv[1])): print(flush=True); sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The name of the file."""
    return tmp_path / "blog.db-rendering"


def is_free(path: Path) -> bool:
    """Whether the lock can be taken."""
    with try_lock(path) as is_held:
        return is_held


def test_lock_is_held_by_one_at_a_time(path: Path) -> None:
    with try_lock(path) as first:
        assert (first, is_free(path), is_free(path)) == (True, False, False)
    assert is_free(path)


def test_no_file_is_left(path: Path) -> None:
    with suppress(SystemExit), try_lock(path):
        assert path.stat().st_mode & 0o777 == 0o600
        raise SystemExit

    assert list(path.parent.iterdir()) == []


def test_lock_of_a_killed_process_is_free(path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        assert not is_free(path)
        holder.kill()
        holder.wait()

        assert path.exists()
        assert is_free(path)


@pytest.mark.parametrize("is_replaced", [False, True])
def test_file_that_was_removed_is_no_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch, is_replaced: bool
) -> None:
    opened = os.open

    def open_before_removal(name: Path, *args: int) -> int:
        descriptor = opened(name, *args)
        name.unlink()
        if is_replaced:
            name.write_bytes(b"")
        return descriptor

    monkeypatch.setattr(os, "open", open_before_removal)

    assert not is_free(path)


def test_file_that_cannot_be_made_is_an_error(path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="No such file"):
        is_free(path / "missing")
