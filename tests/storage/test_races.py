"""Changes that come between the reading and the writing of another one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from blog.content.authors import Author, Caller, Profile
from blog.content.posts import Post, PostContent
from blog.database.database import Database
from blog.errors import Forbidden, PreconditionFailed, StorageUnavailable
from blog.http.application import Application
from blog.storage import accounts, authors, post_writes, posts
from blog.storage.preconditions import Precondition, Version
from tests import people
from tests.access import access_for
from tests.blogs import Blogs
from tests.contract import Clock, write_post
from tests.rivals import change
from tests.servers.serving import TIMEOUT

RICK = Caller("rick", "author")
ANN = Caller("ann", "editor")
ANY = Precondition()


@pytest.fixture
def post(database: Database, clock: Clock) -> Post:
    """A post of Rick's."""
    with database.session() as session:
        return post_writes.create(
            access_for(session, RICK, clock()), PostContent(title="One", body="1")
        )


def meanwhile(database: Database, post_id: str, clock: Clock, *titles: str) -> Callable[..., None]:
    """Each time it is called, another client gives the post the next of the titles."""
    waiting = list(titles)

    def change() -> None:
        if waiting:
            content = PostContent(title=waiting.pop(0), body="theirs", slug="one")
            clock.advance(seconds=1)
            with database.session() as session:
                post_writes.edit(
                    access_for(session, RICK, clock()), post_id, ANY, lambda _: content
                )

    return change


def test_change_without_precondition_is_made_of_the_newest_state(
    database: Database, post: Post, clock: Clock
) -> None:
    others = meanwhile(database, post.id, clock, "Two")

    def add_tag(current: Post) -> PostContent:
        others()
        return current.content.model_copy(update={"tags": ("mine",)})

    with database.session() as session:
        edited = post_writes.edit(access_for(session, RICK, clock()), post.id, ANY, add_tag)

    content = edited.content
    assert (content.title, content.body, content.tags) == ("Two", "theirs", ("mine",))
    assert edited.version == 3


def test_change_of_a_named_version_fails_when_another_comes_between(
    database: Database, post: Post, clock: Clock
) -> None:
    others = meanwhile(database, post.id, clock, "Two")
    seen = Precondition(versions=frozenset({Version(1, post.updated_date)}))

    def rename(_: Post) -> PostContent:
        others()
        return PostContent(title="Mine", body="mine", slug="one")

    with database.session() as session, pytest.raises(PreconditionFailed):
        post_writes.edit(access_for(session, RICK, clock()), post.id, seen, rename)


def test_change_that_never_gets_its_turn_is_put_off(
    database: Database, post: Post, clock: Clock
) -> None:
    others = meanwhile(database, post.id, clock, *(f"Title {n}" for n in range(100)))

    def rename(_: Post) -> PostContent:
        others()
        return PostContent(title="Mine", body="mine", slug="one")

    with database.session() as session, pytest.raises(StorageUnavailable):
        post_writes.edit(access_for(session, RICK, clock()), post.id, ANY, rename)


def test_profile_is_changed_from_its_newest_state(database: Database, clock: Clock) -> None:
    waiting = ["theirs"]

    def describe(current: Author) -> Profile:
        if waiting:
            theirs = Profile(bio=waiting.pop())
            with database.session() as other:
                authors.edit(access_for(other, RICK, clock()), "rick", ANY, lambda _: theirs)
        return Profile(bio=current.bio, display_name="Rick")

    with database.session() as session:
        edited = authors.edit(access_for(session, RICK, clock()), "rick", ANY, describe)

    assert (edited.bio, edited.display_name) == ("theirs", "Rick")
    assert edited.version == 3


def test_profile_change_that_never_gets_its_turn_is_put_off(
    database: Database, clock: Clock
) -> None:
    count = iter(range(100))

    def describe(_: Author) -> Profile:
        theirs = Profile(bio=f"theirs {next(count)}")
        with database.session() as other:
            authors.edit(access_for(other, RICK, clock()), "rick", ANY, lambda _: theirs)
        return Profile(bio="mine")

    with database.session() as session, pytest.raises(StorageUnavailable):
        authors.edit(access_for(session, RICK, clock()), "rick", ANY, describe)


def test_author_whose_account_has_ended_meanwhile_creates_nothing(
    database: Database, clock: Clock
) -> None:
    gone = Caller("gone", "author")

    with database.session() as session, pytest.raises(Forbidden):
        post_writes.create(access_for(session, gone, clock()), PostContent(title="One", body="1"))


