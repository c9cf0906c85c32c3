"""Change detection: each write changes the state, which is None while writes may be missed."""

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
    """A detector for the database of the test, once its state is known."""
    with closing(database.change_detector(PUBLIC_TABLES)) as made:
        wait_until(lambda: made.state() is not None)
        yield made


def write(url: str) -> None:
    """Write something that readers see, as another node does."""
    with closing(Database(url, Limits())) as other, other.session() as session:
        accounts.set_role(session, "rick", "editor")


def test_state_stays_the_same_without_writes(detector: ChangeDetector) -> None:
    assert len({detector.state() for _ in range(10)}) == 1


def test_write_of_another_node_changes_the_state(
    detector: ChangeDetector, database_url: str
) -> None:
    before = detector.state()
    write(database_url)

    wait_until(lambda: detector.state() not in (None, before))


def test_write_of_this_process_changes_the_state_at_once(
    database: Database, detector: ChangeDetector
) -> None:
    before = detector.state()
    with database.session() as session:
        accounts.set_role(session, "rick", "editor")

    assert detector.state() != before


def test_failed_write_changes_the_token(database: Database) -> None:
    before = database.change_token.value()
    with pytest.raises(ZeroDivisionError), database.session() as session, session.writing():
        _ = 1 / 0

    assert database.change_token.value() != before


def test_state_is_unknown_once_closed(database: Database) -> None:
    detector = database.change_detector(PUBLIC_TABLES)
    wait_until(lambda: detector.state() is not None)
    detector.close()

    assert detector.state() is None


def test_processes_share_a_token() -> None:
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


def test_replaced_file_changes_the_state(file: Path) -> None:
    with closing(Database(f"sqlite:///{file}").change_detector(PUBLIC_TABLES)) as detector:
        before = detector.state()
        shutil.copy(file, file.with_name("copy.db"))
        file.with_name("copy.db").replace(file)

        assert detector.state() not in (None, before)


def test_state_of_a_missing_file_is_unknown(file: Path) -> None:
    with closing(Database(f"sqlite:///{file}").change_detector(PUBLIC_TABLES)) as detector:
        before = detector.state()
        moved = file.rename(file.with_name("moved.db"))
        away = detector.state()
        moved.rename(file)

        assert (away, detector.state()) == (None, before)


def test_state_of_a_file_that_is_not_a_database_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "blog.db"
    path.write_bytes(2000 * b"no database")
    with closing(Database(f"sqlite:///{path}").change_detector(PUBLIC_TABLES)) as detector:
        assert detector.state() is None


def test_detector_of_a_file_can_not_write(file: Path) -> None:
    detector = Database(f"sqlite:///{file}").change_detector(PUBLIC_TABLES)
    detector.state()
    with closing(detector), pytest.raises(Exception, match="readonly"):
        detector._connection.execute("DELETE FROM post")


def test_writes_to_a_file_never_conflict(file: Path) -> None:
    assert not Database(f"sqlite:///{file}").backend.is_conflict(ValueError())
