"""What the change feed passes over for a caller: its cost is bounded, and no cursor tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import insert, literal, select, true

from blog.content.authors import Caller
from blog.content.posts import PostContent
from blog.database.database import Database
from blog.database.session import Session
from blog.storage import changes, post_writes
from blog.storage.changes import BEGINNING, MOST_PASSED_OVER
from blog.storage.tables import revision
from tests.access import access_for
from tests.contract import Clock

NOW = Clock().now
DUE = NOW + timedelta(hours=1)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session on a database with one post, which is scheduled."""
    with database.session() as opened:
        content = PostContent(title="a", body="", posted_date=DUE)
        post_writes.create(access_for(opened, Caller("rick", "author"), NOW), content)
        yield opened


def edit_often(session: Session, times: int) -> None:
    """Have the post written anew so many times."""
    names = [column.name for column in revision.c if column.computed is None]
    numbers = select(literal(1).label("number")).cte(recursive=True)
    following = (numbers.c.number + 1).label("number")
    numbers = numbers.union_all(select(following).where(numbers.c.number < times))
    moved = {name: revision.c[name] + numbers.c.number for name in ("sequence", "version")}
    rows = select(*(moved.get(name, revision.c[name]) for name in names))
    with session.writing() as connection:
        joined = rows.join_from(revision, numbers, true())
        connection.execute(insert(revision).from_select(names, joined))


@pytest.mark.parametrize("limit", [1, 100])
def test_fewer_than_one_request_may_pass_over_leave_the_position(
    session: Session, limit: int
) -> None:
    edit_often(session, MOST_PASSED_OVER - 2)

    page = changes.follow(access_for(session, None, NOW), limit, BEGINNING)

    assert (page.items, page.position) == ([], BEGINNING)


@pytest.mark.parametrize("limit", [1, 100])
def test_what_one_request_may_pass_over_is_not_looked_at_again(
    session: Session, limit: int
) -> None:
    edit_often(session, MOST_PASSED_OVER - 1)

    page = changes.follow(access_for(session, None, NOW), limit, BEGINNING)

    assert (page.items, page.position.sequence) == ([], MOST_PASSED_OVER)


def test_what_was_passed_over_is_in_the_feed_once_it_is_due(session: Session) -> None:
    edit_often(session, MOST_PASSED_OVER - 1)
    page = changes.follow(access_for(session, None, NOW), 1, BEGINNING)

    told = changes.follow(access_for(session, None, DUE), 20, page.position).items

    assert [(change.operation, change.version, change.date) for change in told] == [
        ("created", MOST_PASSED_OVER, DUE)
    ]
