"""A copy of the whole database, made while it is written."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from blog.database.database import Database
from blog.errors import DatabaseError
from blog.http.application import Application
from blog.maintenance.backup import back_up
from blog.storage.tables import author
from tests.blogs import Blogs
from tests.contract import create
from tests.maintenance.backups import ignore_progress, keep, kept
from tests.people import RICK
from tests.rivals import connected

pytestmark = pytest.mark.slow


def test_a_copy_has_everything(database: Database, tmp_path: Path) -> None:
    keep(database, "one", "two")

    back_up(database, tmp_path / "copy.db", ignore_progress)

    assert kept(tmp_path / "copy.db") == {"one", "two"}


def test_a_copy_is_one_file_that_can_be_read_elsewhere(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "copy.db"
    target.parent.mkdir()

    back_up(database, target, ignore_progress)

    assert list(target.parent.iterdir()) == [target]
    # Bytes 18 and 19 are 2 in a file that needs a write-ahead log, and 1 in others.
    assert target.read_bytes()[18:20] == b"\x01\x01"


def test_a_copy_is_readable_by_its_owner_only(database: Database, tmp_path: Path) -> None:
    back_up(database, tmp_path / "copy.db", ignore_progress)

    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600


@contextmanager
def meanwhile(write: Callable[[int], None], threads: int = 1) -> Iterator[None]:
    """Have threads write over and over, with a number each time; begin when each has done so."""
    begun, enough = threading.Barrier(threads + 1), threading.Event()

    def go_on() -> None:
        write(0)
        begun.wait(60)
        number = 1
        while not enough.is_set():
            write(number)
            number += 1

    with ThreadPoolExecutor() as pool:
        writing = [pool.submit(go_on) for _ in range(threads)]
        try:
            begun.wait(60)
            yield
        finally:
            enough.set()
    for thread in writing:
        thread.result()


def test_a_copy_made_while_another_writes_is_sound_and_complete(
    database: Database, tmp_path: Path
) -> None:
    keep(database, "before")

    with meanwhile(lambda n: keep(database, f"{n} first half", f"{n} second half")):
        back_up(database, tmp_path / "copy.db", ignore_progress)

    names = kept(tmp_path / "copy.db")
    halves = [{n for n in names if n.endswith(half)} for half in ("first half", "second half")]
    assert {"before", "0 first half"} <= names
    assert len(halves[0]) == len(halves[1])


def differing_posts(path: Path) -> list[object]:
    """The ids of the posts in a copy that are not, in every field, their newest revision."""
    fields = "title, body, summary, tags, status, slug, posted_date, author_name, updated_date"
    with closing(sqlite3.connect(path)) as copy:
        newest = f"SELECT post_id, max(version), {fields} FROM revision GROUP BY post_id"
        return copy.execute(f"SELECT id, version, {fields} FROM post EXCEPT {newest}").fetchall()


@pytest.mark.settings(secret_key=None)
def test_a_copy_made_while_posts_are_written_has_each_as_its_newest_revision(
    app: Application, database: Database, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"

    def write(number: int) -> None:
        client = app.test_client()
        kept, deleted = create(client, tags=["web"]), create(client)
        edited = client.patch(kept, json={"body": str(number), "tags": ["new"]}, auth=RICK)
        assert (edited.status_code, client.delete(deleted, auth=RICK).status_code) == (200, 204)

    with meanwhile(write, threads=4):
        back_up(database, target, ignore_progress)

    assert kept(target) == {"secret_key"}
    assert differing_posts(target) == []
    with connected(f"sqlite:///{target}") as copy:
        assert copy.execute("SELECT count(*) FROM post")[0][0] >= 4


def test_the_original_goes_on_as_before(database: Database, tmp_path: Path) -> None:
    back_up(database, tmp_path / "copy.db", ignore_progress)
    keep(database, "after")

    with database.session() as session:
        assert session.reading().scalar(select(func.count()).select_from(author)) == 3
    assert kept(tmp_path / "copy.db") == set()


def test_an_existing_target_is_refused_and_left_alone(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")

    with pytest.raises(
        DatabaseError, match=r"already exists: choose another name, or add --force$"
    ):
        back_up(database, target, ignore_progress)

    assert target.read_text() == "precious"


@pytest.mark.parametrize("name", ["", "blog.db", "pointer"])
def test_what_exists_in_any_form_is_refused(database: Database, tmp_path: Path, name: str) -> None:
    (tmp_path / "blog.db").touch()
    (tmp_path / "pointer").symlink_to(tmp_path / "nowhere")

    with pytest.raises(
        DatabaseError, match=r"already exists: choose another name, or add --force$"
    ):
        back_up(database, tmp_path / name, ignore_progress)


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
        back_up(database, directory / target, ignore_progress)

    assert os.listdir(directory) == ["file"]


def test_a_copy_that_fails_half_way_leaves_nothing(
    large_database: Database, small_disk: None, tmp_path: Path
) -> None:
    directory = tmp_path / "target"
    directory.mkdir()

    with pytest.raises(DatabaseError, match=r"^can't write '.*copy.db': "):
        back_up(large_database, directory / "copy.db", ignore_progress)

    assert os.listdir(directory) == []


def test_the_original_in_a_file_stays_in_its_mode(sqlite_blogs: Blogs, tmp_path: Path) -> None:
    with sqlite_blogs.copy(tmp_path) as url:
        database = Database(url)
        back_up(database, tmp_path / "copy.db", ignore_progress)

        with database.session() as session:
            assert session.reading().exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        database.close()


def test_without_a_database_there_is_nothing_to_copy(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gone.db'}")

    with pytest.raises(DatabaseError, match=r"^there is no database at "):
        back_up(database, tmp_path / "copy.db", ignore_progress)

    assert os.listdir(tmp_path) == []
