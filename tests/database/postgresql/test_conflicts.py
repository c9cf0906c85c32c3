"""Transactions on PostgreSQL that conflict, or wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from blog.database.database import Database
from blog.database.limits import Limits
from blog.http.application import Application
from tests.blogs import Blogs
from tests.contract import write_post
from tests.people import RICK
from tests.servers.outages import AWAY, database_of, detail_of, fail, held, on_insert, titles
from tests.servers.postgresql import Cluster
from tests.servers.serving import TIMEOUT

POST = {"title": "First!", "body": "First post!"}


@pytest.fixture
def database_url(postgresql_blogs: Blogs, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own, on PostgreSQL alone."""
    with postgresql_blogs.copy(tmp_path) as url:
        yield url


def test_transactions_that_lock_each_other_out_both_succeed(
    database_url: str, postgresql: Cluster
) -> None:
    database = Database(database_url, Limits(connections=2))
    together = threading.Barrier(2, timeout=TIMEOUT)

    def write(*names: str) -> None:
        met = iter([together.wait])

        def work(connection: Connection) -> None:
            for name in names:
                connection.execute(
                    text("UPDATE author SET bio = concat(bio, 'x') WHERE name = :name"),
                    {"name": name},
                )
                # Only at first: a transaction that begins again finds the other one gone.
                next(met, int)()

        with database.session() as session:
            session.write(work)

    with ThreadPoolExecutor() as pool:
        for writing in [pool.submit(write, "rick", "joe"), pool.submit(write, "joe", "rick")]:
            writing.result()
    database.close()

    rows = postgresql.execute(
        "SELECT bio FROM author WHERE name IN ('rick', 'joe')", database_of(database_url)
    )
    assert rows == [("xx",), ("xx",)]


def test_read_that_always_has_to_give_way_is_503(
    postgresql: Cluster, database_url: str, client: FlaskClient
) -> None:
    # A standby cuts off reads of the rows that it has to remove.
    for statement in (
        "CREATE FUNCTION give_way() RETURNS boolean LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$",
        "ALTER TABLE post RENAME TO hidden",
        "CREATE VIEW post AS SELECT * FROM hidden WHERE give_way()",
        "INSERT INTO hidden (id, version, status, created_date, posted_date, updated_date, "
        "author_name, slug, title, format, tags, body, body_html) VALUES ('1', 1, 'published', "
        "'2026-01-01', '2026-01-01', '2026-01-01', 'rick', 'one', 'One', 'text', '[]', '', '')",
    ):
        postgresql.execute(statement, database_of(database_url))

    assert detail_of(client.get("/post")) == AWAY


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_write_that_another_came_before_is_done_again(
    postgresql: Cluster, database_url: str, client: FlaskClient, state: str
) -> None:
    on_insert(postgresql, database_url, fail(state, times=3))

    write_post(client)

    assert titles(postgresql, database_url) == ["First!"]


def test_write_that_another_always_comes_before_is_503(
    postgresql: Cluster, database_url: str, client: FlaskClient
) -> None:
    on_insert(postgresql, database_url, fail("40001", times=1000))

    response = client.post("/post", json=POST, auth=RICK)

    assert detail_of(response) == AWAY
    assert titles(postgresql, database_url) == []


def test_statement_that_takes_too_long_is_503(
    postgresql: Cluster, database_url: str, make_app: Callable[..., Application]
) -> None:
    on_insert(postgresql, database_url, "PERFORM pg_sleep(60);")
    client = make_app(database_statement_timeout=0.5).test_client()

    response = client.post("/post", json=POST, auth=RICK)

    assert detail_of(response) == AWAY
    assert titles(postgresql, database_url) == []


def test_lock_that_is_held_too_long_is_503(
    postgresql: Cluster, database_url: str, make_app: Callable[..., Application]
) -> None:
    client = make_app(database_lock_timeout=0.5).test_client()
    with held(postgresql, database_url):
        response = client.post("/post", json=POST, auth=RICK)

    assert detail_of(response) == AWAY
