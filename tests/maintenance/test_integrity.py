"""Whether a database is sound: each post is its newest revision, and no revision is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from blog.content.authors import Caller
from blog.content.posts import Post, PostContent
from blog.database.database import Database
from blog.database.session import Session
from blog.maintenance import integrity
from blog.storage import post_writes
from blog.storage.idempotency import IdempotencyKey
from blog.storage.preconditions import Precondition
from blog.storage.restoration import Restoration
from blog.storage.revisions import REPEATED
from tests.access import access_for
from tests.contract import Clock
from tests.rivals import change

pytestmark = pytest.mark.slow

RICK = Caller("rick", "author")
ANN = Caller("ann", "editor")
ANY = Precondition()
# Another value, in SQL, for every column that a revision repeats of its post but the version.
OTHER_VALUES: Mapping[str, str] = {
    "status": "'draft'",
    "created_date": "'2000-01-01 00:00:00.000000'",
    "posted_date": "'2000-01-01 00:00:00.000000'",
    "previous_date": "'2000-01-01 00:00:00.000000'",
    "updated_date": "'2000-01-01 00:00:00.000000'",
    "author_name": "'joe'",
    "slug": "'other'",
    "title": "'Other'",
    "format": "'text'",
    "tags": """'["other"]'""",
    "summary": "'Other'",
    "body": "'Other'",
}
TABLES = ("post", "revision")
NULLABLE = ("posted_date", "previous_date", "summary")


def content(title: str, **fields: Any) -> PostContent:
    """What a post has, its summary and slug too."""
    return PostContent(**{"title": title, "body": "Body", "summary": "S", **fields})


def write(session: Session, clock: Clock, **fields: Any) -> Post:
    """A new post of Rick, with a second version, both written at a moment of their own."""
    clock.advance(seconds=1)
    created = post_writes.create(access_for(session, RICK, clock()), content("One", **fields))
    return edit(session, clock, created, "Two", **fields)


def edit(session: Session, clock: Clock, edited: Post, title: str, **fields: Any) -> Post:
    """The post with another title."""
    clock.advance(seconds=1)
    revised = content(title, slug=edited.content.slug, **fields)
    return post_writes.edit(access_for(session, ANN, clock()), edited.id, ANY, lambda _: revised)


def remove(session: Session, clock: Clock, removed: Post) -> None:
    clock.advance(seconds=1)
    post_writes.remove(access_for(session, RICK, clock()), removed.id, ANY)


def restore(session: Session, clock: Clock, restored: Post, number: int) -> Post:
    clock.advance(seconds=1)
    return Restoration(access_for(session, RICK, clock()), restored.id, ANY).restore(number)[0]


@pytest.fixture
def post(database: Database, clock: Clock) -> Post:
    """A published post with two versions, the revisions 1 and 2."""
    with database.session() as session:
        return write(session, clock)


@pytest.fixture
def deleted(database: Database, clock: Clock, post: Post) -> Post:
    """The post, deleted: revision 3."""
    with database.session() as session:
        remove(session, clock, post)
    return post


@pytest.fixture
def other(database: Database, clock: Clock, post: Post) -> Post:
    """Another post, written after the first."""
    with database.session() as session:
        return write(session, clock)


def test_every_column_but_the_version_is_tried() -> None:
    assert {*OTHER_VALUES, "version"} == set(REPEATED)


@pytest.mark.parametrize(
    "fields", [{"tags": ("b", "A", "ü")}, {"status": "draft"}, {"summary": None}]
)
def test_a_database_that_has_seen_everything_is_sound(
    database: Database, clock: Clock, fields: dict[str, Any]
) -> None:
    with database.session() as session:
        first, second, third = (write(session, clock, **fields) for _ in range(3))
        remove(session, clock, first)
        restore(session, clock, second, 1)
        restore(session, clock, edit(session, clock, third, "Three", tags=("c",)), 2)
        restore(session, clock, first, 2)
        remove(session, clock, second)

    assert integrity.faults(database) == []


def test_a_scheduled_post_is_sound_before_and_after_its_date(
    database: Database, clock: Clock
) -> None:
    with database.session() as session:
        ahead = clock() + timedelta(days=1)
        written = write(session, clock, posted_date=ahead, tags=("a",))
        before = integrity.faults(database)
        clock.advance(days=2)
        edit(session, clock, written, "Two", posted_date=None)

    assert (before, integrity.faults(database)) == ([], [])


def test_a_clock_that_goes_back_leaves_the_database_sound(
    database: Database, clock: Clock, post: Post
) -> None:
    clock.advance(days=-1)
    with database.session() as session:
        edit(session, clock, post, "Three")
        remove(session, clock, post)
        restore(session, clock, post, 1)

    assert integrity.faults(database) == []


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    ("column", "value"), [*OTHER_VALUES.items(), *((name, "NULL") for name in NULLABLE)]
)
def test_a_column_in_which_a_post_and_its_revision_differ_is_reported(
    database: Database, database_url: str, post: Post, table: str, column: str, value: str
) -> None:
    if (column, value) == ("posted_date", "NULL"):
        # A published post has a date, whichever code writes it.
        both = [f"UPDATE {name} SET status = 'draft' WHERE version = 2" for name in TABLES]
        change(database_url, *both)
    change(database_url, f"UPDATE {table} SET {column} = {value} WHERE version = 2")

    # Some are kept a third time: tags for look-up, and when the version before was written.
    difference = f"post {post.id} differs from its revision in {column}"
    assert difference in integrity.faults(database)


def test_all_columns_that_differ_are_reported_in_one_sentence(
    database: Database, database_url: str, post: Post
) -> None:
    change(database_url, "UPDATE post SET body = 'x', title = 'x', author_name = 'joe'")

    (fault,) = integrity.faults(database)
    assert fault == f"post {post.id} differs from its revision in author_name, title, body"


def test_of_several_posts_the_one_that_differs_is_reported(
    database: Database, database_url: str, post: Post, other: Post
) -> None:
    change(database_url, f"UPDATE post SET body = 'x' WHERE id = '{other.id}'")

    assert integrity.faults(database) == [f"post {other.id} differs from its revision in body"]


def faults_after(database: Database, database_url: str, *damage: str) -> Sequence[str]:
    """What is said of the database after some damage."""
    change(database_url, *damage)
    return sorted(integrity.faults(database))


def test_a_post_whose_newest_revision_is_missing_is_reported(
    database: Database, database_url: str, post: Post
) -> None:
    faults = faults_after(database, database_url, "DELETE FROM revision WHERE sequence = 2")

    assert faults == [
        f"post {post.id} has no revision of its version",
        f"post {post.id} is not at its version 1",
    ]


def test_a_post_without_any_revision_is_reported(
    database: Database, database_url: str, post: Post
) -> None:
    faults = faults_after(database, database_url, "DELETE FROM revision")

    assert faults == [f"post {post.id} has no revision of its version"]


@pytest.mark.parametrize("version", [1, 3])
def test_a_post_at_another_version_is_reported(
    database: Database, database_url: str, post: Post, version: int
) -> None:
    faults = faults_after(database, database_url, f"UPDATE post SET version = {version}")

    assert f"post {post.id} is not at its version 2" in faults


def test_a_post_that_is_missing_is_reported(
    database: Database, database_url: str, post: Post, other: Post
) -> None:
    faults = faults_after(database, database_url, f"DELETE FROM post WHERE id = '{post.id}'")

    assert faults == [f"post {post.id} is not at its version 2"]


def test_a_post_whose_deletion_is_missing_is_reported(
    database: Database, database_url: str, deleted: Post
) -> None:
    damage = "DELETE FROM revision WHERE operation = 'deleted'"

    faults = faults_after(database, database_url, damage)

    assert faults == [f"post {deleted.id} is not at its version 2"]


def test_a_living_post_with_a_deletion_is_reported(
    database: Database, database_url: str, post: Post
) -> None:
    nothing = ", ".join(
        f"{name} = NULL" for name in ("status", "posted_date", "slug", "title", "format", "tags")
    )
    deletion = f"UPDATE revision SET operation = 'deleted', {nothing} WHERE version = 2"
    faults = faults_after(database, database_url, deletion)

    assert f"post {post.id} was deleted, but still exists" in faults


def test_a_living_post_with_a_later_deletion_is_reported(
    database: Database, database_url: str, deleted: Post
) -> None:
    values = "2, status, created_date, updated_date, author_name, slug, title, format, tags, body"
    columns = values.replace("2,", "version,")
    revived = (
        f"INSERT INTO post (id, {columns}, posted_date, body_html) "
        f"SELECT post_id, {values}, posted_date, '' FROM revision WHERE sequence = 2"
    )
    faults = faults_after(database, database_url, revived)

    assert f"post {deleted.id} was deleted, but still exists" in faults


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM revision WHERE version = 2",
        "UPDATE revision SET version = 9 WHERE version = 3",
    ],
)
def test_a_gap_in_the_versions_of_a_post_is_reported(
    database: Database, database_url: str, deleted: Post, other: Post, damage: str
) -> None:
    only = f" AND post_id = '{deleted.id}'"
    faults = faults_after(database, database_url, damage + only)

    assert f"post {deleted.id} has a gap in its revisions" in faults
    assert not [fault for fault in faults if other.id in fault]


@pytest.mark.parametrize(
    ("damage", "missing"),
    [
        ("DELETE FROM revision WHERE sequence = 1", 1),
        ("DELETE FROM revision WHERE sequence IN (1, 3)", 2),
        ("UPDATE revision SET sequence = 14 WHERE sequence = 4", 10),
    ],
)
def test_revisions_that_are_missing_are_counted(
    database: Database, database_url: str, other: Post, damage: str, missing: int
) -> None:
    assert f"revisions are missing: {missing}" in faults_after(database, database_url, damage)


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE revision SET public = NOT public WHERE sequence = 2",
        "UPDATE revision SET operation = 'created' WHERE sequence = 2",
        "UPDATE revision SET operation = 'updated' WHERE sequence = 1",
        "UPDATE revision SET updated_date = '2000-01-01 00:00:00.000000' WHERE sequence = 1",
    ],
)
def test_a_revision_that_does_not_follow_from_the_one_before_is_reported(
    database: Database, database_url: str, post: Post, damage: str
) -> None:
    (fault,) = faults_after(database, database_url, damage)

    assert fault.endswith(f"of post {post.id} does not follow from the one before it")


def test_a_key_that_leads_to_no_revision_is_reported(
    database: Database, database_url: str, clock: Clock
) -> None:
    with database.session() as session:
        claim = IdempotencyKey("rick", "key", "f" * 64, clock())
        post_writes.create(access_for(session, RICK, clock()), content("One"), claim)

    assert faults_after(database, database_url, "UPDATE idempotency_key SET version = 2") == [
        "key 'key' of 'rick' has no revision"
    ]


def test_a_history_that_is_missing_as_a_whole_is_reported(
    database: Database, database_url: str, deleted: Post, other: Post
) -> None:
    damage = f"DELETE FROM revision WHERE post_id = '{deleted.id}'"

    assert faults_after(database, database_url, damage) == ["revisions are missing: 3"]


def test_a_blog_without_posts_is_sound(database: Database) -> None:
    assert integrity.faults(database) == []


def test_a_missing_secret_key_is_reported_where_the_blog_needs_it(
    database: Database, post: Post
) -> None:
    (fault,) = integrity.faults(database, needs_secret_key=True)

    assert fault.startswith("the secret key is missing")


def test_a_blog_that_was_never_served_needs_no_secret_key(database: Database) -> None:
    assert integrity.faults(database, needs_secret_key=True) == []
