"""The order of commits: revisions are numbered as they are committed, without a gap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection, event, select

from blog.content.authors import Caller
from blog.content.dates import utc_now
from blog.content.posts import Post, PostContent
from blog.content.revisions import Revision
from blog.database.database import Database
from blog.database.limits import Limits
from blog.errors import PreconditionFailed, SlugTaken, StorageUnavailable
from blog.storage import changes, post_writes
from blog.storage.changes import BEGINNING, Change
from blog.storage.idempotency import IdempotencyKey
from blog.storage.preconditions import Precondition
from blog.storage.restoration import Restoration
from blog.storage.tables import revision
from tests.access import access_for
from tests.blogs import Blogs
from tests.servers.serving import TIMEOUT, eventually

RICK, ANN = Caller("rick", "author"), Caller("ann", "editor")
ANY = Precondition()
NEVER = Precondition(never=True)
WRITERS = 4
ROUNDS = 8
# What each round of a writer leaves behind: created, updated, created, deleted.
EACH = 4
# As many as a writer and a reader each may need; and none gives up.
LONG_LIMITS = Limits(connections=WRITERS + 2, statement=TIMEOUT, lock=TIMEOUT)


@dataclass(frozen=True)
class Pause:
    """Where a commit stands still until it is let go on."""

    arrived: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)

    def stand_still(self, _connection: Connection) -> None:
        """Wait between the numbering and the commit."""
        self.arrived.set()
        assert self.released.wait(TIMEOUT)


@dataclass(frozen=True)
class Counting(IdempotencyKey):
    """Is asked each time that a create begins, and counts."""

    asked: list[None] = field(default_factory=list)

    def outcome(self, connection: Connection) -> Revision | None:
        """Find nothing."""
        self.asked.append(None)
        return None


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database of the test, with limits for many writers that wait for each other."""
    opened = Database(database_url, LONG_LIMITS)
    yield opened
    opened.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for writers."""
    with ThreadPoolExecutor(WRITERS) as threads:
        yield threads


def create(database: Database, title: str, claim: IdempotencyKey | None = None) -> Post:
    """Write a post as Rick."""
    with database.session() as session:
        return post_writes.create(
            access_for(session, RICK, utc_now()), PostContent(title=title, body=""), claim
        )


def begin_slowly(url: str, pool: ThreadPoolExecutor, ends: ExitStack) -> tuple[Pause, Future[Post]]:
    """Have somebody create a post and stop before the commit, at the latest until the test ends."""
    pause, slow = Pause(), Database(url, LONG_LIMITS)
    ends.callback(slow.close)
    event.listen(slow.engine, "commit", pause.stand_still)
    first = pool.submit(create, slow, "First")
    # It may still have to give its connection back.
    ends.callback(wait, [first], TIMEOUT)
    ends.callback(pause.released.set)
    assert pause.arrived.wait(TIMEOUT)
    return pause, first


def kept(database: Database) -> list[tuple[int, str, int]]:
    """The number, post and version of each revision."""
    c = revision.c
    with database.session() as session:
        rows = session.reading().execute(
            select(c.sequence, c.post_id, c.version).order_by(c.sequence)
        )
        return [(row.sequence, row.post_id, row.version) for row in rows]


def waiting(database: Database) -> bool:
    """Whether somebody waits for somebody else; a table that only PostgreSQL has says so."""
    with database.session() as session:
        statement = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return bool(session.reading().exec_driver_sql(statement).scalar())


def test_who_came_first_and_commits_late_is_not_overtaken(
    postgresql_blogs: Blogs, pool: ThreadPoolExecutor, tmp_path: Path
) -> None:
    with postgresql_blogs.copy(tmp_path) as url, ExitStack() as ends:
        database = Database(url, LONG_LIMITS)
        ends.callback(database.close)
        pause, first = begin_slowly(url, pool, ends)
        second = pool.submit(create, database, "Second")
        eventually(lambda: second.done() or waiting(database), lambda: "no transaction waits")
        before = second.done(), kept(database)
        pause.released.set()
        ids = [first.result(TIMEOUT).id, second.result(TIMEOUT).id]

        assert before == (False, [])
        assert kept(database) == [(1, ids[0], 1), (2, ids[1], 1)]


@pytest.mark.parametrize("write", ["edit", "remove", "restore"])
def test_every_kind_of_write_waits_for_its_turn(
    database_url: str, database: Database, pool: ThreadPoolExecutor, write: str
) -> None:
    post_id = create(database, "Older").id
    acts: dict[str, Callable[[Database, str], object]] = {
        "edit": rename,
        "remove": remove,
        "restore": restore,
    }
    if write == "restore":
        remove(database, post_id)
    ready = len(kept(database))
    with ExitStack() as ends:
        pause, first = begin_slowly(database_url, pool, ends)
        second = pool.submit(acts[write], database, post_id)
        # Nothing tells on every database that it waits; one that does not is faster than this.
        with suppress(TimeoutError):
            second.result(0.3)
        before = len(kept(database))
        pause.released.set()
        second.result(TIMEOUT)

    assert before == ready
    assert [post for _, post, _ in kept(database)[ready:]] == [first.result().id, post_id]


def test_who_waits_for_their_turn_need_not_begin_anew(
    database_url: str, database: Database, pool: ThreadPoolExecutor
) -> None:
    alone, second = (Counting("rick", key, "", utc_now()) for key in ("alone", "second"))
    create(database, "Alone", alone)
    with ExitStack() as ends:
        pause, first = begin_slowly(database_url, pool, ends)
        waits = pool.submit(create, database, "Second", second)
        with suppress(TimeoutError):
            waits.result(0.3)
        pause.released.set()
        waits.result(TIMEOUT)
        first.result(TIMEOUT)

    assert len(second.asked) == len(alone.asked)


def rename(database: Database, post_id: str) -> None:
    """Write another title."""
    content = PostContent(title=f"Other {post_id}", body="")
    with database.session() as session:
        post_writes.edit(access_for(session, RICK, utc_now()), post_id, ANY, lambda _: content)


def remove(database: Database, post_id: str) -> None:
    """Delete a post."""
    with database.session() as session:
        post_writes.remove(access_for(session, RICK, utc_now()), post_id, ANY)


def restore(database: Database, post_id: str) -> None:
    """Have a deleted post again."""
    with database.session() as session:
        Restoration(access_for(session, RICK, utc_now()), post_id, ANY).restore(1)


def test_who_gave_up_waiting_leaves_no_gap(
    database_url: str, database: Database, pool: ThreadPoolExecutor
) -> None:
    with ExitStack() as ends:
        hasty = Database(database_url, Limits(lock=0.2))
        ends.callback(hasty.close)
        pause, first = begin_slowly(database_url, pool, ends)
        with pytest.raises(StorageUnavailable):
            create(hasty, "Never")
        pause.released.set()
        first.result(TIMEOUT)

    create(database, "Third")

    assert [number for number, _, _ in kept(database)] == [1, 2]


def test_writes_that_fail_leave_no_gap(database: Database) -> None:
    post_id = create(database, "First").id
    with database.session() as session:
        with pytest.raises(SlugTaken):
            content = PostContent(title="x", body="", slug="first")
            post_writes.create(access_for(session, RICK, utc_now()), content)
        with pytest.raises(PreconditionFailed):
            post_writes.remove(access_for(session, RICK, utc_now()), post_id, NEVER)

    create(database, "Second")

    assert [number for number, _, _ in kept(database)] == [1, 2]


def write_rounds(database: Database, writer: int) -> None:
    """Create, edit and delete, with failures in between."""
    for turn in range(ROUNDS):
        post_id = create(database, f"Title {writer} {turn}").id
        rename(database, post_id)
        with database.session() as session, pytest.raises(PreconditionFailed):
            post_writes.remove(access_for(session, RICK, utc_now()), post_id, NEVER)
        remove(database, create(database, "Everyone's").id)


def follow_while(database: Database, writers: Sequence[Future[None]]) -> list[tuple[int, Change]]:
    """All that an editor reads in a tight loop, and the number that stands in the cursor."""
    read: list[tuple[int, Change]] = []
    position = BEGINNING
    while True:
        ended = all(writer.done() for writer in writers)
        with database.session() as session:
            page = changes.follow(access_for(session, ANN, utc_now()), 1, position)
        position = page.position
        read += [(position.sequence, change) for change in page.items]
        if ended and not page.items:
            return read


@pytest.mark.slow
def test_follower_sees_each_of_many_commits_once_and_in_order(
    database: Database, pool: ThreadPoolExecutor
) -> None:
    writers = [pool.submit(write_rounds, database, writer) for writer in range(WRITERS)]

    read = follow_while(database, writers)

    for writer in writers:
        writer.result()
    seen = [(number, change.post_id, change.version) for number, change in read]
    assert [number for number, _ in read] == list(range(1, WRITERS * ROUNDS * EACH + 1))
    assert seen == kept(database)


def test_edit_begun_before_a_post_was_due_and_committed_after_deletes_it_for_no_follower(
    database: Database,
) -> None:
    due = utc_now()
    before, after = due - timedelta(seconds=1), due + timedelta(seconds=1)
    content = PostContent(title="Scheduled", body="", posted_date=due)
    with database.session() as session:
        post = post_writes.create(access_for(session, RICK, due - timedelta(hours=1)), content)
        first = changes.follow(access_for(session, None, after), 20, BEGINNING)
        edited = content.model_copy(update={"title": "Edited"})
        # The request read the clock when it began.
        post_writes.edit(access_for(session, RICK, before), post.id, ANY, lambda _: edited)
        second = changes.follow(access_for(session, None, after), 20, first.position)

    # The list of posts has shown it all the time.
    assert [change.operation for change in [*first.items, *second.items]] == ["created", "updated"]
