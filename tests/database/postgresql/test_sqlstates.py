"""What PostgreSQL reports of its own state is 503 and one line; a mistake of the program is 500."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blog.app import create_app
from blog.settings import Settings
from tests.blogs import PostgreSQLBlogs
from tests.commands import blog, failed
from tests.contract import assert_problem, create
from tests.people import RICK
from tests.rivals import change
from tests.servers.outages import AWAY, detail_of

STATES = [
    *("08006", "0A000", "0LP01", "0P000", "22021", "22P05", "25006", "25P02", "26000", "28000"),
    *("2BP01", "2D000", "2F002", "38000", "39000", "3D000", "3F000", "40001", "40P01", "42501"),
    *("42703", "42704", "42804", "42883", "42P01", "42P10", "53100", "53200", "54000", "55000"),
    *("55P03", "57014", "57P03", "58030", "72000", "F0000", "HV000", "P0001", "XX000", "XX001"),
]
MISTAKES = ["21000", "22012", "23514", "42601"]
RAISE = "RAISE EXCEPTION 'no' USING ERRCODE = (SELECT state FROM meddling)"
# Tables become views of which no row can be read.
MEDDLING = (
    "CREATE TABLE meddling (state text)",
    f"CREATE FUNCTION meddle() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN {RAISE}; END$$",
    *(
        f"ALTER TABLE {table} RENAME TO {table}_kept; "
        f"CREATE VIEW {table} AS SELECT * FROM {table}_kept WHERE meddle()"
        for table in ("post", "tag")
    ),
)
# One is read by the driver alone, one by the engine, and one in a transaction for writing.
REQUESTS = [("GET", "/post"), ("GET", "/tag"), ("PATCH", None)]


class Meddled(NamedTuple):
    """A client of a blog whose server reports a state whenever a post or a tag is read."""

    client: FlaskClient
    url: str
    post: str

    def ask(self, method: str, path: str | None, state: str) -> TestResponse:
        """The response to a request while the server reports this state."""
        change(self.url, "DELETE FROM meddling", f"INSERT INTO meddling VALUES ('{state}')")
        json = {"title": "New"} if method == "PATCH" else None
        return self.client.open(path or self.post, method=method, json=json, auth=RICK)


@pytest.fixture(scope="module")
def meddled(
    postgresql_blogs: PostgreSQLBlogs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Meddled]:
    """A blog with a post that can't be read."""
    with postgresql_blogs.copy(tmp_path_factory.mktemp("meddled")) as url:
        app = create_app(Settings(database_url=url))
        with closing(app.extensions["blog"].database):
            client = app.test_client()
            post = create(client, tags=["a"])
            change(url, *MEDDLING)
            yield Meddled(client, url, post)


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize("state", STATES)
def test_state_of_the_server_is_503_and_one_line(
    meddled: Meddled, caplog: pytest.LogCaptureFixture, method: str, path: str | None, state: str
) -> None:
    caplog.set_level(logging.WARNING, logger="blog")
    response = meddled.ask(method, path, state)

    assert detail_of(response) == AWAY
    assert [record.exc_info for record in caplog.records if record.name == "blog.errors"] == [None]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize("state", MISTAKES)
def test_mistake_in_a_statement_is_500(
    meddled: Meddled, method: str, path: str | None, state: str
) -> None:
    assert_problem(meddled.ask(method, path, state), 500)


@pytest.mark.parametrize(
    "damage",
    ["ALTER TABLE author RENAME COLUMN role TO rank", "ALTER TABLE access_token RENAME TO key"],
    ids=["column", "table"],
)
def test_command_on_another_schema_fails_in_one_line(
    postgresql_blogs: PostgreSQLBlogs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: str,
) -> None:
    with postgresql_blogs.copy(tmp_path) as url:
        change(url, damage)
        monkeypatch.setenv("BLOG_DATABASE_URL", url)
        command = "author list" if "author" in damage else "token list rick"

        assert failed(blog(command)).endswith(" does not exist")
