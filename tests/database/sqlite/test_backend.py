"""What is special about SQLite: files that are made, set up, moved, replaced, full or damaged."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from blog.app import create_app
from blog.content.authors import Caller
from blog.content.dates import utc_now
from blog.content.posts import Post, PostContent
from blog.database.database import Database
from blog.database.limits import Limits, WritePurpose
from blog.errors import DatabaseError, StorageUnavailable
from blog.maintenance import integrity, schema
from blog.settings import Settings
from blog.storage import post_writes
from blog.storage.tables import setting
from tests.access import access_for
from tests.blogs import Blogs
from tests.commands import blog, done, failed, post_as
from tests.contract import assert_problem, path_of, write_post
from tests.rivals import change
from tests.storage.kept import keep, kept


@pytest.fixture
def database_url(sqlite_blogs: Blogs, tmp_path: Path) -> Iterator[str]:
    """The URL of a file with authors in it."""
    with sqlite_blogs.copy(tmp_path) as url:
        yield url


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands of a test run, on a file that they make."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BLOG_DATABASE_URL", f"sqlite:///{tmp_path / 'blog.db'}")
    return tmp_path


@pytest.fixture
def tagged(database: Database) -> Post:
    """A post with two tags."""
    content = PostContent(title="First!", body="", tags=["a", "b"])
    with database.session() as session:
        return post_writes.create(access_for(session, Caller("rick", "author"), utc_now()), content)


@pytest.mark.parametrize(
    "url", ["sqlite:///{}", "sqlite+pysqlite:///{}"], ids=["plain", "with driver"]
)
def test_a_url_of_a_file_is_opened(url: str, tmp_path: Path) -> None:
    database = Database(url.format(tmp_path / "new.db"))
    schema.upgrade(database)
    database.close()

    assert (tmp_path / "new.db").read_bytes().startswith(b"SQLite format 3")


@pytest.mark.parametrize(
    ("written", "name"),
    [("with space", "with space"), ("50%25", "50%"), ("ü#1", "ü#1"), ("a&b=c", "a&b=c")],
)
def test_a_file_may_have_any_name(written: str, name: str, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / written}")
    schema.upgrade(database)
    database.close()

    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "sqlite:///blog.db?mode=memory"],
)
def test_a_url_of_no_file_is_refused(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"names no SQLite file, as sqlite:///blog.db does"):
        Database(url)


def test_a_refused_url_of_no_file_is_shown_without_its_password() -> None:
    with pytest.raises(DatabaseError) as refusal:
        Database("sqlite://rick:swordfish@localhost")

    assert "localhost" in str(refusal.value)
    assert "swordfish" not in str(refusal.value)


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new.db"

    Database(f"sqlite:///{path}").backend.create()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("place", ["missing/blog.db", "."])
def test_a_file_that_can_not_be_made_is_refused(place: str, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / place}")

    with pytest.raises(DatabaseError, match=r"^can't open '"):
        database.backend.create()


def test_a_file_that_has_gone_is_not_made_anew(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gone.db'}")

    with database.session() as session, pytest.raises(StorageUnavailable):
        session.reading()

    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_reported_where_one_is_required(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gone.db'}")

    with pytest.raises(DatabaseError, match=r"^there is no database at '.*gone\.db'$"):
        database.backend.require_exists()


def test_a_missing_file_has_no_faults_to_find(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"^there is no database at "):
        integrity.faults(Database(f"sqlite:///{tmp_path / 'gone.db'}"))


def test_a_file_that_can_not_be_made_is_not_upgraded(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"^can't open '"):
        schema.upgrade(Database(f"sqlite:///{tmp_path / 'missing' / 'blog.db'}"))


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "blog.db"
    path.write_text("Not a database. " * 100)

    with (
        Database(f"sqlite:///{path}").session() as session,
        pytest.raises(StorageUnavailable, match="can't be opened: file is not a database"),
    ):
        session.reading()

    assert path.read_text() == "Not a database. " * 100


@pytest.mark.parametrize(
    ("pragma", "expected"),
    [
        ("foreign_keys", 1),
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("busy_timeout", 4000),
        ("wal_autocheckpoint", 4000),
    ],
)
def test_a_connection_is_set_up(database: Database, pragma: str, expected: object) -> None:
    with database.session() as session:
        value = session.reading().exec_driver_sql(f"PRAGMA {pragma}").scalar()

    assert value == expected


@pytest.mark.parametrize(("purpose", "expected"), [("writing", 2), ("upgrading", 1)])
def test_only_what_may_be_large_is_sorted_in_files(
    database: Database, purpose: WritePurpose, expected: int
) -> None:
    with database.session() as session, session.writing(purpose) as connection:
        value = connection.exec_driver_sql("PRAGMA temp_store").scalar()

    assert value == expected


def test_acknowledged_writes_may_be_lost_where_that_is_wanted(database_url: str) -> None:
    limits = Limits(synchronous="normal")
    with closing(Database(database_url, limits)) as opened, opened.session() as session:
        value = session.reading().exec_driver_sql("PRAGMA synchronous").scalar()

    assert value == 1


def test_a_full_disk_is_unavailable_and_loses_nothing(database: Database) -> None:
    with database.session() as session:
        keep(session, "before")
        pages = session.reading().scalar(text("PRAGMA page_count"))
        session.reading().exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StorageUnavailable, match="database or disk is full"):
            keep(session, "large", "x" * 1_000_000)

    assert kept(database) == ["before"]


def test_a_damaged_file_is_unavailable(database: Database, tmp_path: Path) -> None:
    with database.session() as session:
        keep(session, "before", "x" * 100_000)
    database.close()
    path = tmp_path / "blog.db"
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))

    with database.session() as session, pytest.raises(StorageUnavailable):
        session.reading().execute(select(setting)).all()


def test_file_that_another_process_is_about_to_change_is_opened_after_it(tmp_path: Path) -> None:
    path = tmp_path / "restored.db"
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("CREATE TABLE anything (name)")
    holder.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, holder.execute, ["COMMIT"])
    release.start()

    opened = Database(f"sqlite:///{path}")
    with opened.session() as session:
        mode = session.reading().exec_driver_sql("PRAGMA journal_mode").scalar()

    release.join()
    holder.close()
    opened.close()
    assert mode == "wal"


def test_file_that_never_can_be_opened_is_storage_away(tmp_path: Path) -> None:
    path = tmp_path / "held.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("CREATE TABLE anything (name)")
    holder.execute("BEGIN IMMEDIATE")

    opened = Database(f"sqlite:///{path}", Limits(lock=0.1))
    with opened.session() as session, pytest.raises(StorageUnavailable):
        session.reading()

    holder.close()


def test_writes_go_to_the_file_that_is_there_now(database: Database, tmp_path: Path) -> None:
    with database.session() as session:
        keep(session, "before")
    for name in ("blog.db", "blog.db-wal", "blog.db-shm"):
        (tmp_path / name).rename(tmp_path / f"old-{name}")
    database.backend.create()
    schema.upgrade(database)
    with database.session() as session:
        keep(session, "after")

    fresh = Database(f"sqlite:///{tmp_path / 'blog.db'}")
    names = kept(fresh)
    fresh.close()
    assert names == ["after"]


def test_file_that_has_gone_is_storage_away(database: Database, tmp_path: Path) -> None:
    with database.session() as session:
        keep(session, "before")
    (tmp_path / "blog.db").rename(tmp_path / "moved.db")

    with database.session() as session, pytest.raises(StorageUnavailable):
        keep(session, "after")


def test_file_whose_name_is_too_long_is_refused(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / ('x' * 300)}")

    with pytest.raises(DatabaseError):
        database.backend.create()
    with pytest.raises(DatabaseError):
        database.backend.require_exists()


def test_what_was_written_in_a_transaction_for_reading_is_not_kept(database: Database) -> None:
    with database.session() as session:
        session.reading().execute(insert(setting).values(name="uncommitted", value=""))

    assert kept(database) == []


def test_a_reference_to_what_is_missing_is_a_fault(
    database: Database, database_url: str, tagged: Post
) -> None:
    change(database_url, "DELETE FROM author WHERE name = 'rick'")

    faults = [fault for fault in integrity.faults(database) if not fault.startswith("access_token")]
    assert set(faults) == {
        f"post with id {tagged.id!r} refers to a missing author",
        "revision with sequence 1 refers to a missing author",
    }


def test_a_damaged_index_is_a_fault(database: Database, database_url: str, tagged: Post) -> None:
    change(
        database_url,
        "PRAGMA writable_schema=ON",
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX ix_post_title_id ON post (slug, id)'"
        " WHERE name = 'ix_post_title_id'",
    )
    database.close()

    faults = integrity.faults(database)

    assert "the file is damaged: row 1 missing from index ix_post_title_id" in faults


def test_a_row_that_is_no_json_is_503_and_its_text_stays_here(database_url: str) -> None:
    app = create_app(Settings(database_url=database_url))
    path = path_of(write_post(app.test_client()).headers["Location"])
    change(database_url, "UPDATE post SET tags = 'not JSON at all'")

    response = app.test_client().get(path)
    app.extensions["blog"].database.close()

    assert_problem(response, 503)
    assert "JSON at all" not in response.text


def test_database_is_readable_by_its_owner_alone(directory: Path) -> None:
    done(blog("database upgrade"))

    assert stat.S_IMODE((directory / "blog.db").stat().st_mode) == 0o600


def test_missing_reference_is_printed_with_status_1(rick: str) -> None:
    post_as("rick")
    change(f"sqlite:///{Path('blog.db').absolute()}", "DELETE FROM author")

    result = blog("database check")

    assert "revision with sequence 1 refers to a missing author\n" in result.stdout
    assert "restore a backup" in failed(result)


def test_damaged_index_is_found_by_the_check(rick: str) -> None:
    post_as("rick")
    change(f"sqlite:///{Path('blog.db').absolute()}", "PRAGMA journal_mode=DELETE")
    # The index forgets the post that the table has.
    with closing(sqlite3.connect("blog.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute(
            "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema "
            "WHERE name = 'ix_tag_key_covering') WHERE name = 'ix_post_title_id'"
        )

    result = blog("database check")

    assert "the file is damaged: " in result.stdout
    failed(result)


@pytest.mark.parametrize("command", ["database check", "database backup copy.db"])
def test_missing_database_is_not_made(command: str, directory: Path) -> None:
    message = failed(blog(command))

    assert message == f"there is no database at {str(directory / 'blog.db')!r}"
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(
    "command", ["database upgrade", "database check", "database backup copy.db", "author list"]
)
def test_file_that_is_no_database_is_left_alone(command: str, directory: Path) -> None:
    text = "Dear diary, " * 1000
    (directory / "blog.db").write_text(text)

    message = failed(blog(command))

    assert message == "the database can't be opened: file is not a database"
    assert (directory / "blog.db").read_text() == text
    assert [path.name for path in directory.iterdir()] == ["blog.db"]
