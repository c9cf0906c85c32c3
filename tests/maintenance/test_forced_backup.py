"""A copy that replaces a file, `--force`: only one that is no database in use."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from blog.database.database import Database
from blog.errors import DatabaseError
from blog.maintenance.backup import back_up
from tests.blogs import Blogs
from tests.maintenance.backups import ignore_progress, keep, kept

pytestmark = pytest.mark.slow


def force(database: Database, target: Path) -> None:
    """Make a copy that may take the place of a file."""
    back_up(database, target, ignore_progress, replace=True)


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file that anyone may read, alone in its directory."""
    path = tmp_path / "target" / "copy.db"
    path.parent.mkdir()
    path.write_text("precious")
    path.chmod(0o644)
    return path


def test_a_file_is_replaced_by_force(database: Database, precious: Path) -> None:
    keep(database, "one")

    force(database, precious)

    assert kept(precious) == {"one"}
    assert stat.S_IMODE(precious.stat().st_mode) == 0o600


def test_a_copy_replaces_an_older_one_by_force(database: Database, tmp_path: Path) -> None:
    keep(database, "older")
    # There is none yet, and that is no fault either.
    force(database, tmp_path / "copy.db")
    keep(database, "newer")

    force(database, tmp_path / "copy.db")

    assert kept(tmp_path / "copy.db") == {"older", "newer"}


def test_program_that_reads_an_older_copy_continues_to_do_so(
    database: Database, precious: Path
) -> None:
    with precious.open() as reader:
        force(database, precious)

        assert reader.read() == "precious"


def test_by_force_a_copy_that_fails_half_way_leaves_the_old_file(
    large_database: Database, small_disk: None, precious: Path
) -> None:
    with pytest.raises(DatabaseError, match=r"^can't write '.*copy.db': "):
        force(large_database, precious)

    assert precious.read_text() == "precious"
    assert stat.S_IMODE(precious.stat().st_mode) == 0o644
    assert list(precious.parent.iterdir()) == [precious]


def test_by_force_without_a_database_the_old_file_stays(precious: Path) -> None:
    database = Database(f"sqlite:///{precious.parent / 'gone.db'}")

    with pytest.raises(DatabaseError, match=r"^there is no database at "):
        force(database, precious)

    assert precious.read_text() == "precious"


@pytest.fixture
def sqlite_database(
    sqlite_blogs: Blogs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """A database in use: blog.db in the current directory, with its log."""
    monkeypatch.chdir(tmp_path)
    with sqlite_blogs.copy(tmp_path) as url, closing(Database(url)) as opened:
        keep(opened, "in the log")
        yield opened


@pytest.mark.parametrize("name", ["blog.db", "./sub/../blog.db", "hard.db", "sub/hard.db"])
@pytest.mark.parametrize("is_absolute", [True, False], ids=["absolute", "relative"])
def test_the_database_itself_is_not_replaced(
    sqlite_database: Database, tmp_path: Path, name: str, is_absolute: bool
) -> None:
    (tmp_path / "sub").mkdir()
    for link in ("hard.db", "sub/hard.db"):
        os.link("blog.db", link)

    with pytest.raises(DatabaseError, match=r"is the database itself: choose another name$"):
        force(sqlite_database, tmp_path / name if is_absolute else Path(name))

    assert os.path.samefile("blog.db", "hard.db")


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_what_belongs_to_the_database_is_not_replaced(
    sqlite_database: Database, suffix: str
) -> None:
    with pytest.raises(DatabaseError, match=r"choose another name$"):
        force(sqlite_database, Path(f"blog.db{suffix}"))

    sqlite_database.close()
    assert kept(Path("blog.db")) == {"in the log"}


def test_a_database_in_use_is_not_replaced(
    database: Database, sqlite_blogs: Blogs, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    with sqlite_blogs.copy(tmp_path / "other") as url, closing(Database(url)) as other:
        keep(other, "its own")

        with pytest.raises(DatabaseError, match=r"is a database in use: choose another name$"):
            force(database, tmp_path / "other" / "blog.db")

    assert kept(tmp_path / "other" / "blog.db") == {"its own"}


@contextmanager
def in_the_middle_of_a_write(path: Path, mode: str) -> Iterator[None]:
    """Have another program's database in this file, with its log in the same directory."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"PRAGMA journal_mode={mode}")
        # The smallest cache has the log written at once.
        other.execute("PRAGMA cache_size=1")
        other.execute("CREATE TABLE large AS SELECT zeroblob(1000000) AS value")
        other.execute("BEGIN")
        other.execute("UPDATE large SET value = randomblob(1000000)")
        yield


@pytest.mark.parametrize("is_there", [True, False], ids=["replaced", "new"])
@pytest.mark.parametrize(("mode", "suffix"), [("WAL", "-wal"), ("DELETE", "-journal")])
def test_what_a_crash_left_next_to_the_target_spoils_no_copy(
    sqlite_database: Database, precious: Path, mode: str, suffix: str, is_there: bool
) -> None:
    with in_the_middle_of_a_write(Path("other.db"), mode):
        left = Path(f"other.db{suffix}").read_bytes()
    precious.with_name(f"{precious.name}{suffix}").write_bytes(left)
    if not is_there:
        precious.unlink()

    with pytest.raises(DatabaseError, match=r"choose another name$"):
        force(sqlite_database, precious)

    assert precious.exists() == is_there


@pytest.mark.parametrize(
    "make",
    [
        Path.mkdir,
        lambda path: path.symlink_to("copy.db"),
        lambda path: path.symlink_to("nowhere"),
        os.mkfifo,
    ],
    ids=["directory", "link", "dangling link", "pipe"],
)
def test_what_is_no_plain_file_is_not_replaced(
    database: Database, precious: Path, make: Callable[[Path], None]
) -> None:
    target = precious.with_name("target")
    make(target)
    before = target.lstat()

    with pytest.raises(DatabaseError, match=r"is not a regular file: choose another name$"):
        force(database, target)

    assert os.path.samestat(target.lstat(), before)
    assert precious.read_text() == "precious"
