"""Whether the database has changed: told of every write, and nothing is told while nobody knows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from blog.database.change_detection import Freshness, Mark
from blog.database.database import Database
from blog.database.limits import Limits
from blog.storage import accounts
from tests.gateway.cached import wait_until


@pytest.fixture
def freshness(database: Database) -> Iterator[Freshness]:
    """What tells of the database of the test, once it is known."""
    with closing(database.freshness()) as made:
        wait_until(lambda: made.state() is not None)
        yield made


def write(url: str) -> None:
    """Write something that readers see, as another node does."""
    with closing(Database(url, Limits())) as other, other.session() as session:
        accounts.set_role(session, "rick", "editor")


def test_the_state_stays_as_long_as_nobody_writes(freshness: Freshness) -> None:
    assert len({freshness.state() for _ in range(10)}) == 1


def test_a_write_of_another_node_is_told(freshness: Freshness, database_url: str) -> None:
    before = freshness.state()
    write(database_url)

    wait_until(lambda: freshness.state() not in (None, before))


def test_a_write_of_this_process_is_told_at_once(database: Database, freshness: Freshness) -> None:
    before = freshness.state()
    with database.session() as session:
        accounts.set_role(session, "rick", "editor")

    assert freshness.state() != before


def test_a_write_that_fails_may_have_been_done(database: Database) -> None:
    before = database.mark.value()
    with pytest.raises(ZeroDivisionError), database.session() as session, session.writing():
        _ = 1 / 0

    assert database.mark.value() != before


def test_once_closed_nobody_knows(database: Database) -> None:
    freshness = database.freshness()
    wait_until(lambda: freshness.state() is not None)
    freshness.close()

    assert freshness.state() is None


def test_processes_that_share_a_mark_tell_each_other() -> None:
    memory = memoryview(bytearray(8))
    one, other = Mark(), Mark()
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
    with closing(Database(f"sqlite:///{file}").freshness()) as freshness:
        before = freshness.state()
        shutil.copy(file, file.with_name("copy.db"))
        file.with_name("copy.db").replace(file)

        assert freshness.state() not in (None, before)


def test_of_a_file_that_is_away_nobody_knows(file: Path) -> None:
    with closing(Database(f"sqlite:///{file}").freshness()) as freshness:
        before = freshness.state()
        moved = file.rename(file.with_name("moved.db"))
        away = freshness.state()
        moved.rename(file)

        assert (away, freshness.state()) == (None, before)


def test_of_what_is_no_database_nobody_knows(tmp_path: Path) -> None:
    path = tmp_path / "blog.db"
    path.write_bytes(2000 * b"no database")
    with closing(Database(f"sqlite:///{path}").freshness()) as freshness:
        assert freshness.state() is None


def test_what_looks_at_a_file_can_not_write(file: Path) -> None:
    freshness = Database(f"sqlite:///{file}").freshness()
    freshness.state()
    with closing(freshness), pytest.raises(Exception, match="readonly"):
        freshness._connection.execute("DELETE FROM post")


def test_on_a_file_no_failure_is_for_another_try(file: Path) -> None:
    assert not Database(f"sqlite:///{file}").server.is_conflict(ValueError())
