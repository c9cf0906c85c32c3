"""Statements that the driver runs without SQLAlchemy return the same rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Select, bindparam, column, func, insert, literal_column, null, select, text

from blog.content.authors import Caller
from blog.content.posts import Post, PostContent
from blog.database.database import Database
from blog.database.limits import Limits, take_driver_connection
from blog.database.types import UTCDateTime
from blog.errors import BlogError, PoolExhausted, StorageUnavailable
from blog.maintenance import schema
from blog.storage import post_writes
from blog.storage.tables import post, sign_in
from tests.access import access_for
from tests.cases import cases

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
        return post_writes.create(access_for(session, RICK, NOW), content)


def read(database: Database, statement: Select[Any], **values: object) -> list[list[Any]]:
    """The rows of a statement that shares no snapshot."""
    with database.session() as session:
        return [list(row) for row in session.fetch(statement, values)]


@cases("date", [NOW, EARLY])
def test_rows_are_those_that_sqlalchemy_gives(database: Database, date: datetime) -> None:
    created = write(database, date)
    write(database, datetime(2020, 1, 1, tzinfo=UTC))
    alone = read(database, BY_DATE, date=date)
    with database.session() as session:
        together = session.reading().execute(BY_DATE, {"date": date}).all()

    assert alone == [list(row) for row in together]
    assert alone == [[created.id, ("a", "ü"), date, None, None]]


@pytest.mark.parametrize(
    "value", ["'", "\\", "%", "%s", "%(date)s", ":date", "?", "; ROLLBACK", "ü", ""]
)
def test_value_is_no_part_of_the_statement(database: Database, value: str) -> None:
    statement: Select[tuple[str]] = select(post.c.id).where(post.c.title != bindparam("title"))
    created = write(database)
    rows = read(database, statement, title=value)

    assert [row[0] for row in rows] == [created.id]


def test_what_was_read_before_is_of_the_same_moment(database: Database) -> None:
    with database.session() as session:
        session.reading().execute(BY_DATE, {"date": NOW}).all()
        write(database)
        late = session.fetch(BY_DATE, {"date": NOW})

    assert late == []


@pytest.mark.databases("postgresql")
def test_statement_that_takes_too_long_is_ended(database_url: str) -> None:
    with (
        closing(Database(database_url, Limits(statement=0.2))) as database,
        pytest.raises(StorageUnavailable, match="statement timeout"),
    ):
        read(database, select(func.pg_sleep(bindparam("seconds"))), seconds=30)


@pytest.mark.databases("postgresql")
def test_single_read_can_not_write(database: Database) -> None:
    assert read(database, select(func.current_setting("transaction_read_only"))) == [["on"]]


@pytest.mark.databases("postgresql")
def test_transaction_does_not_outlast_the_loan_of_its_connection(database_url: str) -> None:
    with closing(Database(database_url, Limits(connections=1))) as database:
        with closing(take_driver_connection(database.engine)) as lent:
            lent.driver_connection.execute("BEGIN")
        with closing(take_driver_connection(database.engine)) as again:
            status = again.driver_connection.info.transaction_status

    assert status == TransactionStatus.IDLE


@pytest.mark.databases("postgresql")
def test_single_read_fails_while_every_connection_is_in_use(database_url: str) -> None:
    with (
        closing(Database(database_url, Limits(connections=1, lock=0.1))) as database,
        database.session() as session,
    ):
        session.reading()
        with pytest.raises(PoolExhausted):
            read(database, BY_DATE, date=NOW)


@pytest.mark.databases("sqlite")
def test_single_read_uses_the_other_pool_while_every_reader_is_in_use(database_url: str) -> None:
    with closing(Database(database_url, Limits(connections=1))) as database:
        created = write(database)
        database.backend._readers._take()

        assert [row[0] for row in read(database, BY_DATE, date=NOW)] == [created.id]


def test_fetch_begins_no_snapshot(database: Database) -> None:
    with database.session() as session:
        session.fetch(BY_DATE, {"date": NOW})
        created = write(database)
        late = session.reading().execute(BY_DATE, {"date": NOW}).all()

    assert [row.id for row in late] == [created.id]


@pytest.mark.databases("sqlite")
def test_single_read_uses_the_other_pool_if_there_are_no_readers(database_url: str) -> None:
    with closing(Database(database_url, Limits(connections=0))) as database:
        created = write(database)
        rows = read(database, BY_DATE, date=NOW)

    assert rows == [[created.id, ("a", "ü"), NOW, None, None]]


@pytest.mark.databases("sqlite")
def test_file_that_has_taken_the_place_of_another_is_read(
    database: Database, tmp_path: Path
) -> None:
    write(database)
    before = read(database, BY_DATE, date=NOW)
    for name in ("blog.db", "blog.db-wal", "blog.db-shm"):
        (tmp_path / name).rename(tmp_path / f"old-{name}")
    database.backend.create()
    schema.upgrade(database)
    after = read(database, BY_DATE, date=NOW)

    assert (len(before), len(after)) == (1, 0)


@pytest.mark.databases("sqlite")
def test_file_that_is_gone_is_an_outage(database: Database, tmp_path: Path) -> None:
    (tmp_path / "blog.db").unlink()
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="be found"):
            read(database, BY_DATE, date=NOW)


def test_mistake_in_a_statement_is_no_outage(database: Database) -> None:
    statement = select(literal_column("1 +")).select_from(post)
    with pytest.raises(Exception, match="syntax") as mistake:
        read(database, statement)

    assert not isinstance(mistake.value, BlogError)
    assert "\n" not in str(mistake.value)


@pytest.mark.databases("sqlite")
def test_full_disk_is_an_outage_that_loses_nothing(database: Database) -> None:
    created = write(database)
    content = PostContent(title="Large", body="x" * 1_000_000)
    with database.session() as session:
        pages = session.reading().scalar(text("PRAGMA page_count"))
        session.reading().exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StorageUnavailable, match="database or disk is full"):
            post_writes.create(access_for(session, RICK, NOW), content)

    assert [row[0] for row in read(database, BY_DATE, date=NOW)] == [created.id]


def test_row_that_breaks_a_rule_is_no_outage(database: Database) -> None:
    row = {"author_name": "nobody", "address_key": "a", "date": NOW}
    with (
        database.session() as session,
        pytest.raises(Exception, match=r"(?i)foreign key") as mistake,
        session.writing() as connection,
    ):
        session.insert(connection, insert(sign_in), row)

    assert not isinstance(mistake.value, BlogError)


def test_insert_returns_the_number_of_rows(database: Database) -> None:
    rows = [{"author_name": "rick", "address_key": key, "date": NOW} for key in "abc"]
    with database.session() as session, session.writing() as connection:
        written = session.insert(connection, insert(sign_in), *rows)

    assert written == 3


def test_connection_serves_after_a_mistake(database: Database) -> None:
    created = write(database)
    with pytest.raises(Exception, match="absent"):
        read(database, select(column("absent")).select_from(post))
    rows = read(database, BY_DATE, date=NOW)

    assert [row[0] for row in rows] == [created.id]


@pytest.mark.slow
def test_connection_that_was_idle_for_a_while_serves(database: Database) -> None:
    created = write(database)
    sleep(1.1)
    rows = read(database, BY_DATE, date=NOW)

    assert [row[0] for row in rows] == [created.id]


@pytest.mark.databases("sqlite")
def test_file_that_is_damaged_is_an_outage(database: Database, tmp_path: Path) -> None:
    write(database)
    with closing(sqlite3.connect(tmp_path / "blog.db")) as other:
        (page,) = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'post'").fetchone()
        (size,) = other.execute("PRAGMA page_size").fetchone()
    database.close()
    with open(tmp_path / "blog.db", "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(StorageUnavailable, match="malformed"):
        read(database, BY_DATE, date=NOW)
