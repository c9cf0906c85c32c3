"""What the change feed does not do: tell too early, or walk too far in one request."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from blog.content.authors import Caller
from blog.content.posts import PostContent
from blog.database.database import Database
from blog.storage import changes, post_writes
from blog.storage.changes import BEGINNING
from blog.storage.tables import revision
from tests.access import access_for
from tests.contract import Clock

RICK = Caller("rick", "author")


def create(database: Database, clock: Clock, **ahead: float) -> None:
    """Write a post by a clock that is ahead of ours."""
    with database.session() as session:
        content = PostContent(title="First!", body="")
        post_writes.create(access_for(session, RICK, clock() + timedelta(**ahead)), content)


@pytest.mark.parametrize("caller", [None, RICK])
def test_what_is_published_by_a_clock_ahead_is_in_the_feed_when_ours_has_come_there(
    database: Database, clock: Clock, caller: Caller | None
) -> None:
    create(database, clock, seconds=2)
    with database.session() as session:
        early = changes.follow(access_for(session, caller, clock()), 20, BEGINNING)
        clock.advance(seconds=2)
        later = changes.follow(access_for(session, caller, clock()), 20, early.position)

    assert (early.items, early.position) == ([], BEGINNING)
    assert [change.operation for change in later.items] == ["created"]


def test_a_clock_that_is_wrong_by_far_stops_nobody(database: Database, clock: Clock) -> None:
    create(database, clock, days=400)
    create(database, clock)

    with database.session() as session:
        found = changes.follow(access_for(session, RICK, clock()), 20, BEGINNING)

    assert len(found.items) == 2


@pytest.mark.slow
def test_one_request_passes_over_a_bounded_number_of_versions(
    database: Database, clock: Clock
) -> None:
    content = PostContent(title="Ahead", body="", posted_date=clock() + timedelta(days=1))
    with database.session() as session:
        post_writes.create(access_for(session, RICK, clock()), content)
        with session.writing() as connection:
            row = dict(connection.execute(select(revision)).mappings().one())
            edits = range(2, 12_000)
            rows = [{**row, "sequence": n, "version": n, "operation": "updated"} for n in edits]
            connection.execute(insert(revision), rows)
        first = changes.follow(access_for(session, None, clock()), 20, BEGINNING)
        second = changes.follow(access_for(session, None, clock()), 20, first.position)

    assert (first.items, second.items) == ([], [])
    assert first.position.sequence == 1_000
    assert second.position.sequence == 2_000
