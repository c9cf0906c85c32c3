"""A clean end removes the log of an SQLite database, unless files of the database were replaced."""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path

import pytest
import requests

from blog.database.database import Database
from blog.storage import accounts
from blog.storage.tables import PUBLIC_TABLES
from tests.commands import blog, done, post_as
from tests.servers.serving import Server, add_author, eventually, serve, start, wait_until_it_serves

pytestmark = pytest.mark.long

POST = {"title": "First!", "body": "First post!"}
RICK = ("rick", "password")
of_sqlite = pytest.mark.databases("sqlite")


def files(directory: Path) -> list[str]:
    """The files of the database."""
    return sorted(path.name for path in directory.glob("blog.db*"))


def wait_until_all_serve(server: Server, workers: int) -> None:
    """Wait until each worker handles SIGTERM, which kills a worker that is still starting."""

    def catches(worker: int) -> bool:
        status = Path(f"/proc/{worker}/status").read_text()
        [caught] = re.findall(r"SigCgt:\s*(\w+)", status)
        return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)

    wait_until_it_serves(server)
    eventually(lambda: sum(map(catches, server.workers())) == workers, server.stderr_text)


def write(server: Server) -> None:
    requests.post(f"{server.url}/post", json=POST, auth=RICK).raise_for_status()


def replace(file: Path) -> None:
    """Replace a file with a copy of it."""
    copy = file.with_name("copy")
    shutil.copy(file, copy)
    copy.replace(file)


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGTERM, 1), (signal.SIGINT, 4)])
def test_a_server_that_stops_removes_the_log(
    tmp_path: Path, number: signal.Signals, workers: int
) -> None:
    add_author(tmp_path)
    with start(tmp_path, "--workers", str(workers)) as server:
        wait_until_all_serve(server, workers)
        write(server)
        status = server.stop(number)

    assert (status, files(tmp_path)) == (0, ["blog.db"])


def test_a_worker_that_is_replaced_leaves_the_log_to_the_next(tmp_path: Path) -> None:
    add_author(tmp_path)
    with serve(tmp_path) as server:
        before = server.workers()
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: not before & server.workers(), server.stderr_text)
        write(server)
        while_it_serves = files(tmp_path)
        listed = requests.get(f"{server.url}/post").json()["data"]

    assert (len(listed), len(while_it_serves)) == (1, 3)
    assert files(tmp_path) == ["blog.db"]


@pytest.mark.parametrize("name", ["blog.db", "blog.db-wal", "blog.db-shm"])
def test_replaced_files_are_not_changed(tmp_path: Path, name: str) -> None:
    add_author(tmp_path)
    with start(tmp_path, "--workers", "2") as server:
        wait_until_all_serve(server, 2)
        write(server)
        replace(tmp_path / name)
        before = {file: (tmp_path / file).read_bytes() for file in files(tmp_path)}
        status = server.stop()

    assert status == 0
    assert {file: (tmp_path / file).read_bytes() for file in files(tmp_path)} == before


@pytest.mark.parametrize(
    "command",
    [
        "database upgrade",
        "database check",
        "author list",
        "author role rick editor",
        "token list rick",
    ],
)
@of_sqlite
def test_a_command_removes_the_log(rick: str, command: str) -> None:
    post_as("rick")
    done(blog(command))

    assert files(Path.cwd()) == ["blog.db"]


@of_sqlite
def test_the_last_to_end_removes_the_log(database_url: str, tmp_path: Path) -> None:
    opened = [Database(database_url) for _ in range(3)]
    for database in opened:
        database.change_detector(PUBLIC_TABLES).state()
        with database.session() as session:
            accounts.find_all(session)
    for database in opened:
        database.shut_down()

    assert files(tmp_path) == ["blog.db"]


def test_a_database_can_be_used_again_after_its_end(database: Database) -> None:
    database.shut_down()
    with database.session() as session:
        assert session.is_on_primary()


@of_sqlite
def test_the_log_of_a_removed_database_stays(database: Database, tmp_path: Path) -> None:
    with database.session() as session:
        session.reading()
    (tmp_path / "blog.db").unlink()
    database.shut_down()

    assert files(tmp_path) == ["blog.db-shm", "blog.db-wal"]
