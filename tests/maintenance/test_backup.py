"""A copy of the whole database, made while it is written."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from blog.database.database import Database
from blog.errors import DatabaseError
from blog.http.application import Application
from blog.maintenance import integrity
from blog.maintenance.backup import back_up
from blog.storage.tables import author, setting
from tests.blogs import Blogs
from tests.contract import create
from tests.people import RICK
from tests.rivals import connected


def ignore_progress(_done: int, _total: int) -> None:
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
        assert integrity.faults(copy) == []
        with copy.session() as session:
            return set(session.reading().scalars(select(setting.c.name)))
    finally:
        copy.close()


def test_a_copy_has_everything(database: Database, tmp_path: Path) -> None:
    keep(database, "one", "two")

    back_up(database, tmp_path / "copy.db", ignore_progress)

    assert kept(tmp_path / "copy.db") == {"one", "two"}


def test_a_copy_is_one_file_that_can_be_read_elsewhere(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "copy.db"
    target.parent.mkdir()

    back_up(database, target, ignore_progress)

    assert list(target.parent.iterdir()) == [target]
    # Bytes 18 and 19 are 2 in a file that needs a write-ahead log beside it, and 1 in others.
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
    """A database in the file blog.db of the current directory, in use: its log is beside it."""
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
    """Have another program's database in this file, with what it has logged so far beside it."""
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
def test_what_a_crash_left_beside_the_target_spoils_no_copy(
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
