"""The files of an SQLite database are removed, replaced or truncated while they are in use."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from blog.database.database import Database
from blog.errors import OutcomeUnknown, StorageUnavailable
from blog.storage.tables import setting
from tests.contract import assert_problem, path_of, write_post
from tests.people import RICK
from tests.rivals import change
from tests.storage.kept import keep, kept_at

pytestmark = pytest.mark.databases("sqlite")

POST = {"title": "First!", "body": ""}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """The file in which SQLite finds what is in the log."""
    return tmp_path / "blog.db-shm"


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a post that was written and read."""
    made = path_of(write_post(client).headers["Location"])
    assert client.get(made).status_code == 200
    return made


def replace(file: Path) -> None:
    """Put a copy in the place of a file."""
    copy = file.with_name("copy")
    shutil.copy(file, copy)
    copy.replace(file)


def truncate(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(0)


DEEDS = pytest.mark.parametrize(
    ("deed", "done"),
    [(Path.unlink, "removed"), (replace, "replaced"), (truncate, "truncated")],
)


@DEEDS
@pytest.mark.parametrize("name", ["blog.db-wal", "blog.db-shm"])
def test_no_write_is_acknowledged_once_a_file_is_another(
    client: FlaskClient,
    path: str,
    tmp_path: Path,
    name: str,
    deed: Callable[[Path], None],
    done: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    deed(tmp_path / name)

    assert_problem(client.post("/post", json=POST, auth=RICK), 503)
    assert f"{tmp_path / name} was {done} while it was in use" in caplog.text


@DEEDS
@pytest.mark.parametrize("name", ["blog.db-wal", "blog.db-shm"])
def test_no_read_is_served_once_a_file_is_another(
    client: FlaskClient,
    path: str,
    tmp_path: Path,
    name: str,
    deed: Callable[[Path], None],
    done: str,
) -> None:
    deed(tmp_path / name)

    assert_problem(client.get(path), 503)
    assert_problem(client.get("/health/ready"), 503)


@pytest.mark.parametrize("names", [["wal"], ["shm"], ["wal", "shm"]])
def test_what_was_acknowledged_before_a_file_was_removed_is_in_the_database(
    database: Database, tmp_path: Path, names: list[str]
) -> None:
    with database.session() as session:
        keep(session, "before")
    for name in names:
        (tmp_path / f"blog.db-{name}").unlink()
    with database.session() as session, pytest.raises(StorageUnavailable, match="is in /"):
        keep(session, "after")

    shutil.copy(tmp_path / "blog.db", tmp_path / "found.db")
    assert kept_at(f"sqlite:///{tmp_path / 'found.db'}") == ["before"]


def test_commits_that_a_reader_keeps_in_the_log_are_reported(database: Database, log: Path) -> None:
    with database.session() as reader, database.session() as writer:
        reader.reading().execute(select(setting)).all()
        keep(writer, "before")
        log.unlink()
        with pytest.raises(StorageUnavailable, match="not all that was committed is in "):
            keep(writer, "after")


def test_a_commit_to_a_log_that_was_removed_is_not_acknowledged(
    database: Database, log: Path
) -> None:
    with (
        database.session() as session,
        pytest.raises(OutcomeUnknown, match="removed while it was in use"),
        session.writing() as connection,
    ):
        connection.execute(insert(setting).values(name="late", value=""))
        log.unlink()


def test_a_commit_to_a_database_that_was_replaced_is_not_acknowledged(
    database: Database, tmp_path: Path
) -> None:
    with (
        database.session() as session,
        pytest.raises(StorageUnavailable),
        session.writing() as connection,
    ):
        connection.execute(insert(setting).values(name="late", value=""))
        for name in ("blog.db-wal", "blog.db-shm"):
            (tmp_path / name).unlink()
        replace(tmp_path / "blog.db")


def test_a_database_that_is_replaced_without_its_log_is_not_served(
    client: FlaskClient, path: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    replace(tmp_path / "blog.db")

    assert_problem(client.get(path), 503)
    assert f"{tmp_path / 'blog.db-wal'} is still that of the old one" in caplog.text


def test_a_truncated_log_stays_a_fault_when_it_grows(
    database: Database, log: Path, tmp_path: Path
) -> None:
    with database.session() as session:
        keep(session, "before")
    size = log.stat().st_size
    truncate(log)
    with database.session() as session, pytest.raises(StorageUnavailable):
        session.reading()
    with log.open("r+b") as opened:
        opened.truncate(size)

    with database.session() as session, pytest.raises(StorageUnavailable, match="was truncated"):
        session.reading()


def test_a_log_that_sqlite_has_truncated_is_no_fault(database: Database, log: Path) -> None:
    with database.session() as session:
        keep(session, "before")
        session.reading().rollback()
        session.reading().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
    size = log.stat().st_size
    with database.session() as session:
        keep(session, "after")

    assert size == 0


def test_a_directory_that_was_renamed_is_503_until_it_is_back(
    client: FlaskClient, path: str, tmp_path: Path
) -> None:
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    away = client.get(path).status_code, client.post("/post", json=POST, auth=RICK).status_code
    moved.rename(tmp_path)

    assert away == (503, 503)
    assert client.post("/post", json=POST, auth=RICK).status_code == 201


def test_files_may_change_while_the_database_is_closed(
    database: Database, database_url: str, log: Path
) -> None:
    with database.session() as session:
        keep(session, "before")
    database.close()

    assert not log.exists()
    assert kept_at(database_url) == ["before"]
    with database.session() as session:
        keep(session, "later")


def test_the_log_stays_when_no_connection_is_in_use(database: Database, log: Path) -> None:
    with database.session() as session:
        keep(session, "before")
    database.engine.dispose()

    assert log.exists()


def test_a_database_that_was_truncated_is_503_for_all(
    client: FlaskClient, path: str, tmp_path: Path
) -> None:
    with (tmp_path / "blog.db").open("r+b") as file:
        file.truncate(8192)

    assert_problem(client.get(path), 503)
    assert_problem(client.post("/post", json=POST, auth=RICK), 503)
    assert_problem(client.get("/health/ready"), 503)


def test_a_database_that_another_program_has_vacuumed_is_served(
    client: FlaskClient, path: str, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "blog.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE large AS SELECT zeroblob(1000000) AS value")
        other.execute("PRAGMA wal_checkpoint")
        assert client.get(path).status_code == 200
        other.execute("DROP TABLE large")
        other.execute("VACUUM")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    assert client.get(path).status_code == 200


def vacuum(file: Path) -> None:
    """Make a database shorter, as an operator does with a tool of SQLite's."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("DROP TABLE large")
        other.execute("VACUUM")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.fixture
def large(database: Database, tmp_path: Path) -> Path:
    """The file of a database that is in use, after much was put into it."""
    file = tmp_path / "blog.db"
    change(f"sqlite:///{file}", "CREATE TABLE large AS SELECT zeroblob(1000000) AS value")
    with database.session() as session:
        session.reading().exec_driver_sql("SELECT count(*) FROM large").all()
        session.reading().rollback()
        session.reading().exec_driver_sql("PRAGMA wal_checkpoint").all()
    with database.session() as session:
        session.reading()
    return file


def test_a_database_that_grows_in_its_log_after_a_vacuum_is_served(
    database: Database, large: Path
) -> None:
    vacuum(large)
    size = large.stat().st_size
    change(f"sqlite:///{large}", "INSERT INTO setting VALUES ('a', zeroblob(100000))")

    assert large.stat().st_size == size
    with database.session() as session:
        assert list(session.reading().scalars(select(setting.c.name))) == ["a"]


def test_a_database_that_is_truncated_after_a_vacuum_is_not_served(
    database: Database, large: Path
) -> None:
    vacuum(large)
    change(f"sqlite:///{large}", "INSERT INTO setting VALUES ('a', zeroblob(100000))")
    with large.open("r+b") as file:
        file.truncate(large.stat().st_size - 4096)

    with database.session() as session, pytest.raises(StorageUnavailable, match="was truncated"):
        session.reading()


def test_a_log_that_another_program_shortens_while_one_reads_is_no_fault(
    database: Database, tmp_path: Path
) -> None:
    with database.session() as session:
        keep(session, "before")
    with closing(sqlite3.connect(tmp_path / "blog.db", isolation_level=None)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM setting").fetchone()
        with database.session() as session:
            keep(session, "after")

    with database.session() as session:
        assert len(list(session.reading().scalars(select(setting.c.name)))) == 2