def test_reader_sees_one_state_while_a_writer_changes_it(
    database: Database, post: Post, clock: Clock
) -> None:
    others = meanwhile(database, post.id, clock, "Two")
    now = clock() + timedelta(days=1)

    with database.session() as session:
        # A request that reads more than once begins a snapshot.
        session.reading()
        before = posts.find(access_for(session, None, now), post.id)
        others()
        after = posts.find(access_for(session, None, now), post.id)

    assert before.content.title == after.content.title == "One"


def test_dates_never_go_back_even_where_the_clock_does(
    database: Database, post: Post, clock: Clock
) -> None:
    clock.advance(seconds=-10)
    content = PostContent(title="Two", body="2", slug="one")

    with database.session() as session:
        edited = post_writes.edit(
            access_for(session, RICK, clock()), post.id, ANY, lambda _: content
        )

    assert edited.previous_date == post.updated_date
    assert timedelta() < edited.updated_date - post.updated_date <= timedelta(seconds=1)


def test_date_of_a_version_overtaken_by_a_change_begun_earlier_holds_no_more(
    database: Database, post: Post, clock: Clock
) -> None:
    seen = Precondition(unmodified_since=post.updated_date.replace(microsecond=0))
    earlier = clock() - timedelta(seconds=2)
    theirs = PostContent(title="Theirs", body="2", slug="one")
    mine = PostContent(title="Mine", body="3", slug="one")

    with database.session() as session:
        post_writes.edit(access_for(session, RICK, earlier), post.id, ANY, lambda _: theirs)
        with pytest.raises(PreconditionFailed):
            post_writes.edit(access_for(session, RICK, clock()), post.id, seen, lambda _: mine)


def test_author_removed_while_a_request_is_under_way_changes_nothing(
    database: Database, post: Post, clock: Clock
) -> None:
    with database.session() as session:
        accounts.remove(session, "rick")

        with pytest.raises(Forbidden):
            post_writes.create(
                access_for(session, RICK, clock()), PostContent(title="Two", body="2")
            )
        with pytest.raises(Forbidden):
            post_writes.remove(access_for(session, RICK, clock()), post.id, ANY)


def test_editor_who_is_one_no_more_changes_nobody_elses_post(
    database: Database, post: Post, clock: Clock
) -> None:
    content = PostContent(title="Ann's", body="2", slug="one")

    with database.session() as session:
        accounts.set_role(session, "ann", "author", force=True)

        with pytest.raises(Forbidden):
            post_writes.edit(access_for(session, ANN, clock()), post.id, ANY, lambda _: content)


def test_author_removed_while_a_request_is_under_way_changes_no_profile(
    database: Database, post: Post, clock: Clock
) -> None:
    with database.session() as session:
        assert accounts.remove(session, "rick") == "closed"

        with pytest.raises(Forbidden):
            authors.edit(
                access_for(session, RICK, clock()), "rick", ANY, lambda _: Profile(bio="x")
            )


def test_author_removed_between_a_look_and_the_deletion_deletes_nothing(
    postgresql_blogs: Blogs, clock: Clock, tmp_path: Path
) -> None:
    def remove_author(_c: object, _cursor: object, text: str, *_: object) -> None:
        if text.endswith("FOR UPDATE"):
            change(url, "UPDATE author SET password_hash = NULL WHERE name = 'rick'")

    with (
        postgresql_blogs.copy(tmp_path) as url,
        closing(Database(url)) as database,
        database.session() as session,
    ):
        post = post_writes.create(
            access_for(session, RICK, clock()), PostContent(title="One", body="1")
        )
        event.listen(database.engine, "after_cursor_execute", remove_author)

        with pytest.raises(Forbidden):
            post_writes.remove(access_for(session, RICK, clock()), post.id, ANY)
        assert (
            posts.find(access_for(session, None, clock()), post.id, frozenset({"body"})).version
            == 1
        )


def test_writers_who_race_for_a_slug_all_get_one(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(database_connections=8)
    together = threading.Barrier(8, timeout=TIMEOUT)

    def write(_: int) -> str:
        client = app.test_client()
        client.get("/", auth=people.RICK)
        together.wait()
        return str(write_post(client, title="Same").json["slug"])

    with ThreadPoolExecutor(8) as pool:
        slugs = sorted(pool.map(write, range(8)))

    assert slugs == ["same", *(f"same-{number}" for number in range(2, 9))]
