"""Statements that the driver runs by itself: they give what SQLAlchemy would give."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import pytest
from sqlalchemy import Select, bindparam, column, func, null, select

from blog.content.authors import Caller
from blog.content.posts import Post, PostContent
from blog.errors import BlogError, StorageUnavailable
from blog.storage import posts, schema
from blog.storage.connections import Limits
from blog.storage.engine import Database
from blog.storage.tables import UTCDateTime, post

RICK = Caller("rick", "author")
NOW = datetime(2026, 11, 22, 9, 47, 45, 746058, UTC)
# The first year that there is, and one that is written with fewer digits elsewhere.
EARLY = datetime(1, 1, 1, 0, 0, 0, 1, UTC)
BY_DATE: Select[tuple[object, ...]] = select(
    post.c.id, post.c.tags, post.c.posted_date, post.c.previous_date, null().label("absent")
).where(post.c.posted_date == bindparam("date", type_=UTCDateTime), post.c.status == "published")


def write(database: Database, date: datetime = NOW) -> Post:
    content = PostContent(title="100 % 'ours'", body="B", tags=("a", "ü"), posted_date=date)
    with database.session() as session:
        return posts.create(session, content, RICK, NOW)


@pytest.mark.parametrize("date", [NOW, EARLY])
def test_rows_are_those_that_sqlalchemy_gives(database: Database, date: datetime) -> None:
    created = write(database, date)
    write(database, datetime(2020, 1, 1, tzinfo=UTC))
    values = {"date": date}
    with database.session() as session:
        alone = session.fetch(BY_DATE, values)
        session.reading()
        together = session.fetch(BY_DATE, values)

    assert [list(row) for row in alone] == [list(row) for row in together]
    assert [list(row) for row in alone] == [[created.id, ["a", "ü"], date, None, None]]


@pytest.mark.parametrize(
    "text", ["'", "\\", "%", "%s", "%(date)s", ":date", "?", "; ROLLBACK", "ü", ""]
)
def test_value_is_no_part_of_the_statement(database: Database, text: str) -> None:
    statement: Select[tuple[str]] = select(post.c.id).where(post.c.title != bindparam("title"))
    created = write(database)
    with database.session() as session:
        rows = session.fetch(statement, {"title": text})

    assert [row[0] for row in rows] == [created.id]


def test_what_was_read_before_is_of_the_same_moment(database: Database) -> None:
    with database.session() as session:
        session.reading().execute(BY_DATE, {"date": NOW}).all()
        write(database)
        late = session.fetch(BY_DATE, {"date": NOW})

    assert late == []


@pytest.mark.parametrize("blogs", ["postgresql"], indirect=True)
def test_statement_that_takes_too_long_is_ended(database_url: str) -> None:
    with (
        closing(Database(database_url, Limits(statement=0.2))) as database,
        database.session() as session,
        pytest.raises(StorageUnavailable, match="statement timeout"),
    ):
        session.fetch(select(func.pg_sleep(bindparam("seconds"))), {"seconds": 30})


@pytest.mark.parametrize("blogs", ["sqlite"], indirect=True)
def test_where_no_connection_for_reading_is_free_others_serve(database_url: str) -> None:
    with closing(Database(database_url, Limits(connections=0))) as database:
        created = write(database)
        with database.session() as session:
            rows = session.fetch(BY_DATE, {"date": NOW})

    assert rows == [[created.id, ["a", "ü"], NOW, None, None]]


@pytest.mark.parametrize("blogs", ["sqlite"], indirect=True)
def test_file_that_has_taken_the_place_of_another_is_read(
    database: Database, tmp_path: Path
) -> None:
    write(database)
    with database.session() as session:
        before = session.fetch(BY_DATE, {"date": NOW})
        for name in ("blog.db", "blog.db-wal", "blog.db-shm"):
            (tmp_path / name).rename(tmp_path / f"old-{name}")
        database.server.create()
        schema.upgrade(database)
        after = session.fetch(BY_DATE, {"date": NOW})

    assert (len(before), len(after)) == (1, 0)


@pytest.mark.parametrize("blogs", ["sqlite"], indirect=True)
def test_file_that_is_gone_is_an_outage(database: Database, tmp_path: Path) -> None:
    (tmp_path / "blog.db").unlink()
    for _ in range(2):
        with database.session() as session, pytest.raises(StorageUnavailable, match="be found"):
            session.fetch(BY_DATE, {"date": NOW})


def test_mistake_in_a_statement_is_no_outage(database: Database) -> None:
    statement = select(column("absent")).select_from(post)
    with database.session() as session, pytest.raises(Exception, match="absent") as mistake:
        session.fetch(statement, {})

    assert not isinstance(mistake.value, BlogError)
    assert "\n" not in str(mistake.value)


def test_connection_serves_after_a_mistake(database: Database) -> None:
    created = write(database)
    with database.session() as session:
        with pytest.raises(Exception, match="absent"):
            session.fetch(select(column("absent")).select_from(post), {})
        rows = session.fetch(BY_DATE, {"date": NOW})

    assert [row[0] for row in rows] == [created.id]


def test_connection_that_was_idle_for_a_while_serves(database: Database) -> None:
    created = write(database)
    sleep(1.1)
    with database.session() as session:
        rows = session.fetch(BY_DATE, {"date": NOW})

    assert [row[0] for row in rows] == [created.id]


@pytest.mark.parametrize("blogs", ["sqlite"], indirect=True)
def test_file_that_is_damaged_is_an_outage(database: Database, tmp_path: Path) -> None:
    write(database)
    with closing(sqlite3.connect(tmp_path / "blog.db")) as other:
        (page,) = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'post'").fetchone()
        (size,) = other.execute("PRAGMA page_size").fetchone()
    database.close()
    with open(tmp_path / "blog.db", "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with database.session() as session, pytest.raises(StorageUnavailable, match="malformed"):
        session.fetch(BY_DATE, {"date": NOW})
