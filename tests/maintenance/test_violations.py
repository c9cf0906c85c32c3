"""Rows that break a constraint are found, also where the database has lost the constraint."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from blog.content.authors import Caller
from blog.content.posts import Post, PostContent
from blog.database.database import Database
from blog.maintenance.violations import unreadable, violations
from blog.storage import post_writes
from tests.access import access_for
from tests.blogs import Blogs
from tests.contract import Clock
from tests.maintenance.damages import drop_constraint
from tests.rivals import change

pytestmark = pytest.mark.slow


@pytest.fixture
def written(database: Database, clock: Clock) -> list[Post]:
    """Two posts of Rick."""
    with database.session() as session:
        return [
            post_writes.create(
                access_for(session, Caller("rick", "author"), clock()),
                PostContent(title=title, body=""),
            )
            for title in ("One", "Two")
        ]


def found(database: Database) -> list[str]:
    """What is found by now."""
    with database.session() as session:
        connection = session.reading()
        return [*unreadable(connection), *violations(connection)]


def test_a_sound_blog_has_none(database: Database, written: list[Post]) -> None:
    assert found(database) == []


def test_two_posts_with_one_slug_are_named(
    database: Database, database_url: str, written: list[Post]
) -> None:
    drop_constraint(database_url, "post", "uq_post_slug")
    change(database_url, "UPDATE post SET slug = 'one'")

    assert found(database) == ["post has 2 rows with the same slug 'one'"]


def test_two_rows_with_one_primary_key_are_named(database: Database, database_url: str) -> None:
    drop_constraint(database_url, "setting", "pk_setting")
    change(database_url, "INSERT INTO setting VALUES ('a', '1'), ('a', '2')")

    assert found(database) == ["setting has 2 rows with the same name 'a'"]


def test_a_row_that_breaks_a_check_is_named(
    database: Database, database_url: str, written: list[Post]
) -> None:
    drop_constraint(database_url, "post", "ck_post_format")
    change(database_url, "UPDATE post SET format = 'odd' WHERE slug = 'one'")

    assert found(database) == [f"post with id '{written[0].id}' violates ck_post_format"]


def test_a_row_without_a_value_that_it_needs_is_named(
    postgresql_blogs: Blogs, tmp_path: Path
) -> None:
    with postgresql_blogs.copy(tmp_path) as url, closing(Database(url)) as database:
        change(
            url,
            "ALTER TABLE setting ALTER COLUMN value DROP NOT NULL",
            "INSERT INTO setting VALUES ('a', NULL)",
        )

        assert found(database) == ["setting with name 'a' has no value"]


def test_a_value_of_another_type_is_named(
    sqlite_blogs: Blogs, tmp_path: Path, clock: Clock
) -> None:
    with sqlite_blogs.copy(tmp_path) as url, closing(Database(url)) as database:
        change(url, "INSERT INTO setting VALUES ('a', x'ff00')")

        assert found(database) == ["setting with name 'a' has a value of another type in value"]


def test_a_row_that_refers_to_nothing_is_named(
    database: Database, database_url: str, written: list[Post]
) -> None:
    change(database_url, "DELETE FROM post WHERE slug = 'one'")
    change(
        database_url,
        "INSERT INTO tag (post_id, key, name, status, sort_date, author_name, updated_date, title)"
        " SELECT 'gone', 'k', 'k', status, sort_date, author_name, updated_date, title FROM post",
    )

    key = "post_id 'gone', key 'k'"
    assert found(database) == [f"tag with {key} refers to a missing post"]


def test_of_many_rows_that_break_one_constraint_twenty_are_named(
    database: Database, database_url: str
) -> None:
    drop_constraint(database_url, "setting", "pk_setting")
    rows = ", ".join(f"('{n}', '')" for n in range(30))
    change(database_url, f"INSERT INTO setting VALUES {rows}, {rows}")

    assert len(found(database)) == 20
