"""The database as it is opened, locked, full, broken or shared between threads."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from blog.errors import DatabaseError, StorageUnavailable
from blog.storage import schema
from blog.storage.engine import Database, Session
from blog.storage.tables import setting

THREADS = 4


@pytest.fixture
def other(database: Database, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of another program to the database of the test."""
    path = tmp_path / "blog.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def keep(session: Session, name: str, value: str = "") -> None:
    with session.writing() as connection:
        connection.execute(insert(setting).values(name=name, value=value))


def kept(database: Database) -> list[str]:
    """The names of the settings that are kept, as a new session reads them."""
    with database.session() as session:
        return list(session.reading().scalars(select(setting.c.name).order_by(setting.c.name)))


def do_not_wait(session: Session) -> None:
    """Have this session's connection give up at once where it would wait for a lock."""
    session.reading().exec_driver_sql("PRAGMA busy_timeout=0")


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


@pytest.mark.parametrize("url", ["", "blog.db", "://", "sqlite:/blog.db"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"^the database URL can't be read$"):
        Database(url)


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "sqlite:///blog.db?mode=memory", "mysql://localhost/blog"],
)
def test_a_url_of_no_file_is_refused(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"names no SQLite file, as sqlite:///blog.db does$"):
        Database(url)


def test_a_refused_url_does_not_show_its_password() -> None:
    with pytest.raises(DatabaseError) as refusal:
        Database("postgresql://rick:swordfish@localhost/blog")

    assert "localhost" in str(refusal.value)
    assert "swordfish" not in str(refusal.value)


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new.db"

    Database(f"sqlite:///{path}").create()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("place", ["missing/blog.db", "."])
def test_a_file_that_can_not_be_made_is_refused(place: str, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / place}")

    with pytest.raises(DatabaseError, match=r"^can't open '"):
        database.create()


def test_a_file_that_has_gone_is_not_made_anew(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gone.db'}")

    with database.session() as session, pytest.raises(StorageUnavailable):
        session.reading()

    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_told_where_one_is_required(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gone.db'}")

    with pytest.raises(DatabaseError, match=r"^there is no database at '.*gone\.db'$"):
        database.require()


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
    [("foreign_keys", 1), ("journal_mode", "wal"), ("synchronous", 2), ("busy_timeout", 5000)],
)
def test_a_connection_is_set_up(database: Database, pragma: str, expected: object) -> None:
    with database.session() as session:
        value = session.reading().exec_driver_sql(f"PRAGMA {pragma}").scalar()

    assert value == expected


def test_a_locked_database_is_unavailable_for_writing(
    database: Database, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN IMMEDIATE")

    with database.session() as session:
        do_not_wait(session)
        with pytest.raises(StorageUnavailable, match="database is locked"):
            keep(session, "late")

    assert kept(database) == []


def test_a_session_that_met_a_lock_writes_when_the_lock_is_gone(
    database: Database, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN IMMEDIATE")
    with database.session() as session:
        do_not_wait(session)
        with pytest.raises(StorageUnavailable):
            keep(session, "early")
        other.execute("COMMIT")

        keep(session, "late")

    assert kept(database) == ["late"]


def test_a_writer_waits_for_the_one_before_it(
    database: Database, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO setting VALUES ('first', '')")

    with ThreadPoolExecutor() as pool, database.session() as session:
        begun = threading.Event()
        driver = session.reading().connection.driver_connection
        driver.set_trace_callback(lambda statement: "IMMEDIATE" in statement and begun.set())
        waiting = pool.submit(keep, session, "second")
        assert begun.wait(60)
        other.execute("COMMIT")
        waiting.result()

    assert kept(database) == ["first", "second"]


def test_readers_are_not_held_by_a_writer(database: Database, other: sqlite3.Connection) -> None:
    with database.session() as session:
        keep(session, "before")
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO setting VALUES ('meanwhile', '')")

    assert kept(database) == ["before"]


def test_a_reader_keeps_its_snapshot_until_it_ends(database: Database) -> None:
    names = select(setting.c.name)
    with database.session() as reader, database.session() as writer:
        reader.reading().scalars(names).all()
        keep(writer, "meanwhile")

        assert reader.reading().scalars(names).all() == []
        reader.close()
        assert reader.reading().scalars(names).all() == ["meanwhile"]


def test_a_writer_sees_what_came_after_its_own_reading(database: Database) -> None:
    names = select(setting.c.name)
    with database.session() as first, database.session() as second:
        first.reading().scalars(names).all()
        keep(second, "meanwhile")
        with first.writing() as connection:
            assert connection.scalars(names).all() == ["meanwhile"]


def test_a_writer_that_raises_leaves_nothing(database: Database) -> None:
    with database.session() as session:
        with pytest.raises(LookupError), session.writing() as connection:
            connection.execute(insert(setting).values(name="half", value=""))
            raise LookupError

        assert session.reading().scalars(select(setting.c.name)).all() == []


def test_a_mistake_in_a_statement_is_not_taken_for_a_state_of_the_database(
    database: Database,
) -> None:
    with database.session() as session:
        keep(session, "twice")
        with pytest.raises(IntegrityError) as mistake:
            keep(session, "twice", "what an author wrote")

    assert "what an author wrote" not in str(mistake.value)


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


def test_read_then_write_by_several_threads_loses_nothing(database: Database) -> None:
    with database.session() as session:
        keep(session, "counter", "0")
    together = threading.Barrier(THREADS)

    def count() -> None:
        together.wait()
        for _ in range(10):
            with database.session() as session, session.writing() as connection:
                value = int(connection.scalar(select(setting.c.value)) or 0)
                connection.execute(update(setting).values(value=str(value + 1)))

    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(count) for _ in range(THREADS)]:
            future.result()

    with database.session() as session:
        assert session.reading().scalar(select(setting.c.value)) == "40"


def test_a_session_that_finds_every_connection_in_use_is_told_so(database_url: str) -> None:
    database = Database(database_url, threads=1)
    with database.session() as first, database.session() as second, database.session() as third:
        first.reading()
        second.reading()
        with pytest.raises(
            StorageUnavailable, match=r"^every connection to the database is in use"
        ):
            third.reading()
        first.close()

        assert third.reading().scalar(text("SELECT 1")) == 1
    database.close()


def test_a_connection_given_back_carries_nothing_over(database_url: str) -> None:
    database = Database(database_url, threads=1)
    with database.session() as session:
        session.reading().execute(insert(setting).values(name="uncommitted", value=""))

    assert kept(database) == []
    database.close()


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

    with Database(f"sqlite:///{path}").session() as session, pytest.raises(StorageUnavailable):
        session.reading()

    holder.close()


def test_writes_go_to_the_file_that_is_there_now(database: Database, tmp_path: Path) -> None:
    with database.session() as session:
        keep(session, "before")
    for name in ("blog.db", "blog.db-wal", "blog.db-shm"):
        (tmp_path / name).rename(tmp_path / f"old-{name}")
    database.create()
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
        database.create()
    with pytest.raises(DatabaseError):
        database.require()
