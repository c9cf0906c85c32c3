"""Unfinished files: a killed backup leaves one, and the next run removes it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from blog.database.database import Database
from blog.errors import StorageUnavailable
from blog.maintenance.backup import back_up
from blog.maintenance.copy_database import copy_database
from blog.maintenance.unfinished_files import unfinished_file
from tests.blogs import Blogs
from tests.servers.postgresql import Cluster

# A process that writes a file, and one of SQLite's, until it is asked to end.
WRITER = """
import sys
from pathlib import Path
from blog.maintenance.unfinished_files import unfinished_file

with unfinished_file(Path(sys.argv[1])) as path:
    path.write_bytes(bytes(1000))
    path.with_name(path.name + "-wal").write_bytes(bytes(1000))
    print("ready", flush=True)
    sys.stdin.read()
"""


def ignore_progress(_done: int, _total: int) -> None:
    """Ignore the progress of a copy."""


@contextmanager
def writing(target: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is in the middle of writing a file; killed at the end."""
    command = [sys.executable, "-c", WRITER, str(target)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout and process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def names(directory: Path) -> list[str]:
    """The names in a directory, without what is random in them."""
    return sorted(path.name.split(".")[-1] for path in directory.iterdir())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory for copies alone."""
    made = tmp_path / "copies"
    made.mkdir()
    return made


def test_a_killed_writer_leaves_its_files(directory: Path) -> None:
    with writing(directory / "old.db"):
        pass

    assert names(directory) == ["unfinished", "unfinished-wal"]


def test_a_backup_removes_what_a_killed_one_has_left(database: Database, directory: Path) -> None:
    with writing(directory / "old.db"):
        pass

    back_up(database, directory / "new.db", ignore_progress)

    assert names(directory) == ["db"]


def test_a_backup_leaves_alone_what_another_process_writes(
    database: Database, directory: Path
) -> None:
    with writing(directory / "old.db"):
        back_up(database, directory / "new.db", ignore_progress)

        assert names(directory) == ["db", "unfinished", "unfinished-wal"]


def test_a_backup_of_a_server_that_is_away_leaves_no_file(
    postgresql: Cluster, directory: Path
) -> None:
    with (
        closing(Database(postgresql.url("nowhere"))) as database,
        pytest.raises(StorageUnavailable),
    ):
        back_up(database, directory / "new.db", ignore_progress)

    assert names(directory) == []


def test_a_copy_removes_what_a_killed_backup_has_left(
    database: Database, sqlite_blogs: Blogs, directory: Path
) -> None:
    with writing(directory / "old.db"):
        pass

    with (
        sqlite_blogs.empty(directory) as url,
        closing(Database(url)) as target,
    ):
        copy_database(database, target, ignore_progress)

    assert [name for name in names(directory) if "unfinished" in name] == []


def test_a_log_whose_file_is_gone_is_removed(directory: Path) -> None:
    (directory / ".old.db.abcd1234.unfinished-wal").touch()

    with unfinished_file(directory / "new.db"):
        pass

    assert names(directory) == []


@pytest.mark.parametrize(
    "name", ["old.unfinished", ".old.unfinished", ".old.db.abcd1234.unfinished.txt"]
)
def test_a_file_with_another_name_stays(directory: Path, name: str) -> None:
    (directory / name).touch()

    with unfinished_file(directory / "new.db"):
        pass

    assert [path.name for path in directory.iterdir()] == [name]


def test_a_link_under_such_a_name_leads_nowhere(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (directory / ".old.db.abcd1234.unfinished").symlink_to(tmp_path / "precious")

    with unfinished_file(directory / "new.db"):
        pass

    assert (tmp_path / "precious").read_text() == "precious"
