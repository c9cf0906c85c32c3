"""Rendering posts anew: all of them, whatever happens meanwhile, and unnoticed by readers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select, update

from blog.content.authors import Caller
from blog.content.markup import Renderer
from blog.content.posts import Format, PostContent
from blog.database.database import Database
from blog.maintenance import integrity
from blog.maintenance.rendering import Renewal, has_old, render_anew
from blog.storage import post_writes
from blog.storage.preconditions import Precondition
from blog.storage.tables import post
from tests.access import access_for
from tests.contract import Clock, create
from tests.people import RICK
from tests.renderings import (
    DEEP,
    MANY,
    NEW_HTML,
    RENDERER,
    age,
    fill,
    html_of,
    render_all,
    renderings,
    texts,
)
from tests.resources.versions import numbers, send_restore
from tests.rivals import change, connected


def test_every_post_is_rendered_anew(database: Database) -> None:
    fill(database)
    with database.session() as session, session.writing() as connection:
        connection.execute(update(post).where(post.c.slug < "s2").values(rendering=""))
        connection.execute(update(post).where(post.c.slug > "s8").values(rendering="zzz"))

    assert render_all(database) == MANY
    assert renderings(database) == {RENDERER.version}
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
        assert has_old(session, RENDERER.version) is False
    assert render_all(database) == 0


def test_what_is_done_stays_done_after_an_interruption(database: Database) -> None:
    class Interruption(Exception):
        pass

    def interrupt(_: float) -> None:
        raise Interruption

    fill(database)
    with pytest.raises(Interruption):
        render_anew(database, Renewal(RENDERER), pause=interrupt)

    assert renderings(database) == {"old", RENDERER.version}
    assert 0 < render_all(database) < MANY
    assert renderings(database) == {RENDERER.version}


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

        renewal = Interfering(RENDERER)
        with database.session() as session:
            renewal.render_batch(session)

    assert html_of(client, path) == "other"
    assert renewal.rendered == 0


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


def test_body_beyond_a_bound_becomes_text_and_is_listed_for_ever(
    client: FlaskClient, database: Database, database_url: str
) -> None:
    path = create(client)
    age(database_url, DEEP)

    render_all(database)

    assert html_of(client, path).startswith("<p>&lt;b&gt;")
    assert render_all(database) == 0
    assert texts(database) == [path[6:]]


def test_restored_post_with_a_body_beyond_a_bound_is_listed(
    client: FlaskClient, database: Database, database_url: str
) -> None:
    path = create(client)
    age(database_url, DEEP)
    client.delete(path, auth=RICK)
    send_restore(client, path, 1)

    assert texts(database) == [path[6:]]


def test_texts_of_more_than_a_page_are_listed(database: Database) -> None:
    fill(database)
    with database.session() as session, session.writing() as connection:
        connection.execute(update(post).values(rendering=RENDERER.text_version))

    assert texts(database) == [f"{number:032x}" for number in range(MANY)]


class Panic(BaseException):
    """What a library in Rust raises, which is no Exception."""


@pytest.mark.parametrize("error", [ValueError, RecursionError, Panic])
def test_post_that_fails_becomes_text_and_is_logged(
    database: Database, caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    class Failing(Renderer):
        """Fails for one post."""

        def render(self, body: str, format: Format, post_id: str) -> str:
            if post_id == f"{1:032x}":
                raise error
            return super().render(body, format, post_id)

    fill(database, 3)
    caplog.clear()

    assert render_all(database, Failing()) == 3
    assert texts(database) == [f"{1:032x}"]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", f"post {1:032x}: rendering failed, and the body is shown as text")
    ]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_signal_to_stop_is_no_failure_of_a_post(
    database: Database, error: type[BaseException]
) -> None:
    class Stopped(Renderer):
        """Is interrupted."""

        def render(self, body: str, format: Format, post_id: str) -> str:
            raise error

    fill(database, 1)

    with pytest.raises(error):
        render_all(database, Stopped())
    assert renderings(database) == {"old"}


def test_batches_are_a_second_apart_and_tell_their_progress(database: Database) -> None:
    fill(database)
    pauses: list[float] = []
    steps: list[tuple[int, int]] = []

    render_anew(database, Renewal(RENDERER), lambda *step: steps.append(step), pauses.append)

    assert steps == [(200, MANY), (200, MANY), (50, MANY)]
    assert pauses == [1.0, 1.0, 1.0]


def test_batch_is_written_in_short_transactions(database: Database) -> None:
    fill(database)
    commits: list[object] = []
    with database.session() as session:
        event.listen(database.engine, "commit", commits.append)
        Renewal(RENDERER).render_batch(session)

    assert len(commits) == 4


def test_batch_of_long_bodies_ends_early(database: Database) -> None:
    fill(database, 8)
    with database.session() as session, session.writing() as connection:
        connection.execute(update(post).values(body="x" * 1024 * 1024))

    steps: list[int] = []
    render_anew(database, Renewal(RENDERER), lambda count, _: steps.append(count), lambda _: None)

    assert sum(steps) == 8
    assert max(steps) <= 5


def test_one_process_renders_while_the_others_wait(database: Database, database_url: str) -> None:
    fill(database, 3)
    done = RENDERER.version
    waited: list[float] = []
    steps: list[tuple[int, int]] = []
    renewal = Renewal(RENDERER)
    with ExitStack() as other:
        assert other.enter_context(database.try_lock_name("rendering"))

        def pause(seconds: float) -> None:
            if not waited:
                change(database_url, f"UPDATE post SET rendering = '{done}' WHERE slug = 's0'")
                other.close()
            waited.append(seconds)

        render_anew(database, renewal, lambda *step: steps.append(step), pause)

    assert waited == [5.0, 1.0]
    assert (renewal.rendered, steps) == (2, [(1, 3), (2, 3)])
