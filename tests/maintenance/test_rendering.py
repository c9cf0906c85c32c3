"""Rendering posts anew: all of them, whatever happens meanwhile, and unnoticed by readers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from blog.content.authors import Caller
from blog.content.posts import PostContent
from blog.database.database import Database
from blog.maintenance import integrity
from blog.maintenance.rendering import Renewal, has_old, render_anew
from blog.storage import post_writes
from blog.storage.preconditions import Precondition
from blog.storage.tables import post
from tests.access import access_for
from tests.contract import Clock, create
from tests.renderings import DEEP, OLD_HTML, RENDERER, age, html_of
from tests.resources.versions import numbers
from tests.rivals import connected

NEW_HTML = "<p>First post!</p>\n"
# More posts than a batch has.
MANY = 450


def render_all(database: Database) -> Renewal:
    """Render without pauses."""
    return render_anew(database, RENDERER, pause=lambda _: None)


def versions(database: Database) -> set[str]:
    """The versions of the renderer that the stored HTML has."""
    with database.session() as session:
        return set(session.reading().scalars(select(post.c.rendering)))


def fill(database: Database, count: int = MANY) -> None:
    """Write posts with old HTML."""
    now = Clock().now
    shared = {
        "version": 1, "status": "published", "created_date": now, "posted_date": now,
        "updated_date": now, "author_name": "rick", "title": "t", "format": "text", "tags": [],
        "body": "First post!", "body_html": OLD_HTML, "rendering": "old",
    }  # fmt: skip
    rows = [{**shared, "id": f"{number:032x}", "slug": f"s{number}"} for number in range(count)]
    with database.session() as session, session.writing() as connection:
        connection.execute(post.insert(), rows)


def test_every_post_is_rendered_anew(database: Database) -> None:
    fill(database)
    with database.session() as session, session.writing() as connection:
        connection.execute(update(post).where(post.c.slug < "s2").values(rendering=""))
        connection.execute(update(post).where(post.c.slug > "s8").values(rendering="zzz"))

    assert render_all(database).rendered == MANY
    assert versions(database) == {RENDERER.version}
    with database.session() as session:
        assert set(session.reading().scalars(select(post.c.body_html))) == {NEW_HTML}


def test_rendering_is_no_change_of_the_post(
    client: FlaskClient, clock: Clock, database: Database, database_url: str
) -> None:
    path = create(client, body="First post!", tags=["a"])
    age(database_url)
    urls = (path, "/post", "/change", f"{path}?fields=body")
    before = [client.get(url).headers["ETag"] for url in urls]
    clock.advance(hours=1)

    render_all(database)

    assert html_of(client, path) == NEW_HTML
    assert [client.get(url).headers["ETag"] for url in urls] == before
    assert (numbers(client, path), integrity.faults(database)) == ([1], [])


def test_nothing_is_to_be_done_where_nothing_is_old(
    client: FlaskClient, database: Database
) -> None:
    create(client)

    with database.session() as session:
        assert has_old(session, RENDERER) is False
    assert render_all(database) == Renewal(RENDERER)


def test_what_is_done_stays_done_after_an_interruption(database: Database) -> None:
    class Interruption(Exception):
        pass

    def interrupt(_: float) -> None:
        raise Interruption

    fill(database)
    with pytest.raises(Interruption):
        render_anew(database, RENDERER, pause=interrupt)

    assert versions(database) == {"old", RENDERER.version}
    assert 0 < render_all(database).rendered < MANY
    assert versions(database) == {RENDERER.version}


def test_edit_during_the_rendering_is_not_undone(
    client: FlaskClient, database: Database, database_url: str
) -> None:
    path = create(client)
    age(database_url)
    with connected(database_url) as rival:

        class Interfering(Renewal):
            """Lets an edit happen after the posts were read."""

            def _write(self, session: object, rows: object) -> None:
                rival.execute("UPDATE post SET version = 2, body_html = 'other'")
                super()._write(session, rows)  # type: ignore[arg-type]

        with database.session() as session:
            Interfering(RENDERER).render_batch(session)

    assert html_of(client, path) == "other"


@pytest.mark.slow
def test_edits_and_the_rendering_do_not_disturb_each_other(database: Database) -> None:
    fill(database, 20)
    everything = Precondition()

    def edit(number: int) -> None:
        with database.session() as session:
            access = access_for(session, Caller("rick", "author"), Clock().now)
            for body in ("One", "Two", "Three"):
                content = PostContent(title="t", body=body, format="text", slug=f"s{number}")
                revise = partial(lambda content, _: content, content)
                post_writes.edit(access, f"{number:032x}", everything, revise)

    def render_again() -> None:
        for _ in range(10):
            with database.session() as session, session.writing() as connection:
                connection.execute(update(post).values(rendering="old"))
            render_all(database)

    with ThreadPoolExecutor(4) as pool:
        for task in [pool.submit(render_again), *(pool.submit(edit, n) for n in range(20))]:
            task.result()

    columns = select(post.c.version, post.c.body, post.c.body_html)
    with database.session() as session:
        assert {tuple(row) for row in session.reading().execute(columns)} == {
            (4, "Three", "<p>Three</p>\n")
        }


def test_body_beyond_a_bound_becomes_text_and_is_named(
    client: FlaskClient, database: Database, database_url: str
) -> None:
    path = create(client)
    age(database_url, DEEP)

    renewal = render_all(database)

    assert renewal.escaped == [path.rpartition("/")[2]]
    assert html_of(client, path).startswith("<p>&lt;b&gt;")
    assert render_all(database).escaped == []


def test_batches_are_a_second_apart_and_tell_their_progress(database: Database) -> None:
    fill(database)
    pauses: list[float] = []
    steps: list[tuple[int, int]] = []

    render_anew(database, RENDERER, lambda *step: steps.append(step), pauses.append)

    assert steps == [(200, MANY), (200, MANY), (50, MANY)]
    assert pauses == [1.0, 1.0, 1.0]


def test_batch_of_long_bodies_ends_early(database: Database) -> None:
    fill(database, 8)
    with database.session() as session, session.writing() as connection:
        connection.execute(update(post).values(body="x" * 1024 * 1024))

    steps: list[int] = []
    render_anew(database, RENDERER, lambda count, _: steps.append(count), lambda _: None)

    assert sum(steps) == 8
    assert max(steps) <= 5


@pytest.mark.databases("postgresql")
def test_one_node_renders_while_the_others_wait(database: Database, database_url: str) -> None:
    fill(database, 1)
    with database.session() as other:
        assert other.claim("rendering")
        waited: list[float] = []

        def pause(seconds: float) -> None:
            waited.append(seconds)
            other.close()

        assert render_anew(database, RENDERER, pause=pause).rendered == 1

    assert waited == [5.0, 1.0]
