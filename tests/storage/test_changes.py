"""The change feed in storage: every follower ends with what there is, and all get the same.

Histories are made at random, on a coarse clock, so that many things happen at one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from blog.content.authors import Caller
from blog.content.posts import Post, PostContent, Status
from blog.database.database import Database
from blog.database.session import Session
from blog.errors import Invalid, NotFound
from blog.storage import changes, post_list, post_writes
from blog.storage.changes import BEGINNING, Change, FeedPosition
from blog.storage.post_list import SORTS, Filter, PostQuery
from blog.storage.preconditions import Precondition
from blog.storage.restoration import Restoration
from blog.storage.tables import idempotency_key, post, revision
from tests.access import access_for
from tests.blogs import Blogs
from tests.cases import cases

START = datetime(2026, 1, 1, tzinfo=UTC)
RICK, JOE, ANN = Caller("rick", "author"), Caller("joe", "author"), Caller("ann", "editor")
# Those who follow; Joe writes, so that Rick reads what is not his own.
CALLERS = (None, RICK, ANN)
ANY = Precondition()
# More pages than this are more than there can be changes.
MOST_PAGES = 500

Shown = dict[str, tuple[int, bool]]


@dataclass
class Follower:
    """A client that keeps the version of each post, and whether it may change the post."""

    caller: Caller | None
    position: FeedPosition = BEGINNING
    copy: Shown = field(default_factory=dict)
    feed: list[Change] = field(default_factory=list)

    def poll(self, session: Session, now: datetime, limit: int) -> bool:
        """Read on; give whether that was all."""
        page = changes.follow(access_for(session, self.caller, now), limit, self.position)
        self.position = page.position
        for change in page.items:
            self._apply(change)
        return len(page.items) < limit

    def poll_to_the_end(self, session: Session, now: datetime, limit: int) -> None:
        """Read on until nothing more comes."""
        for _ in range(MOST_PAGES):
            if self.poll(session, now, limit):
                return
        raise AssertionError("the feed never ends")

    def _apply(self, change: Change) -> None:
        assert (change.operation == "created") == (change.post_id not in self.copy), change
        # A version that is put off is "deleted", and "created" once it is due.
        assert identity(change) not in map(identity, self.feed), change
        self.feed.append(change)
        if change.operation == "deleted":
            del self.copy[change.post_id]
        else:
            self.copy[change.post_id] = (change.version, change.editable)


def identity(change: Change) -> tuple[str, int, str]:
    """What no two changes have in common."""
    return change.post_id, change.version, change.operation


class Blog:
    """A blog without posts, its clock, and two followers of each kind."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.now = self.latest = at(3)
        self.owners: dict[str, Caller] = {}
        self.followers = [Follower(caller) for caller in CALLERS for _ in range(2)]
        with session.writing() as connection:
            for table in (idempotency_key, revision, post):
                connection.execute(delete(table))

    def set_clock(self, now: datetime) -> None:
        """Have it another time, perhaps an earlier one."""
        self.now, self.latest = now, max(now, self.latest)

    def shown(self, caller: Caller | None) -> Shown:
        """What the list of posts shows: the version of each, and whether it may be changed."""
        shown: Shown = {}
        position, more = None, True
        while more:
            page = post_list.page(
                access_for(self.session, caller, self.now),
                PostQuery(7, Filter(), SORTS["title"], position, frozenset()),
            )
            shown |= {item.id: (item.version, item.editable) for item in page.items}
            position, more = page.next, page.next is not None
        return shown

    def check(self, follower: Follower) -> None:
        """Assert that a follower who has read all of it has just what there is."""
        # While the clock is behind, posts that were in the feed are hidden again. A version that
        # was written meanwhile is dated up to a second after the one before it: it comes then.
        newest = self.session.reading().scalar(select(func.max(revision.c.updated_date)))
        if self.now >= max(self.latest, newest or self.latest):
            assert follower.copy == self.shown(follower.caller)

    def finish(self) -> list[Follower]:
        """Let everyone read to the end, and one of each kind all from the beginning."""
        self.set_clock(max(self.latest, at(30)))
        everyone = [*self.followers, *(Follower(caller) for caller in CALLERS)]
        for limit, follower in enumerate(everyone, start=1):
            follower.poll_to_the_end(self.session, self.now, limit)
        return everyone


Step = Callable[[Blog], None]


def at(hour: int) -> datetime:
    """A moment on the coarse clock."""
    return START + timedelta(hours=hour)


@dataclass(frozen=True)
class Create:
    """Somebody writes a post."""

    owner: Caller
    status: Status = "published"
    posted: int | None = None

    def __call__(self, blog: Blog) -> None:
        made = post_writes.create(access_for(blog.session, self.owner, blog.now), written(self))
        blog.owners[made.id] = self.owner


