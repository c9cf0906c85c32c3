"""Concurrent writes on SQLite share a commit, and a failure undoes only its own write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Barrier, Event
from time import sleep
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select
from sqlalchemy.exc import IntegrityError

from blog.content.dates import utc_now
from blog.database.database import Database
from blog.database.group_commit import GroupCommit
from blog.database.limits import Limits
from blog.errors import SlugTaken, StorageUnavailable
from blog.storage.tables import setting, sign_in
from tests.blogs import Blogs
from tests.rivals import connected
from tests.servers.serving import TIMEOUT, eventually
from tests.storage.kept import kept

Work = Callable[[Connection], object]
WriteLater = Callable[[Work], "Future[object]"]


@pytest.fixture
def database_url(sqlite_blogs: Blogs, tmp_path: Path) -> Iterator[str]:
    """The URL of a file with authors in it."""
    with sqlite_blogs.copy(tmp_path) as url:
        yield url


@contextmanager
def impatient(url: str, seconds: float) -> Iterator[Database]:
    """A database on which a write waits no longer than that for another one."""
    opened = Database(url, Limits(connections=4, lock=seconds))
    yield opened
    opened.close()


@contextmanager
def held(database: Database) -> Iterator[WriteLater]:
    """Starts writes in threads, all of which wait for one that is under way until the end."""
    begun, let_go = Event(), Event()
    assert database.backend.group
    line = database.backend.group._waiting

    def hold(_connection: Connection) -> None:
        begun.set()
        assert let_go.wait(TIMEOUT)

    with ThreadPoolExecutor() as pool:
        holding = pool.submit(write, database, hold)
        assert begun.wait(TIMEOUT)

        def write_later(work: Work) -> Future[object]:
            length = len(line) + 1
            waiting = pool.submit(write, database, work)
            eventually(lambda: len(line) == length, lambda: "it does not wait")
            return waiting

        yield write_later
        let_go.set()
        holding.result()


def write(database: Database, work: Work) -> object:
    with database.session() as session:
        return session.write(work)


def keep(name: str) -> Work:
    """Work that inserts a setting, and returns its name."""

    def work(connection: Connection) -> str:
        connection.execute(insert(setting).values(name=name, value=""))
        return name

    return work


def fail(connection: Connection) -> None:
    keep("half")(connection)
    raise SlugTaken("the slug belongs to another post")


def refer_to_nobody(connection: Connection) -> None:
    """Break a foreign key, which shows when it is committed."""
    connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    values = {"author_name": "nobody", "address_key": "", "date": utc_now()}
    connection.execute(insert(sign_in).values(values))


def test_waiting_writes_share_a_commit(database: Database) -> None:
    commits: list[object] = []
    with held(database) as write_later:
        event.listen(database.engine, "commit", commits.append)
        writes = [write_later(keep(name)) for name in ("a", "b", "c")]

    assert [waiting.result() for waiting in writes] == ["a", "b", "c"]
    assert kept(database) == ["a", "b", "c"]
    assert len(commits) == 1


def test_no_write_returns_before_the_commit(database: Database) -> None:
    answered: list[bool] = []
    with held(database) as write_later:
        waiting = write_later(keep("a"))
        event.listen(database.engine, "commit", lambda _: answered.append(waiting.done()))

    assert waiting.result() == "a"
    assert answered == [False]


@pytest.mark.parametrize(
    ("work", "error"),
    [(fail, SlugTaken), (refer_to_nobody, IntegrityError)],
    ids=["work", "commit"],
)
def test_failed_write_undoes_nothing_else(
    database: Database, work: Work, error: type[Exception]
) -> None:
    with held(database) as write_later:
        before, failing, after = (write_later(each) for each in (keep("a"), work, keep("b")))

    assert type(failing.exception()) is error
    assert (before.result(), after.result()) == ("a", "b")
    assert kept(database) == ["a", "b"]


def test_failed_write_that_is_alone_is_not_retried(database: Database) -> None:
    tries: list[Connection] = []

    def count(connection: Connection) -> None:
        tries.append(connection)
        fail(connection)

    with pytest.raises(SlugTaken):
        write(database, count)

    assert len(tries) == 1


def test_locked_file_fails_all_waiting_writes(database_url: str) -> None:
    with (
        impatient(database_url, 0.1) as database,
        connected(database_url) as other,
        ThreadPoolExecutor() as pool,
    ):
        other.begin_writing()
        writes = [pool.submit(write, database, keep(name)) for name in ("a", "b", "c")]
        errors = [waiting.exception() for waiting in writes]
        other.commit()

        assert [type(error) for error in errors] == [StorageUnavailable] * 3
        assert kept(database) == []


def test_write_that_waits_too_long_fails(database_url: str) -> None:
    with impatient(database_url, 0.1) as database, held(database):
        with pytest.raises(StorageUnavailable, match="other writes take too long"):
            write(database, keep("late"))

        assert kept(database) == []


@pytest.mark.slow
def test_write_that_has_begun_does_not_time_out(database_url: str) -> None:
    def dawdle(connection: Connection) -> object:
        sleep(1.5)
        return keep("slow")(connection)

    with impatient(database_url, 1) as database:
        with held(database) as write_later:
            waiting = write_later(dawdle)

        assert waiting.result() == "slow"


def test_every_write_ends_whichever_others_time_out() -> None:
    group, timeout = GroupCommit(0.002), 30

    @contextmanager
    def begin() -> Iterator[Any]:
        sleep(0.002)
        yield None

    def write_often() -> int:
        kept = 0
        for number in range(100):
            with suppress(StorageUnavailable):
                kept += group.write(lambda _, number=number: number, begin) == number
        return kept

    with ThreadPoolExecutor(6) as pool:
        writers = [pool.submit(write_often) for _ in range(6)]
        assert sum(writer.result(timeout) for writer in writers) > 0


def test_waiting_write_holds_no_connection(database_url: str) -> None:
    have_read, may_write = Barrier(3), Event()

    def read_and_write(name: str) -> None:
        with database.session() as session:
            session.reading().execute(select(setting)).all()
            have_read.wait(TIMEOUT)
            assert may_write.wait(TIMEOUT)
            session.write(keep(name))

    # It has one connection, and one for when that is not enough.
    limits = Limits(connections=1, lock=2.0)
    with closing(Database(database_url, limits)) as database, ThreadPoolExecutor() as pool:
        writers = [pool.submit(read_and_write, name) for name in ("b", "c")]
        have_read.wait(TIMEOUT)
        first = pool.submit(write, database, keep("a"))
        group = database.backend.group
        eventually(lambda: bool(group and group._is_writing), lambda: "no writer begins")
        may_write.set()
        for writer in (first, *writers):
            writer.result()

        assert kept(database) == ["a", "b", "c"]
