"""What the first users of this API do, as they do it: over TCP, following links."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests
from glom import glom

from tests.blogs import Blogs
from tests.servers.serving import add_author, serve


@pytest.fixture(scope="module")
def root_url(blogs: Blogs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The one address that a client knows."""
    directory = tmp_path_factory.mktemp("blog")
    with blogs.empty(directory) as url:
        env = {"BLOG_DATABASE_URL": url}
        add_author(directory, "rick", "password", env=env)
        with serve(directory, env=env) as server:
            yield server.url
            assert "Traceback" not in server.stderr_text()


@pytest.fixture
def sess() -> Iterator[requests.Session]:
    """A session with the same headers on every request, those without a body too."""
    with requests.Session() as session:
        session.auth = ("rick", "password")
        session.headers["Content-Type"] = "application/json"
        yield session


@pytest.fixture
def posts_url(root_url: str, sess: requests.Session) -> Iterator[str]:
    """The list of posts, as the root links it; emptied afterwards, by links too."""
    url = glom(sess.get(root_url).json(), "_links.posts")
    yield url
    for post in glom(sess.get(url).json(), "data"):
        sess.delete(glom(post, "_links.self"))


def test_root_answers_with_a_link_to_the_posts(root_url: str, sess: requests.Session) -> None:
    response = sess.get(root_url)

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert glom(response.json(), "_links.posts") == f"{root_url}/post"


def test_first_list_is_empty_and_linked(
    root_url: str, posts_url: str, sess: requests.Session
) -> None:
    listed = sess.get(posts_url).json()

    assert listed["data"] == []
    assert glom(listed, "_links.self") == posts_url
    assert glom(listed, "_links.home") == f"{root_url}/"


@pytest.mark.parametrize("argument", ["json", "data"])
def test_posting_gives_the_location_and_the_post(
    argument: str, posts_url: str, sess: requests.Session
) -> None:
    content = {"title": "First!", "body": "First post!"}

    if argument == "json":
        response = sess.post(posts_url, json=content)
    else:
        response = sess.post(posts_url, data=json.dumps(content))

    post = response.json()
    assert response.status_code == 201, response.text
    assert response.headers["Location"] == glom(post, "_links.self")
    assert (post["title"], post["body"], post["authorName"]) == ("First!", "First post!", "rick")


def test_location_gives_the_created_post(posts_url: str, sess: requests.Session) -> None:
    created = sess.post(posts_url, json={"title": "First!", "body": "First post!"})

    response = sess.get(created.headers["Location"])

    assert response.status_code == 200
    assert response.json() == created.json()


def test_posted_date_is_utc_with_microseconds(posts_url: str, sess: requests.Session) -> None:
    post = sess.post(posts_url, json={"title": "First!", "body": ""}).json()

    assert post["postedDate"].endswith("Z")
    assert len(post["postedDate"]) == len("2026-11-22T09:47:45.746058Z")


def test_three_posts_are_listed_newest_first(posts_url: str, sess: requests.Session) -> None:
    for title in ("First!", "Second!", "Third!"):
        sess.post(posts_url, json={"title": title, "body": f"{title} post"})

    listed = sess.get(posts_url).json()

    assert glom(listed, ("data", ["title"])) == ["Third!", "Second!", "First!"]
    assert sess.get(glom(listed, "data.0._links.self")).json()["title"] == "Third!"


def test_lists_are_linked_self_and_home(
    root_url: str, posts_url: str, sess: requests.Session
) -> None:
    listed = sess.get(posts_url).json()

    assert sess.get(glom(listed, "_links.self")).json() == listed
    assert sess.get(glom(listed, "_links.home")).json() == sess.get(root_url).json()


def test_deleted_post_is_listed_no_more(posts_url: str, sess: requests.Session) -> None:
    post1, *others = [
        sess.post(posts_url, json={"title": title, "body": ""}).json()
        for title in ("One", "Two", "Three")
    ]

    response = sess.delete(glom(post1, "_links.self"))

    assert (response.status_code, response.content) == (204, b"")
    assert sess.get(glom(post1, "_links.self")).status_code == 404
    assert sess.get(posts_url).json()["data"] == others[::-1]


def test_second_delete_is_404_and_nothing_breaks(posts_url: str, sess: requests.Session) -> None:
    post = sess.post(posts_url, json={"title": "One", "body": "1"}).json()
    sess.delete(glom(post, "_links.self"))

    response = sess.delete(glom(post, "_links.self"))

    assert response.status_code == 404
    assert response.json()["status"] == 404
    assert sess.get(posts_url).status_code == 200


def test_get_after_put_shows_the_new_text(posts_url: str, sess: requests.Session) -> None:
    post = sess.post(posts_url, json={"title": "Draft", "body": "Old text"}).json()

    response = sess.put(glom(post, "_links.self"), json={"title": "Better", "body": "New text"})

    shown = sess.get(glom(post, "_links.self")).json()
    assert response.status_code == 200
    assert (shown["title"], shown["body"]) == ("Better", "New text")


def test_what_was_got_may_be_put_back_changed(posts_url: str, sess: requests.Session) -> None:
    post = sess.post(posts_url, json={"title": "Draft", "body": "Old text"}).json()

    response = sess.put(glom(post, "_links.self"), json={**post, "body": "New text"})

    assert response.status_code == 200, response.text
    assert response.json()["body"] == "New text"


def test_reading_needs_no_credentials(root_url: str, posts_url: str) -> None:
    statuses = [requests.get(url).status_code for url in (root_url, posts_url)]

    assert statuses == [200, 200]


def test_writing_needs_credentials(posts_url: str, sess: requests.Session) -> None:
    own = glom(sess.post(posts_url, json={"title": "Mine", "body": ""}).json(), "_links.self")
    content = {"title": "Yours", "body": ""}

    statuses = [
        requests.post(posts_url, json=content).status_code,
        requests.put(own, json=content).status_code,
        requests.patch(own, json=content).status_code,
        requests.delete(own).status_code,
    ]

    assert statuses == [401, 401, 401, 401]
    assert sess.get(own).json()["title"] == "Mine"


def test_wrong_password_may_not_write(posts_url: str) -> None:
    response = requests.post(posts_url, json={"title": "No", "body": ""}, auth=("rick", "passwort"))

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Basic realm="blog", charset="UTF-8"'
