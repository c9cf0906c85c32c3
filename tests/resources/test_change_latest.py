"""The end of the change feed: who starts there, with what there is, misses nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from blog.database.database import Database
from blog.database.session import Session
from blog.storage import changes
from tests.access import access_for
from tests.blogs import Blogs
from tests.storage.test_changes import CALLERS, EXAMPLES, Follower, Step, histories, play


@pytest.fixture(scope="module")
def session(blogs: Blogs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session on a database that every example begins anew with."""
    with blogs.copy(tmp_path_factory.mktemp("latest")) as url:
        database = Database(url)
        with database.session() as session:
            yield session
        database.close()


@pytest.mark.slow
# Two histories take twice as long as one.
@settings(EXAMPLES, max_examples=30)
@given(before=histories(least=1), after=histories(least=1))
def test_follower_who_starts_at_the_end_has_what_there_is(
    session: Session, before: list[Step], after: list[Step]
) -> None:
    blog = play(session, before)
    end = changes.latest(access_for(session, None, blog.now))
    followers = [Follower(caller, end, blog.shown(caller)) for caller in CALLERS]
    for step in after:
        step(blog)
    blog.finish()

    for follower in followers:
        follower.poll_to_the_end(session, blog.now, 7)
        blog.check(follower)
