"""Whether the database has changed: told of every write, and nothing is told while nobody knows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from blog.database.change_detection import ChangeDetector, ChangeToken
from blog.database.database import Database
from blog.database.limits import Limits
from blog.storage import accounts
from blog.storage.tables import PUBLIC_TABLES
from tests.gateway.cached import wait_until


@pytest.fixture
def detector(database: Database) -> Iterator[ChangeDetector]:
    """What tells of the database of the test, once it is known."""
    with closing(database.change_detector(PUBLIC_TABLES)) as made:
        wait_until(lambda: made.state() is not None)
        yield made


def write(url: str) -> None:
    """Write something that readers see, as another node does."""
    with closing(Database(url, Limits())) as other, other.session() as session:
        accounts.set_role(session, "rick", "editor")


def test_the_state_stays_as_long_as_nobody_writes(detector: ChangeDetector) -> None:
    assert len({detector.state() for _ in range(10)}) == 1


def test_a_write_of_another_node_is_told(detector: ChangeDetector, database_url: str) -> None:
    before = detector.state()
    write(database_url)

    wait_until(lambda: detector.state() not in (None, before))


def test_a_write_of_this_process_is_told_at_once(
    database: Database, detector: ChangeDetector
) -> None:
    before = detector.state()
    with database.session() as session:
        accounts.set_role(session, "rick", "editor")

    assert detector.state() != before


def test_a_write_that_fails_may_have_been_done(database: Database) -> None:
    before = database.change_token.value()
    with pytest.raises(ZeroDivisionError), database.session() as session, session.writing():
        _ = 1 / 0

    assert database.change_token.value() != before


def test_once_closed_nobody_knows(database: Database) -> None:
    detector = database.change_detector(PUBLIC_TABLES)
    wait_until(lambda: detector.state() is not None)
    detector.close()

    assert detector.state() is None


def test_processes_that_share_a_mark_tell_each_other() -> None:
    memory = memoryview(bytearray(8))
    one, other = ChangeToken(), ChangeToken()
    one.share(memory)
    other.share(memory)
    before = one.value()
    other.renew()

    assert one.value() != before


@pytest.fixture
def file(tmp_path: Path, sqlite_blogs: object) -> Path:
    """A database file."""
    with sqlite_blogs.copy(tmp_path):
        return tmp_path / "blog.db"


def test_a_file_in_the_place_of_another_is_another_state(file: Path) -> None:
    with closing(Database(f"sqlite:///{file}").change_detector(PUBLIC_TABLES)) as detector:
        before = detector.state()
        shutil.copy(file, file.with_name("copy.db"))
        file.with_name("copy.db").replace(file)

        assert detector.state() not in (None, before)


def test_of_a_file_that_is_away_nobody_knows(file: Path) -> None:
    with closing(Database(f"sqlite:///{file}").change_detector(PUBLIC_TABLES)) as detector:
        before = detector.state()
        moved = file.rename(file.with_name("moved.db"))
        away = detector.state()
        moved.rename(file)

        assert (away, detector.state()) == (None, before)


def test_of_what_is_no_database_nobody_knows(tmp_path: Path) -> None:
    path = tmp_path / "blog.db"
    path.write_bytes(2000 * b"no database")
    with closing(Database(f"sqlite:///{path}").change_detector(PUBLIC_TABLES)) as detector:
        assert detector.state() is None


def test_what_looks_at_a_file_can_not_write(file: Path) -> None:
    detector = Database(f"sqlite:///{file}").change_detector(PUBLIC_TABLES)
    detector.state()
    with closing(detector), pytest.raises(Exception, match="readonly"):
        detector._connection.execute("DELETE FROM post")


def test_on_a_file_no_failure_is_for_another_try(file: Path) -> None:
    assert not Database(f"sqlite:///{file}").backend.is_conflict(ValueError())
