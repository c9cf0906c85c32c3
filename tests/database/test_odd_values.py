"""A SQLite file holds a value of another type than its column: that is a state, and no mistake."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from blog.database.database import Database
from blog.errors import StorageUnavailable
from blog.maintenance import integrity
from blog.storage import tables
from tests.commands import blog, failed, post_as
from tests.contract import assert_problem, path_of, write_post
from tests.people import RICK
from tests.rivals import change

pytestmark = pytest.mark.databases("sqlite")

TABLES = (tables.author, tables.post, tables.revision, tables.tag)
COLUMNS = [
    (table.name, column.name)
    for table in TABLES
    for column in table.c
    # SQLite itself takes only numbers into a key that is one.
    if column.computed is None and column.name != "sequence"
]
# Text that is not UTF-8.
TEXT = "CAST(x'61ff' AS TEXT)"
# How a value that is put into a column is reported.
WRONG = {
    ("body", "x'ff00'"): "a row has a blob in body",
    ("title", "x'ff00'"): "a row has a blob in title",
    ("title", TEXT): "Could not decode to UTF-8 column 'title'",
    ("tags", "CAST(x'5b2261ff225d' AS TEXT)"): "Could not decode to UTF-8 column 'tags'",
    ("posted_date", "'1x'"): "a row has a moment that can't be read",
    ("posted_date", "'2026-11-22'"): "a row has a moment that can't be read",
    ("posted_date", "5"): "a row has a moment that can't be read",
    ("tags", "'{'"): "a row has a list that is not JSON",
    ("tags", "5"): "a row has a list that is not JSON",
    ("tags", "'{}'"): "a row has JSON that is not a list of texts",
    ("tags", "'[1]'"): "a row has JSON that is not a list of texts",
    ("version", "'x'"): "a row has a text instead of a number",
}
UNREADABLE = pytest.mark.parametrize(("column", "value"), WRONG)
ODD = ["x'ff00'", TEXT, "'x'", "5", "1.5", "'2026-11-22'", "'{}'", "'[1]'"]


@pytest.fixture
def empty_url(tmp_path: Path) -> str:
    """The URL of a file that a command makes."""
    return f"sqlite:///{tmp_path / 'blog.db'}"


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a post with tags, that was changed once."""
    path = path_of(write_post(client, tags=["a", "b"], summary="s").headers["Location"])
    changed = client.patch(path, json={"title": "Second!"}, auth=RICK)
    assert changed.status_code == 200
    return path


def put(url: str, table: str, column: str, value: str) -> None:
    """Set a column in each row, as an operator may do by hand."""
    change(
        url,
        "PRAGMA ignore_check_constraints=ON",
        f"UPDATE OR IGNORE {table} SET {column} = {value}",
    )


def statuses(client: FlaskClient, path: str) -> list[int]:
    """How all that is read of a post is answered, to those who sign in, too, and one who writes."""
    paths = ["/post", "/post?sort=title&limit=1", "/tag", "/change", "/author", "/author/rick"]
    paths += [path, f"{path}/revision", f"{path}/revision/1", "/post?tag=a", "/post?author=rick"]
    read = [client.get(each, auth=auth) for each in paths for auth in (RICK, None)]
    written = client.patch(path, json={"title": "Third!"}, auth=RICK)
    return [answer.status_code for answer in (*read, written)]


@pytest.mark.long
@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=map(".".join, COLUMNS))
def test_no_value_is_an_unexpected_error(
    client: FlaskClient, database_url: str, path: str, table: str, column: str
) -> None:
    for value in ODD:
        put(database_url, table, column, value)

        assert 500 not in statuses(client, path), value


@UNREADABLE
@pytest.mark.parametrize("auth", [None, RICK], ids=["reader", "author"])
def test_a_value_of_another_type_is_503_and_one_line(
    client: FlaskClient,
    database_url: str,
    path: str,
    column: str,
    value: str,
    auth: tuple[str, str] | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    put(database_url, "post", column, value)
    caplog.clear()
    assert_problem(client.get(path, auth=auth), 503)
    lines = [record.getMessage() for record in caplog.records if record.name == "blog.errors"]

    assert len(lines) == 1
    assert "\n" not in lines[0]
    assert f"{WRONG[column, value]}; `blog database check` names the rows" in lines[0]


@pytest.mark.long
@UNREADABLE
def test_the_check_names_the_rows(rick: str, empty_url: str, column: str, value: str) -> None:
    post_as("rick")
    put(empty_url, "post", column, value)

    result = blog("database check")

    assert re.search(rf"^post with id '\w+' has a value .*\b{column}\b", result.stdout)
    assert "restore a backup" in failed(result)


def test_text_that_can_not_be_read_is_not_in_the_log(
    client: FlaskClient, database_url: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(database_url, "post", "body", "CAST('secret' || x'ff' AS TEXT)")
    assert_problem(client.get(path), 503)

    assert "column 'body'; `blog database check`" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("column", ["id", "slug", "author_name", "title"])
def test_the_check_names_rows_with_text_that_is_not_utf8(
    rick: str, empty_url: str, column: str
) -> None:
    post_as("rick")
    for table in ("post", "revision"):
        put(empty_url, table, "post_id" if (table, column) == ("revision", "id") else column, TEXT)

    result = blog("database check")

    assert f"has a value in {column} that can't be read\n" in result.stdout
    assert "restore a backup" in failed(result)


@pytest.mark.slow
@pytest.mark.parametrize("column", ["id", "slug", "author_name"])
def test_the_check_names_rows_whose_key_is_a_blob(rick: str, empty_url: str, column: str) -> None:
    post_as("rick")
    put(empty_url, "post", column, "x'ff00'")

    result = blog("database check")

    assert f"has a value of another type in {column}\n" in result.stdout
    assert "restore a backup" in failed(result)


def test_a_day_on_which_a_token_was_used_is_read_as_one(
    database: Database, database_url: str
) -> None:
    digest = "0" * 64
    made = f"'{digest}', 'rick', 'a', 'read', '2026-11-22 00:00:00.000000', NULL"
    change(database_url, f"INSERT INTO access_token VALUES ({made}, '2026-11-22')")
    statement = select(tables.access_token.c.last_used).where(tables.access_token.c.label == "a")
    with database.session() as session:
        assert session.fetch(statement, {}) == [(date(2026, 11, 22),)]
    put(database_url, "access_token", "last_used", "'2026-02-30'")

    with (
        database.session() as session,
        pytest.raises(StorageUnavailable, match="a date that can't be read;"),
    ):
        session.fetch(statement, {})
    assert any("last_used" in fault for fault in integrity.faults(database))