@dataclass(frozen=True)
class Edit:
    """The owner or an editor writes a post anew, which may publish it or make it a draft."""

    which: int
    status: Status = "published"
    posted: int | None = None
    title: str = "a"
    by_editor: bool = False

    def __call__(self, blog: Blog) -> None:
        for post_id, owner in chosen(blog, self.which):
            caller = ANN if self.by_editor else owner
            with suppress(NotFound):
                post_writes.edit(
                    access_for(blog.session, caller, blog.now), post_id, ANY, self._revise
                )

    def _revise(self, _: Post) -> PostContent:
        return written(self, self.title)


@dataclass(frozen=True)
class Remove:
    """The owner deletes a post."""

    which: int

    def __call__(self, blog: Blog) -> None:
        for post_id, owner in chosen(blog, self.which):
            with suppress(NotFound):
                post_writes.remove(access_for(blog.session, owner, blog.now), post_id, ANY)


@dataclass(frozen=True)
class Restore:
    """An editor takes a version of a post back, perhaps of one that was deleted."""

    which: int
    version: int

    def __call__(self, blog: Blog) -> None:
        for post_id, _ in chosen(blog, self.which):
            with suppress(Invalid):
                Restoration(access_for(blog.session, ANN, blog.now), post_id, ANY).restore(
                    self.version
                )


@dataclass(frozen=True)
class Tick:
    """Time passes, or is set back."""

    hours: int

    def __call__(self, blog: Blog) -> None:
        blog.set_clock(blog.now + timedelta(hours=self.hours))


@dataclass(frozen=True)
class Poll:
    """One of the followers reads a page."""

    who: int
    limit: int

    def __call__(self, blog: Blog) -> None:
        follower = blog.followers[self.who]
        if follower.poll(blog.session, blog.now, self.limit):
            blog.check(follower)


def written(step: Create | Edit, title: str = "a") -> PostContent:
    """What a client sends; every title is taken, so slugs are derived and fought for."""
    posted = None if step.posted is None else at(step.posted)
    return PostContent(title=title, body="", status=step.status, posted_date=posted)


def chosen(blog: Blog, which: int) -> Sequence[tuple[str, Caller]]:
    """One of the posts that there have been, if there were any."""
    all_of_them = list(blog.owners.items())
    return [all_of_them[which % len(all_of_them)]] if all_of_them else []


STATUSES: st.SearchStrategy[Status] = st.sampled_from(["published", "draft"])
# The clock begins at 3, so some dates are past, some to come, and some just now.
HOURS = st.none() | st.integers(0, 14)
WHICH = st.integers(0, 3)
WRITES: st.SearchStrategy[Step] = st.one_of(
    st.builds(Create, st.sampled_from([RICK, JOE]), STATUSES, HOURS),
    st.builds(Edit, WHICH, STATUSES, HOURS, st.sampled_from("ab"), st.booleans()),
    st.builds(Edit, WHICH, st.just("published"), HOURS, st.sampled_from("ab")),
    st.builds(Remove, WHICH),
    st.builds(Restore, WHICH, st.integers(1, 4)),
)
POLLS: st.SearchStrategy[Step] = st.builds(Poll, st.integers(0, 5), st.sampled_from([1, 2, 3, 20]))


def histories(least: int) -> st.SearchStrategy[list[Step]]:
    """Histories in which time goes on by some hours at once, or back."""
    # With a post and something to read at once, more examples show something.
    steps = st.one_of(WRITES, POLLS, WRITES, st.builds(Tick, st.integers(least, 4)))
    return st.lists(steps, min_size=4, max_size=24)


