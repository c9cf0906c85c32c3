"""The log of an SQLite database is overwritten in place while the database is in use."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from blog.database.database import Database
from blog.database.sqlite.files import WatchedFiles
from blog.database.sqlite.write_ahead_log import log_lock, open_log, read_header
from blog.errors import OutcomeUnknown, StorageUnavailable
from blog.storage.tables import setting
from tests.contract import assert_problem, path_of, write_post
from tests.people import RICK
from tests.servers.serving import add_author, run_blog, serve, start, wait_until_it_serves
from tests.storage.kept import keep, kept_at

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.long]

POST = {"title": "First!", "body": ""}
HEADER = 32
# As much as leaves the first page in the log as it is.
BEFORE_PAGES = 40
# The byte of the index that a connection locks while it checkpoints.
CHECKPOINT_LOCK = 121


def kept_without_log(database: Path) -> list[str]:
    """The same where nothing but the file itself is left."""
    found = database.with_name("found.db")
    shutil.copy(database, found)
    return kept_at(f"sqlite:///{found}")


def overwrite(file: Path, byte: bytes = b"\xff", size: int = BEFORE_PAGES) -> None:
    """Fill the first bytes of a file, which stays as long as it is."""
    with file.open("r+b") as opened:
        opened.write(byte * size)


@pytest.mark.parametrize("size", [1, HEADER, BEFORE_PAGES, 10_000])
@pytest.mark.parametrize("byte", [b"\xff", b"\0", b"x"], ids=["ones", "zeros", "text"])
def test_no_request_is_served_once_the_log_is_overwritten(
    client: FlaskClient, log: Path, byte: bytes, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = path_of(write_post(client).headers["Location"])
    overwrite(log, byte, size)

    assert_problem(client.get(path), 503)
    assert_problem(client.post("/post", json=POST, auth=RICK), 503)
    assert_problem(client.get("/health/ready"), 503)
    assert f"{log} was overwritten while it was in use" in caplog.text


def test_a_checksum_that_is_wrong_is_noticed(database: Database, log: Path) -> None:
    with database.session() as session:
        keep(session, "before")
    with log.open("r+b") as opened:
        opened.seek(HEADER - 1)
        last = opened.read(1)
        opened.seek(HEADER - 1)
        opened.write(bytes([last[0] ^ 1]))

    with database.session() as session, pytest.raises(StorageUnavailable, match="overwritten"):
        session.reading()


@pytest.mark.parametrize("size", [HEADER, BEFORE_PAGES])
def test_what_was_acknowledged_before_the_log_was_overwritten_is_in_the_database(
    database: Database, tmp_path: Path, log: Path, size: int
) -> None:
    with database.session() as session:
        keep(session, "before")
    overwrite(log, size=size)
    with database.session() as session, pytest.raises(StorageUnavailable, match="is in /"):
        keep(session, "after")

    assert kept_without_log(tmp_path / "blog.db") == ["before"]


def test_what_a_reader_keeps_out_of_the_database_is_written_back_once_it_ends(
    database: Database, tmp_path: Path, log: Path
) -> None:
    with database.session() as reader, database.session() as writer:
        reader.reading().execute(select(setting)).all()
        keep(writer, "before")
        overwrite(log)
        with pytest.raises(OutcomeUnknown, match="not all that was committed is in "):
            keep(writer, "late")
    with database.session() as session, pytest.raises(StorageUnavailable, match="; all that was"):
        session.reading()

    assert "before" in kept_without_log(tmp_path / "blog.db")


def test_pages_that_are_overwritten_are_kept_out_of_the_database(
    database: Database, tmp_path: Path, log: Path
) -> None:
    with database.session() as session:
        keep(session, "before")
    before = (tmp_path / "blog.db").read_bytes()
    overwrite(log, size=log.stat().st_size)
    with database.session() as session, pytest.raises(StorageUnavailable, match="its pages too"):
        session.reading()

    assert (tmp_path / "blog.db").read_bytes() == before


def test_a_commit_to_a_log_that_was_overwritten_is_not_acknowledged(
    database: Database, log: Path
) -> None:
    with database.session() as session:
        keep(session, "before")
    with (
        database.session() as session,
        pytest.raises(OutcomeUnknown, match="overwritten while it was in use"),
        database.session() as reader,
        session.writing() as connection,
    ):
        # SQLite would begin the log anew otherwise, and with it the header.
        reader.reading().execute(select(setting)).all()
        connection.execute(insert(setting).values(name="late", value=""))
        overwrite(log)


def test_a_log_that_sqlite_begins_anew_is_no_fault(database: Database, log: Path) -> None:
    headers = set()
    for name in "abc":
        with database.session() as session:
            keep(session, name)
            headers.add(log.read_bytes()[:HEADER])
            session.reading().rollback()
            session.reading().exec_driver_sql("PRAGMA wal_checkpoint(RESTART)").all()

    with database.session() as session:
        assert len(list(session.reading().scalars(select(setting.c.name)))) == len(headers) == 3


def test_a_log_that_another_program_begins_anew_is_no_fault(
    database: Database, tmp_path: Path
) -> None:
    with database.session() as session:
        keep(session, "before")
    with closing(sqlite3.connect(tmp_path / "blog.db", isolation_level=None)) as other:
        for mode in ("TRUNCATE", "RESTART"):
            other.execute(f"PRAGMA wal_checkpoint({mode})")
            other.execute(f"INSERT INTO setting VALUES ('{mode}', '')")

    with database.session() as session:
        assert len(list(session.reading().scalars(select(setting.c.name)))) == 3


def test_a_log_that_was_overwritten_while_not_in_use_is_left_to_sqlite(
    database: Database, database_url: str, log: Path
) -> None:
    log.write_bytes(b"\xff" * 10_000)
    with database.session() as session:
        keep(session, "first")
        keep(session, "second")

    assert kept_at(database_url) == ["first", "second"]


@contextmanager
def checkpointing(database: Path) -> Iterator[None]:
    """Another process writes the log back, which keeps every other one from doing so."""
    lock = (
        "import fcntl, sys; file = open(sys.argv[1], 'r+b'); "
        f"fcntl.lockf(file, fcntl.LOCK_EX, 1, {CHECKPOINT_LOCK}); print(flush=True); "
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", lock, f"{database}-shm"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin and other.stdout
        other.stdout.readline()
        yield
        other.stdin.close()


def test_a_log_without_frames_is_left_to_sqlite_while_another_process_writes_it_back(
    database: Database, tmp_path: Path, log: Path
) -> None:
    log.write_bytes(b"\xff" * 10_000)
    with closing(sqlite3.connect(tmp_path / "blog.db")) as other:
        other.execute("SELECT count(*) FROM setting").fetchall()
        with checkpointing(tmp_path / "blog.db"), database.session() as session:
            keep(session, "first")

    with database.session() as session:
        assert list(session.reading().scalars(select(setting.c.name))) == ["first"]


def test_a_log_that_was_truncated_while_another_process_writes_it_back_is_noticed_afterwards(
    database: Database, tmp_path: Path, log: Path
) -> None:
    files = WatchedFiles(tmp_path / "blog.db", lambda: sqlite3.connect(tmp_path / "blog.db"))
    with closing(files), database.session() as session:
        keep(session, "before")
        files.identify()
        with checkpointing(tmp_path / "blog.db"):
            os.truncate(log, log.stat().st_size - 1)
            files.identify()

        with pytest.raises(StorageUnavailable, match="was truncated while it was in use"):
            files.identify()


def test_a_header_that_is_whole_by_now_is_no_fault(database: Database, tmp_path: Path) -> None:
    files = WatchedFiles(tmp_path / "blog.db", lambda: sqlite3.connect(tmp_path / "blog.db"))
    with closing(files), database.session() as session:
        keep(session, "before")
        files.identify()

        assert files._fault_of_header(b"\xff" * HEADER) is None


def test_a_log_that_others_use_is_not_opened_once_it_is_overwritten(
    database: Database, database_url: str, log: Path
) -> None:
    with database.session() as session:
        keep(session, "before")
    overwrite(log)

    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="overwritten while it was in use"):
            kept_at(database_url)


def test_a_log_that_is_closed_meanwhile_has_no_header(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * HEADER)
    log = open_log(str(tmp_path / "log"))
    header = read_header(log)
    os.close(log)

    assert (header, read_header(log)) == (b"x" * HEADER, b"")


def test_a_log_that_can_not_be_opened_is_storage_away(tmp_path: Path) -> None:
    def connect() -> sqlite3.Connection:
        """As one that uses no log does."""
        return sqlite3.connect(tmp_path / "blog.db")

    connect().close()
    files = WatchedFiles(tmp_path / "blog.db", connect)
    with pytest.raises(StorageUnavailable, match="the log can't be opened"):
        files.identify()

    files.close()


def test_a_turn_is_not_waited_for_without_end(log: Path) -> None:
    log.write_bytes(b"")
    taken = []
    with log_lock(str(log)), log_lock(str(log), timeout=0.05):
        taken.append("without")
    with log_lock(str(log)):
        taken.append("in turn")

    assert taken == ["without", "in turn"]


def test_a_log_that_can_not_be_locked_is_storage_away(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_log: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    log.write_bytes(b"")
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StorageUnavailable, match="the log can't be locked: "), log_lock(str(log)):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_posts_outlast_a_log_that_was_overwritten(tmp_path: Path, number: signal.Signals) -> None:
    add_author(tmp_path)
    with start(tmp_path, "--workers", "2") as server:
        wait_until_it_serves(server)
        for _ in range(5):
            made = requests.post(f"{server.url}/post", json=POST, auth=("rick", "password"))
            made.raise_for_status()
        overwrite(tmp_path / "blog.db-wal")
        status = requests.get(f"{server.url}/post").status_code
        server.stop(number)
    checked = run_blog(tmp_path, "database", "check")
    with serve(tmp_path) as server:
        listed = requests.get(f"{server.url}/post").json()["data"]

    assert (status, len(listed)) == (503, 5)
    assert checked.returncode == 0, checked.stdout
