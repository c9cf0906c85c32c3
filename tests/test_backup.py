"""A copy of the whole database, made while it is written."""

from __future__ import annotations

import os
import resource
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from blog.errors import DatabaseError
from blog.storage import schema
from blog.storage.backup import back_up
from blog.storage.engine import Database
from blog.storage.tables import author, setting
from tests.blogs import Blogs


def tell_nobody(_done: int, _total: int) -> None:
    """Take no notice of how far a copy is."""


def keep(database: Database, *names: str) -> None:
    """Keep settings, all in one transaction."""
    with database.session() as session, session.writing() as connection:
        connection.execute(insert(setting), [{"name": name, "value": name} for name in names])


@pytest.fixture
def large_database(database: Database) -> Database:
    """A database of more than a million bytes."""
    with database.session() as session, session.writing() as connection:
        connection.execute(insert(setting).values(name="large", value="x" * 1_000_000))
    return database


def kept(path: Path) -> set[str]:
    """The names of the settings in a copy, which must be sound."""
    copy = Database(f"sqlite:///{path}")
    try:
        assert schema.faults(copy) == []
        with copy.session() as session:
            return set(session.reading().scalars(select(setting.c.name)))
    finally:
        copy.close()


def test_a_copy_has_everything(database: Database, tmp_path: Path) -> None:
    keep(database, "one", "two")

    back_up(database, tmp_path / "copy.db", tell_nobody)

    assert kept(tmp_path / "copy.db") == {"one", "two"}


def test_a_copy_is_one_file_that_can_be_read_elsewhere(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "copy.db"
    target.parent.mkdir()

    back_up(database, target, tell_nobody)

    assert list(target.parent.iterdir()) == [target]
    # Bytes 18 and 19 are 2 in a file that needs a write-ahead log beside it, and 1 in others.
    assert target.read_bytes()[18:20] == b"\x01\x01"


def test_a_copy_is_readable_by_its_owner_only(database: Database, tmp_path: Path) -> None:
    back_up(database, tmp_path / "copy.db", tell_nobody)

    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600


def test_a_copy_made_while_another_writes_is_sound_and_complete(
    database: Database, tmp_path: Path
) -> None:
    begun, enough = threading.Event(), threading.Event()
    keep(database, "before")

    def write() -> None:
        number = 0
        while not enough.is_set():
            keep(database, f"{number} first half", f"{number} second half")
            number += 1
            begun.set()

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)
        try:
            assert begun.wait(60)
            back_up(database, tmp_path / "copy.db", tell_nobody)
        finally:
            enough.set()
        writing.result()

    names = kept(tmp_path / "copy.db")
    halves = [{n for n in names if n.endswith(half)} for half in ("first half", "second half")]
    assert {"before", "0 first half"} <= names
    assert len(halves[0]) == len(halves[1])


def test_the_original_goes_on_as_before(database: Database, tmp_path: Path) -> None:
    back_up(database, tmp_path / "copy.db", tell_nobody)
    keep(database, "after")

    with database.session() as session:
        assert session.reading().scalar(select(func.count()).select_from(author)) == 3
    assert kept(tmp_path / "copy.db") == set()


def test_an_existing_target_is_refused_and_left_alone(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")

    with pytest.raises(DatabaseError, match=r"exists already: name a new file$"):
        back_up(database, target, tell_nobody)

    assert target.read_text() == "precious"


@pytest.mark.parametrize("name", ["", "blog.db", "pointer"])
def test_what_exists_in_any_form_is_refused(database: Database, tmp_path: Path, name: str) -> None:
    (tmp_path / "blog.db").touch()
    (tmp_path / "pointer").symlink_to(tmp_path / "nowhere")

    with pytest.raises(DatabaseError, match=r"exists already: name a new file$"):
        back_up(database, tmp_path / name, tell_nobody)


@pytest.mark.parametrize(
    "target",
    ["missing/copy.db", "file/copy.db", "x" * 250, "x" * 300],
    ids=["no directory", "no directory but a file", "name too long for us", "name too long"],
)
def test_a_target_that_can_not_be_written_leaves_nothing(
    database: Database, tmp_path: Path, target: str
) -> None:
    directory = tmp_path / "target"
    directory.mkdir()
    (directory / "file").touch()

    with pytest.raises(DatabaseError, match=r"^can't write '"):
        back_up(database, directory / target, tell_nobody)

    assert os.listdir(directory) == ["file"]


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file that is written now may have more than 100,000 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_copy_that_fails_half_way_leaves_nothing(
    large_database: Database, small_disk: None, tmp_path: Path
) -> None:
    directory = tmp_path / "target"
    directory.mkdir()

    with pytest.raises(DatabaseError, match=r"^can't write '.*copy.db': "):
        back_up(large_database, directory / "copy.db", tell_nobody)

    assert os.listdir(directory) == []


def test_the_original_in_a_file_stays_in_its_mode(sqlite_blogs: Blogs, tmp_path: Path) -> None:
    with sqlite_blogs.copy(tmp_path) as url:
        database = Database(url)
        back_up(database, tmp_path / "copy.db", tell_nobody)

        with database.session() as session:
            assert session.reading().exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        database.close()


def test_without_a_database_there_is_nothing_to_copy(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gone.db'}")

    with pytest.raises(DatabaseError, match=r"^there is no database at "):
        back_up(database, tmp_path / "copy.db", tell_nobody)

    assert os.listdir(tmp_path) == []
