"""Failing writes: shown by readiness, a metric and the log, while reads work."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import delete, make_url, select

from blog.database.database import Database
from blog.database.sqlite.errors import translate
from blog.database.write_health import WriteHealth
from blog.errors import StorageUnavailable, Unwritable
from blog.http.application import Application
from blog.maintenance import schema
from blog.storage.tables import author
from tests.blogs import Blogs
from tests.contract import assert_problem, write_post
from tests.people import RICK
from tests.servers.outages import database_of, fail, on_insert
from tests.servers.postgresql import Cluster
from tests.servers.serving import eventually, start

READY = "/health/ready"
POST = {"title": "First!", "body": "x" * 100_000}
NOBODY = 65534


@pytest.fixture
def counted(make_app: Callable[..., Application]) -> FlaskClient:
    """A client of an application that counts."""
    return make_app(metrics=True).test_client()


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user whom the modes of files hold."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def health(client: FlaskClient) -> tuple[int, str, bool]:
    """What readiness and the metric say."""
    ready = client.get(READY)
    failing = "blog_writes_failing 1.0" in client.get("/metrics").text
    return ready.status_code, ready.json["writes"], failing


def fill(app: Application) -> None:
    """Let no file of the database grow any more."""
    engine = app.extensions["blog"].database.engine
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


@pytest.fixture
def database_url(sqlite_blogs: Blogs, tmp_path: Path) -> Iterator[str]:
    """The URL of a file with authors in it."""
    with sqlite_blogs.copy(tmp_path) as url:
        yield url


def test_writes_that_succeed_are_reported(counted: FlaskClient) -> None:
    write_post(counted)

    assert health(counted) == (200, "working", False)


def test_a_full_database_is_503_for_writes_and_reads_go_on(
    counted: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    fill(counted.application)

    assert_problem(counted.post("/post", json=POST, auth=RICK), 503)
    assert counted.get("/post").status_code == 200
    assert "database or disk is full" in caplog.text


def test_writes_that_fail_are_reported_until_one_succeeds(counted: FlaskClient) -> None:
    fill(counted.application)
    counted.post("/post", json=POST, auth=RICK)
    before = health(counted)
    counted.application.extensions["blog"].database.engine.dispose()
    write_post(counted)

    assert (before, health(counted)) == ((200, "failing", True), (200, "working", False))


def test_change_of_write_health_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    health = WriteHealth()
    for note in (
        health.record_success,
        *[lambda: health.record_failure("full")] * 2,
        *[health.record_success] * 2,
    ):
        note()

    assert [record.getMessage() for record in caplog.records] == [
        "writes fail, reads work: full",
        "writes succeed again",
    ]


def test_a_failure_is_forgotten_after_a_minute() -> None:
    now = [0.0]
    health = WriteHealth(lambda: now[0])
    health.record_failure("full")
    before = health.recent_failure()
    now[0] = 60.0

    assert (before, health.recent_failure()) == ("full", None)


@pytest.fixture
def read_only(place: Path, sqlite_blogs: Blogs) -> Iterator[Path]:
    """A database file that can't be written, in a directory that can."""
    with sqlite_blogs.copy(place):
        file = place / "blog.db"
        file.chmod(0o444)
        place.chmod(0o777)
        yield file
        place.chmod(0o755)


def test_a_file_that_can_not_be_written_is_read(read_only: Path) -> None:
    with (
        as_nobody(),
        closing(Database(f"sqlite:///{read_only}")) as database,
        database.session() as session,
    ):
        found = session.reading().scalars(select(author.c.name)).all()
        reason = schema.why_unwritable(session)
        with pytest.raises(Unwritable), session.writing() as connection:
            connection.execute(delete(author))

    assert "rick" in found
    assert f"{read_only} can't be written by this user" in str(reason)


def test_a_directory_that_can_not_be_written_is_named(read_only: Path) -> None:
    read_only.parent.chmod(0o555)
    with (
        as_nobody(),
        closing(Database(f"sqlite:///{read_only}")) as database,
        database.session() as session,
        pytest.raises(StorageUnavailable, match=f"; {read_only.parent} can't be written"),
    ):
        session.reading()


CODES = {
    sqlite3.SQLITE_READONLY: Unwritable,
    sqlite3.SQLITE_READONLY_DBMOVED: Unwritable,
    sqlite3.SQLITE_FULL: Unwritable,
    sqlite3.SQLITE_IOERR_WRITE: Unwritable,
    sqlite3.SQLITE_IOERR_READ: StorageUnavailable,
    sqlite3.SQLITE_CORRUPT: StorageUnavailable,
    sqlite3.SQLITE_CORRUPT_VTAB: StorageUnavailable,
    sqlite3.SQLITE_NOTADB: StorageUnavailable,
    sqlite3.SQLITE_CANTOPEN: StorageUnavailable,
    sqlite3.SQLITE_PERM: StorageUnavailable,
    sqlite3.SQLITE_PROTOCOL: StorageUnavailable,
    sqlite3.SQLITE_BUSY_SNAPSHOT: StorageUnavailable,
    sqlite3.SQLITE_ERROR: type(None),
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: type(None),
}


@pytest.mark.parametrize("code", CODES)
def test_a_result_code_has_its_place(code: int) -> None:
    error = sqlite3.OperationalError("no")
    error.sqlite_errorcode = code

    assert type(translate(error)) is CODES[code]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (sqlite3.OperationalError("Could not decode to UTF-8 column"), StorageUnavailable),
        (sqlite3.ProgrammingError("Cannot operate on a closed database."), type(None)),
        (ValueError(), type(None)),
    ],
)
def test_what_has_no_result_code_has_its_place(error: Exception, kind: type) -> None:
    assert type(translate(error)) is kind


@pytest.fixture
def on_server(postgresql_blogs: Blogs, tmp_path: Path) -> Iterator[str]:
    """The URL of a database on a server, with authors in it."""
    with postgresql_blogs.copy(tmp_path) as url:
        yield url


@pytest.fixture
def reading_url(postgresql: Cluster, on_server: str) -> Iterator[str]:
    """The URL of the same for a role that may only read."""
    name = database_of(on_server)
    with postgresql.role("reader"):
        postgresql.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", name)
        yield make_url(on_server).set(username="reader").render_as_string()
        postgresql.execute("DROP OWNED BY reader", name)


def test_a_role_that_may_only_read_is_logged_at_the_start(reading_url: str, tmp_path: Path) -> None:
    env = {"BLOG_DATABASE_URL": reading_url, "BLOG_SECRET_KEY": "x" * 32}
    with start(tmp_path, env=env) as server:
        eventually(lambda: "serving http" in server.stderr_text(), server.stderr_text)

        assert server.stderr_text().count("writes fail, reads work: the database role may not") == 1
        assert requests.get(f"{server.url}/post").status_code == 200
        assert requests.get(f"{server.url}{READY}").json()["writes"] == "failing"


def test_a_full_disk_of_a_server_is_reported(
    postgresql: Cluster, on_server: str, make_app: Callable[..., Application]
) -> None:
    client = make_app(database_url=on_server, metrics=True).test_client()
    assert health(client) == (200, "working", False)
    on_insert(postgresql, on_server, fail("53100", 100))

    assert_problem(client.post("/post", json=POST, auth=RICK), 503)
    assert health(client) == (200, "failing", True)
