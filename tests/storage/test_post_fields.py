"""The fields of a post: each is declared once, and has its columns."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from blog.content.authors import Caller
from blog.content.posts import CONTENT_COLUMNS, FIELDS, LONG_TEXTS, OWN_COLUMNS, PostContent
from blog.database.database import Database
from blog.storage import post_writes, posts
from blog.storage.tables import post, revision
from tests.access import access_for

NOW = datetime(2026, 11, 22, 9, 47, 45, 746058, UTC)
# Of all that a client can write, values that no two fields share.
CONTENT = PostContent(
    title="Title",
    body="<p>Body</p>",
    format="html",
    summary="Summary",
    tags=("Tag", "Other"),
    status="draft",
    slug="slug",
    posted_date=datetime(2020, 1, 2, 3, 4, 5, 6, UTC),
)


def test_every_field_that_a_version_keeps_is_a_column_of_revisions() -> None:
    kept = {field.column for field in FIELDS if field.is_kept}

    assert kept - set(revision.c.keys()) == set()


def test_every_column_of_a_post_is_read_except_its_creation() -> None:
    assert {*OWN_COLUMNS, *CONTENT_COLUMNS} == set(post.c.keys()) - {"created_date"}


def test_every_column_holds_the_field_of_its_name(database: Database) -> None:
    with database.session() as session:
        created = post_writes.create(access_for(session, Caller("rick", "author"), NOW), CONTENT)
        row = session.reading().execute(select(post).where(post.c.id == created.id)).one()

    stored = {name: getattr(row, name) for name in CONTENT_COLUMNS}
    assert stored == CONTENT.model_dump()


def test_every_field_is_read_as_it_was_written(database: Database) -> None:
    access = access_for(database.session(), Caller("rick", "author"), NOW)
    with access.session:
        created = post_writes.create(access, CONTENT)
        found = posts.find(access, created.id)

    assert found.content == created.content == CONTENT
    assert found._replace(written=None) == created._replace(written=None)


def test_a_long_text_that_is_not_requested_is_not_read(database: Database) -> None:
    access = access_for(database.session(), Caller("rick", "author"), NOW)
    with access.session:
        created = post_writes.create(access, CONTENT)
        found = posts.find(access, created.id, LONG_TEXTS - {"body"})

    with pytest.raises(AttributeError, match="body"):
        _ = found.written.body
