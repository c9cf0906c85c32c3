"""Giving each post a slug of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert

from blog.content.slugs import number_slug
from blog.database.database import Database
from blog.errors import SlugTaken
from blog.storage.slugs import claim_slug
from blog.storage.tables import post

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A connection in a transaction for writing."""
    with database.session() as session, session.writing() as connection:
        yield connection


def take(connection: Connection, *slugs: str) -> None:
    """Let posts have these slugs; the id of each is its slug's place."""
    rows = [
        {
            "id": str(index), "version": 1, "status": "draft", "created_date": NOW,
            "updated_date": NOW, "author_name": "rick", "slug": slug, "title": "t",
            "format": "text", "tags": [], "body": "", "body_html": "",
        }
        for index, slug in enumerate(slugs)
    ]  # fmt: skip
    connection.execute(insert(post), rows)


def test_a_derived_slug_that_is_free_has_no_number(connection: Connection) -> None:
    assert claim_slug(connection, None, "Hello, World!") == "hello-world"


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (["first"], "first-2"),
        (["first", "first-2"], "first-3"),
        (["first", "first-2", "first-3"], "first-4"),
        (["first", *(f"first-{n}" for n in range(2, 40))], "first-40"),
        (["first", *(f"first-{n}" for n in range(2, 1001))], "first-1001"),
        (["first", "first-3", "first-x", "first-02"], "first-2"),
        (["first-2"], "first"),
        (["First", "firs", "first-"], "first"),
    ],
)
def test_a_taken_slug_gets_the_next_number(
    connection: Connection, taken: list[str], expected: str
) -> None:
    take(connection, *taken)

    assert claim_slug(connection, None, "First!") == expected


def test_every_title_gives_a_slug(connection: Connection) -> None:
    take(connection, "post")

    assert claim_slug(connection, None, "🎉") == "post-2"


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(numbers=st.sets(st.integers(2, 70)))
def test_with_any_gaps_a_free_one_is_found(connection: Connection, numbers: set[int]) -> None:
    connection.execute(delete(post))
    taken = ["first", *(f"first-{number}" for number in numbers)]
    take(connection, *taken)

    slug = claim_slug(connection, None, "First!")

    assert slug not in taken
    assert slug in {f"first-{number}" for number in range(2, 129)}


@pytest.mark.parametrize(
    ("count", "expected"), [(1, "x" * 198 + "-2"), (9, "x" * 197 + "-10"), (99, "x" * 196 + "-100")]
)
def test_a_number_is_added_within_200_characters(
    connection: Connection, count: int, expected: str
) -> None:
    longest = "x" * 200
    take(connection, longest, *(number_slug(longest, number) for number in range(2, count + 1)))

    assert claim_slug(connection, None, longest) == expected


def test_the_slug_of_the_post_itself_is_not_taken(connection: Connection) -> None:
    take(connection, "first", "first-2", "first-3")

    assert claim_slug(connection, None, "First!", post_id="1") == "first-2"


def test_a_chosen_slug_that_is_free_is_given(connection: Connection) -> None:
    take(connection, "first")

    assert claim_slug(connection, "chosen", "First!") == "chosen"


def test_a_chosen_slug_that_is_taken_is_refused(connection: Connection) -> None:
    take(connection, "first")

    with pytest.raises(SlugTaken, match=r"^the slug 'first' belongs to another post$"):
        claim_slug(connection, "first", "Another title")


def test_a_post_may_keep_the_slug_it_chose(connection: Connection) -> None:
    take(connection, "first")

    assert claim_slug(connection, "first", "Another title", post_id="0") == "first"


def test_a_post_may_not_choose_the_slug_of_another(connection: Connection) -> None:
    take(connection, "first", "second")

    with pytest.raises(SlugTaken):
        claim_slug(connection, "second", "First!", post_id="0")
