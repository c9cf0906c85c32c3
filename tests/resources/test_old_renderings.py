"""Posts whose HTML another version of the renderer made: what reads and writes do with them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from blog.content.authors import Caller
from blog.content.posts import Post, PostContent
from blog.database.database import Database
from blog.http.application import Application
from blog.storage import post_writes
from blog.storage.preconditions import Precondition
from tests.access import access_for
from tests.cases import cases
from tests.contract import Clock, create, faults, read
from tests.people import RICK
from tests.renderings import DEEP, NEW_HTML, OLD_HTML, RENDERER, age, html_of
from tests.resources.versions import numbers, send_restore
from tests.rivals import change

SAME = {"title": "First!", "body": "First post!"}
ESCAPED = "<p>&lt;b&gt;"


@pytest.fixture
def path(client: FlaskClient, database_url: str) -> str:
    """The path of a post of RICK with old HTML."""
    made = create(client)
    age(database_url)
    return made


def test_read_shows_the_old_html_again_and_again(client: FlaskClient, path: str) -> None:
    assert [html_of(client, path), html_of(client, path)] == [OLD_HTML, OLD_HTML]


@cases(
    ("method", "body"),
    [
        ("PUT", SAME),
        ("PATCH", {}),
        ("PATCH", {"title": "Second!"}),
        ("PUT", {**SAME, "tags": ["a"]}),
    ],
)
def test_every_write_makes_the_html_anew(
    client: FlaskClient, database_url: str, path: str, method: str, body: object
) -> None:
    age(database_url)

    written = client.open(f"{path}?fields=bodyHtml", method=method, json=body, auth=RICK)

    assert written.json["bodyHtml"] == html_of(client, path) == NEW_HTML


@cases(("method", "body"), [("PUT", SAME), ("PATCH", {}), ("PATCH", {"slug": None})])
def test_write_of_the_same_content_makes_no_version(
    client: FlaskClient, clock: Clock, database_url: str, path: str, method: str, body: object
) -> None:
    age(database_url)
    before = read(client, path)
    tag = client.get(path, auth=RICK).headers["ETag"]
    clock.advance(hours=1)

    written = client.open(path, method=method, json=body, auth=RICK, headers={"If-Match": tag})

    assert (written.status_code, written.headers["ETag"]) == (200, tag)
    assert (read(client, path), numbers(client, path)) == (before, [1])
    assert html_of(client, path) == NEW_HTML


@cases("key", [{}, {"idempotency_key": "k"}])
def test_restoring_the_present_version_makes_the_html_anew(
    client: FlaskClient, database_url: str, path: str, key: dict[str, str]
) -> None:
    age(database_url)

    restored = send_restore(client, path, 1, **key)

    assert restored.status_code == 200
    assert (html_of(client, path), numbers(client, path)) == (NEW_HTML, [1])


def test_deleted_post_comes_back_with_new_html(client: FlaskClient, path: str) -> None:
    client.delete(path, auth=RICK)
    send_restore(client, path, 1)

    assert html_of(client, path) == NEW_HTML


def test_new_body_beyond_a_bound_is_refused(client: FlaskClient, path: str) -> None:
    response = client.patch(path, json={"body": DEEP, "format": "html"}, auth=RICK)

    assert list(faults(response, 422)) == ["#/body"]


def test_post_with_a_body_beyond_a_bound_stays_editable(
    client: FlaskClient, database_url: str, path: str
) -> None:
    age(database_url, DEEP)

    response = client.patch(path, json={"title": "Second!"}, auth=RICK)

    assert response.status_code == 200
    assert html_of(client, path).startswith(ESCAPED)


@cases("is_deleted", [False, True])
def test_version_with_a_body_beyond_a_bound_can_be_restored(
    client: FlaskClient, database_url: str, is_deleted: bool
) -> None:
    path = create(client)
    age(database_url, DEEP)
    client.patch(path, json={"body": "Short"}, auth=RICK)
    if is_deleted:
        client.delete(path, auth=RICK)

    assert send_restore(client, path, 1).status_code == 201
    assert html_of(client, path).startswith(ESCAPED)


def test_repeated_creation_shows_a_body_beyond_a_bound(
    client: FlaskClient, database_url: str
) -> None:
    request = {"json": SAME, "auth": RICK, "headers": {"Idempotency-Key": "k"}}
    client.post("/post?fields=bodyHtml", **request)
    age(database_url, DEEP)

    assert client.post("/post?fields=bodyHtml", **request).json["bodyHtml"].startswith(ESCAPED)


def test_settings_decide_about_links_and_embeds(make_app: Callable[..., Application]) -> None:
    client = make_app(base_url="http://localhost", embed_hosts=("maps.example",)).test_client()
    frame = '<iframe src="https://maps.example/x"></iframe>'
    path = create(client, body=f"<http://localhost/a>\n{frame}")

    html = html_of(client, path)

    assert '<a href="http://localhost/a">' in html
    assert '<iframe src="https://maps.example/x"' in html


def test_write_of_the_same_content_follows_a_change_of_the_settings(
    make_app: Callable[..., Application], client: FlaskClient
) -> None:
    post = {"title": "First!", "body": "<http://localhost/a>"}
    path = create(client, **post)
    moved = make_app(base_url="http://localhost").test_client()
    before = html_of(moved, path)

    moved.put(path, json=post, auth=RICK)

    assert numbers(moved, path) == [1]
    assert "noopener" in before
    assert "noopener" not in html_of(moved, path)


def test_html_is_never_stored_with_the_version_of_another_renderer(
    client: FlaskClient, database: Database, database_url: str
) -> None:
    def revise(_: Post) -> PostContent:
        change(database_url, f"UPDATE post SET rendering = 'other', body_html = '{OLD_HTML}'")
        return PostContent(title="First!", body="Second post!")

    path = create(client)
    with database.session() as session:
        access = access_for(session, Caller("rick", "author"), Clock().now)
        edited = post_writes.edit(access, path[6:], Precondition(), revise)

    assert (edited.rendering, edited.body_html) == (RENDERER.version, "<p>Second post!</p>\n")