EXAMPLES = settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def session(blogs: Blogs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session on a database that every example begins anew with."""
    with blogs.copy(tmp_path_factory.mktemp("changes")) as url:
        database = Database(url)
        with database.session() as session:
            yield session
        database.close()


def play(session: Session, history: Sequence[Step]) -> Blog:
    """Have everything happen, one after the other."""
    blog = Blog(session)
    for step in history:
        step(blog)
    return blog


SCHEDULED = Create(JOE, posted=6)
# What each of these shows is rare by chance.
IN_A_TIE = [SCHEDULED, SCHEDULED, Tick(3), Poll(0, 1), Edit(1, posted=6, title="b")]
MOVED_ON_AND_BACK = [SCHEDULED, Tick(1), Edit(0, posted=9), Tick(3), Poll(0, 1), Edit(0, posted=8)]
GONE_WHEN_DUE = [SCHEDULED, Tick(1), Poll(0, 20), Remove(0), Tick(3), Restore(0, 1)]
PUBLISHED_IN_BETWEEN = [SCHEDULED, Create(JOE), Tick(4), Edit(1, title="b"), Poll(2, 1)]


@pytest.mark.long
@EXAMPLES
@given(history=histories(least=1))
@example(history=IN_A_TIE)
@example(history=MOVED_ON_AND_BACK)
@example(history=GONE_WHEN_DUE)
@example(history=PUBLISHED_IN_BETWEEN)
def test_every_follower_gets_the_same_and_has_what_there_is(
    session: Session, history: list[Step]
) -> None:
    blog = play(session, history)

    for follower in blog.finish():
        blog.check(follower)
        dates = [change.date for change in follower.feed]
        assert dates == sorted(dates)
        assert follower.feed == feed_from_the_beginning(blog, follower.caller)


def feed_from_the_beginning(blog: Blog, caller: Caller | None) -> list[Change]:
    """What a follower gets who comes late and reads everything at once."""
    late = Follower(caller)
    late.poll_to_the_end(blog.session, blog.now, 1000)
    return late.feed


# A version that was in the feed is hidden again, edited, and shown again.
EDITED_WHILE_BACK = [SCHEDULED, Tick(4), Poll(0, 20), Tick(-3), Edit(0, posted=9), Poll(0, 20)]
# Of two that fell due at one moment, the one that was not in the feed yet is edited.
IN_A_TIE_WHILE_BACK = [*IN_A_TIE[:4], Tick(-2), Edit(1, posted=6, title="b"), Poll(0, 20)]
# A version is dated after the one before it, which is ahead of the clock.
DATED_AHEAD = [Create(RICK), Tick(-3), Edit(0, title="a"), Tick(3), Poll(0, 2)]
# A commit from a clock that is ahead brings forward nothing that is not due.
AHEAD = [SCHEDULED, Tick(9), Create(JOE), Tick(-8), Poll(0, 20), Create(JOE, posted=8)]


@pytest.mark.long
@EXAMPLES
@given(history=histories(least=-4))
@example(history=EDITED_WHILE_BACK)
@example(history=IN_A_TIE_WHILE_BACK)
@example(history=AHEAD)
@example(history=DATED_AHEAD)
def test_every_follower_has_what_there_is_once_a_clock_that_went_back_has_caught_up(
    session: Session, history: list[Step]
) -> None:
    blog = play(session, history)

    for follower in blog.finish():
        blog.check(follower)


@pytest.mark.parametrize("caller", CALLERS, ids=["anonymous", "author", "editor"])
def test_at_the_end_the_position_stays(session: Session, caller: Caller | None) -> None:
    blog = play(session, [Create(RICK), Create(JOE, status="draft"), SCHEDULED, Tick(1)])
    follower = Follower(caller)
    follower.poll_to_the_end(session, blog.now, 20)

    page = changes.follow(
        access_for(session, caller, blog.now + timedelta(minutes=1)), 20, follower.position
    )

    assert (page.items, page.position) == ([], follower.position)


def test_what_falls_due_stands_between_the_commits_before_and_after(session: Session) -> None:
    edits = [Edit(1, title="b"), Edit(0, posted=6, title="c")]
    blog = play(session, [SCHEDULED, Create(JOE), Tick(4), *edits])
    scheduled, other = blog.owners

    feed = feed_from_the_beginning(blog, None)

    assert [(change.post_id, change.operation, change.version) for change in feed] == [
        (other, "created", 1),
        (scheduled, "created", 1),
        (other, "updated", 2),
        (scheduled, "updated", 2),
    ]
    assert [change.date for change in feed] == [at(3), at(6), at(7), at(7)]


@cases(
    ("history", "expected"),
    [
        ([Edit(0, posted=6, title="b")], [("created", 2, 6)]),
        ([Edit(0, posted=8)], [("created", 2, 8)]),
        ([Edit(0, posted=4)], [("created", 2, 4)]),
        ([Edit(0, posted=2)], [("created", 2, 4)]),
        ([Edit(0, status="draft")], []),
        ([Remove(0)], []),
        ([Remove(0), Restore(0, 1)], [("created", 3, 6)]),
        ([Tick(2), Edit(0, posted=8)], [("created", 1, 6), ("deleted", 2, 6), ("created", 2, 8)]),
    ],
)
def test_readers_see_a_scheduled_post_as_it_is_when_due(
    session: Session, history: list[Step], expected: list[tuple[str, int, int]]
) -> None:
    blog = play(session, [SCHEDULED, Tick(1), *history, Tick(9)])

    feed = feed_from_the_beginning(blog, None)

    assert [(item.operation, item.version, item.date) for item in feed] == [
        (operation, version, at(hour)) for operation, version, hour in expected
    ]
