"""Documents: a representation gets the title, the dates and the fields that it needs."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from blog.http.api import Api
from blog.http.application import Application
from blog.representations.document import Document
from blog.representations.json import encode
from blog.resources import ROUTES
from tests.contract import Clock, path_of, write_post
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

FIRST = "2026-11-22T09:47:45.746058Z"
SECOND = "2026-11-22T09:47:46.746058Z"


class Feed:
    """A representation that shows of each document what a feed shows."""

    MEDIA_TYPE = "application/x-feed"
    needs = frozenset({"bodyHtml"})

    def write(self, document: Document) -> bytes:
        """Write a document, and its items."""
        return encode(self._object(document))

    def _object(self, document: Document) -> dict[str, Any]:
        shown = {
            "title": document.title,
            "updated": document.updated,
            "published": document.published,
            "fields": document.fields,
        }
        return {**shown, "items": [self._object(item) for item in document.items]}


@pytest.fixture
def feeds(app: Application) -> FlaskClient:
    """A client of an application that has a feed of each resource, below `/feed`."""
    api = Api(app)
    for resource, rule in ROUTES:
        kind = type(f"{resource.__name__}Feed", (resource,), {"produces": (Feed(),)})
        api.add_resource(kind, f"/feed{rule}", resource_class_args=(app.extensions["blog"],))
    return app.test_client()


@pytest.fixture
def post(feeds: FlaskClient, clock: Clock) -> str:
    """The path of a post of RICK with two versions."""
    path = path_of(write_post(feeds, title="First!", body="*Hello.*").headers["Location"])
    clock.advance(seconds=1)
    feeds.patch(path, json={"title": "Second!"}, auth=RICK)
    return path


def shown(client: FlaskClient, path: str) -> tuple[Any, Any, Any]:
    """The title and the dates of a document."""
    document = client.get(f"/feed{path}", auth=RICK).get_json(force=True)
    return document["title"], document["updated"], document["published"]


def test_a_post_has_a_title_and_two_dates(feeds: FlaskClient, post: str) -> None:
    assert shown(feeds, post) == ("Second!", SECOND, FIRST)


def test_a_draft_is_not_published(feeds: FlaskClient) -> None:
    path = path_of(write_post(feeds, title="Draft", status="draft").headers["Location"])

    assert shown(feeds, path) == ("Draft", FIRST, None)


def test_a_version_has_the_title_and_the_dates_of_its_time(feeds: FlaskClient, post: str) -> None:
    assert shown(feeds, f"{post}/revision/1") == ("First!", FIRST, FIRST)
    assert shown(feeds, f"{post}/revision/2") == ("Second!", SECOND, FIRST)


def test_a_tombstone_has_the_date_of_the_deletion(feeds: FlaskClient, post: str) -> None:
    feeds.delete(post, auth=RICK)

    assert shown(feeds, f"{post}/revision/3") == (None, SECOND, None)


def test_an_author_is_titled_by_name(feeds: FlaskClient, clock: Clock) -> None:
    assert shown(feeds, "/author/rick")[0] == "rick"
    clock.advance(seconds=1)
    feeds.patch("/author/rick", json={"displayName": "Rick!"}, auth=RICK)

    assert shown(feeds, "/author/rick") == ("Rick!", SECOND, None)


@pytest.mark.parametrize(
    ("path", "title", "updated"),
    [
        ("/post", "Posts", SECOND),
        ("/author", "Authors", FIRST),
        ("/change", "Changes", SECOND),
        ("/tag", "Tags", None),
    ],
)
def test_a_list_is_as_new_as_the_latest_of_its_items(
    feeds: FlaskClient, post: str, path: str, title: str, updated: str | None
) -> None:
    assert shown(feeds, path) == (title, updated, None)
    assert shown(feeds, f"{post}/revision") == ("Revisions", SECOND, None)


def test_an_empty_list_has_no_date(feeds: FlaskClient) -> None:
    assert shown(feeds, "/post") == ("Posts", None, None)


def test_changes_are_titled_as_their_post_is_now(feeds: FlaskClient, post: str) -> None:
    feeds.delete(path_of(write_post(feeds, title="Third!").headers["Location"]), auth=RICK)
    items = feeds.get("/feed/change").get_json(force=True)["items"]

    titles = ["Second!", "Second!", None, None]
    dates = [FIRST, SECOND, SECOND, SECOND]
    assert [item["title"] for item in items] == titles
    assert [item["updated"] for item in items] == dates


def test_tags_are_titled_by_name(feeds: FlaskClient) -> None:
    write_post(feeds, tags=["news"])
    items = feeds.get("/feed/tag").get_json(force=True)["items"]

    assert [item["title"] for item in items] == ["news"]


@pytest.mark.parametrize("query", ["", "?fields=title"])
def test_a_representation_has_the_fields_that_it_needs(
    feeds: FlaskClient, post: str, query: str
) -> None:
    document = feeds.get(f"/feed{post}{query}").get_json(force=True)
    (item,) = feeds.get(f"/feed/post{query}").get_json(force=True)["items"]

    assert document["fields"]["bodyHtml"] == item["fields"]["bodyHtml"]
    assert "<em>Hello.</em>" in document["fields"]["bodyHtml"]


def test_json_has_only_the_fields_that_were_chosen(feeds: FlaskClient, post: str) -> None:
    assert "bodyHtml" not in feeds.get(post).json
    assert feeds.get(f"{post}?fields=title").json.keys() == {"_links", "title"}
