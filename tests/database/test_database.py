"""The database as it is opened, locked or shared between threads, of either kind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from sqlalchemy import Connection, Select, event, insert, select, text, update
from sqlalchemy.exc import IntegrityError, StatementError

from blog.database.database import Database
from blog.database.limits import Limits, WritePurpose
from blog.errors import DatabaseError, PoolExhausted, StorageUnavailable
from blog.storage.tables import post, setting
from tests.blogs import Blogs
from tests.cases import cases
from tests.rivals import Rival, connected
from tests.servers.postgresql import Cluster
from tests.storage.kept import keep, kept

THREADS = 4
LOCKED = (
    r"is temporarily unavailable: (database is locked|canceling statement due to lock timeout)$"
)
NAMES = select(setting.c.name).order_by(setting.c.name)


@pytest.fixture
def other(database_url: str) -> Iterator[Rival]:
    """Another program on the database of the test."""
    with connected(database_url) as rival:
        yield rival


@pytest.fixture
def hasty(database_url: str) -> Iterator[Database]:
    """The database of the test, opened by one who hardly waits."""
    opened = Database(database_url, Limits(connections=1, lock=0.1))
    yield opened
    opened.close()


@pytest.mark.parametrize("url", ["", "://"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"^the database URL can't be read$"):
        Database(url)


@pytest.mark.parametrize("url", ["mysql://localhost/blog", "mysql+pymysql://localhost/blog"])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(DatabaseError) as refusal:
        Database(url)

    assert str(refusal.value) == (
        "'mysql' is not supported: begin with sqlite:/// or postgresql+psycopg://"
    )


@pytest.mark.parametrize("driver", ["postgresql+asyncpg", "postgresql+psycopg2"])
def test_another_driver_of_postgresql_is_refused(driver: str) -> None:
    with pytest.raises(DatabaseError) as refusal:
        Database(f"{driver}://localhost/blog")

    assert str(refusal.value) == f"{driver!r} is not supported: use postgresql+psycopg://"


@cases(
    "url",
    [
        "postgresql+asyncpg://rick:swordfish@localhost/blog",
        "mysql://rick:swordfish@localhost/blog",
        "sqlite://rick:swordfish@localhost",
        "rick:swordfish@localhost",
    ],
)
def test_a_refused_url_does_not_show_its_password(url: str) -> None:
    with pytest.raises(DatabaseError) as refusal:
        Database(url)

    assert "swordfish" not in str(refusal.value)


def test_a_url_of_postgresql_need_not_name_the_driver(postgresql: Cluster) -> None:
    database = Database(postgresql.url("postgres").replace("+psycopg", ""))
    with database.session() as session:
        assert session.reading().scalar(text("SELECT 1")) == 1
    database.close()


def test_a_locked_database_is_unavailable_for_writing(hasty: Database, other: Rival) -> None:
    other.begin_writing()

    with hasty.session() as session, pytest.raises(StorageUnavailable, match=LOCKED):
        keep(session, "late")

    assert kept(hasty) == []


def test_a_session_that_met_a_lock_writes_when_the_lock_is_gone(
    hasty: Database, other: Rival
) -> None:
    other.begin_writing()
    with hasty.session() as session:
        with pytest.raises(StorageUnavailable):
            keep(session, "early")
        other.commit()

        keep(session, "late")

    assert kept(hasty) == ["late"]


def test_a_writer_waits_for_the_one_before_it(database: Database, other: Rival) -> None:
    other.begin_writing()
    other.execute("INSERT INTO setting VALUES ('first', '')")

    with ThreadPoolExecutor() as pool, database.session() as session:
        begun = threading.Event()
        event.listen(database.engine, "before_cursor_execute", lambda *_: begun.set())
        waiting = pool.submit(keep, session, "second")
        assert begun.wait(60)
        other.commit()
        waiting.result()

    assert kept(database) == ["first", "second"]


def test_readers_are_not_held_by_a_writer(database: Database, other: Rival) -> None:
    with database.session() as session:
        keep(session, "before")
    other.begin_writing()
    other.execute("INSERT INTO setting VALUES ('meanwhile', '')")

    assert kept(database) == ["before"]


def test_a_reader_keeps_its_snapshot_until_it_ends(database: Database) -> None:
    with database.session() as reader, database.session() as writer:
        reader.reading().scalars(NAMES).all()
        keep(writer, "meanwhile")

        assert reader.reading().scalars(NAMES).all() == []
        reader.close()
        assert reader.reading().scalars(NAMES).all() == ["meanwhile"]


def test_a_writer_sees_what_came_after_its_own_reading(database: Database) -> None:
    with database.session() as first, database.session() as second:
        first.reading().scalars(NAMES).all()
        keep(second, "meanwhile")
        with first.writing() as connection:
            assert connection.scalars(NAMES).all() == ["meanwhile"]


def test_a_writer_that_raises_leaves_nothing(database: Database) -> None:
    with database.session() as session:
        with pytest.raises(LookupError), session.writing() as connection:
            connection.execute(insert(setting).values(name="half", value=""))
            raise LookupError

        assert session.reading().scalars(NAMES).all() == []


def test_a_mistake_in_a_statement_is_not_taken_for_a_state_of_the_database(
    database: Database,
) -> None:
    with database.session() as session:
        keep(session, "twice")
        with pytest.raises(IntegrityError) as mistake:
            keep(session, "twice", "what an author wrote")

    assert "what an author wrote" not in str(mistake.value)


@pytest.mark.parametrize(
    ("kind", "read"),
    [("writing", select(setting.c.value).with_for_update()), ("queued", select(setting.c.value))],
    ids=["row locked", "queued"],
)
def test_read_then_write_by_several_threads_loses_nothing(
    database: Database, kind: WritePurpose, read: Select[tuple[str]]
) -> None:
    with database.session() as session:
        keep(session, "counter", "0")
    together = threading.Barrier(THREADS)

    def count() -> None:
        together.wait()
        for _ in range(10):
            with database.session() as session, session.writing(kind) as connection:
                value = int(connection.scalar(read) or 0)
                connection.execute(update(setting).values(value=str(value + 1)))

    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(count) for _ in range(THREADS)]:
            future.result()

    with database.session() as session:
        assert session.reading().scalar(select(setting.c.value)) == "40"


def test_a_write_that_breaks_a_rule_is_not_tried_again(database: Database) -> None:
    tries = []

    def work(connection: Connection) -> None:
        tries.append(1)
        connection.execute(text("UPDATE author SET role = 'king'"))

    with database.session() as session, pytest.raises(IntegrityError) as mistake:
        session.write(work)

    assert len(tries) == 1
    # The server shows the row that it refuses, with all that is in it.
    assert "argon2" not in str(mistake.value)


def test_a_value_of_a_wrong_type_is_not_taken_for_a_state_of_the_database(
    database: Database,
) -> None:
    with database.session() as session, pytest.raises(StatementError):
        session.reading().execute(select(post.c.id).where(post.c.created_date == "yesterday"))


def test_a_session_that_finds_every_connection_in_use_gets_an_error_that_says_so(
    hasty: Database, blogs: Blogs
) -> None:
    # SQLite has as many again for those who read while others do.
    limit = {"sqlite": 2, "postgresql": 1}[blogs.kind]
    with ExitStack() as stack:
        taken = [stack.enter_context(hasty.session()) for _ in range(limit)]
        for session in taken:
            session.reading()
        late = stack.enter_context(hasty.session())
        with pytest.raises(PoolExhausted, match=r"^every connection to the database is in use"):
            late.reading()
        taken[0].close()

        assert late.reading().scalar(text("SELECT 1")) == 1


def test_a_connection_given_back_carries_nothing_over(hasty: Database) -> None:
    with hasty.backend.connect("primary").execution_options(purpose="writing") as connection:
        connection.execute(insert(setting).values(name="uncommitted", value=""))

    assert kept(hasty) == []
