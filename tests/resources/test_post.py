"""One post: read, replaced, changed in part and deleted, by those who may."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import (
    FIRST_POST,
    WRITTEN,
    Clock,
    assert_problem,
    create,
    faults,
    path_of,
    read,
    write_post,
)
from tests.people import ANN, JOE, RICK

Credentials = tuple[str, str] | None

NOW = "2026-11-22T09:47:45.746058Z"
IN_AN_HOUR = "2026-11-22T10:47:45.746058Z"
UNKNOWN = "/post/" + 32 * "0"
WRITES = [("PUT", {"title": "New", "body": "New"}), ("PATCH", {"title": "New"}), ("DELETE", None)]


def test_post_can_be_read_without_credentials(client: FlaskClient) -> None:
    path = create(client)

    response = client.get(path)

    assert response.status_code == 200
    assert response.json == {
        "_links": {
            "self": f"http://localhost{path}",
            "posts": "http://localhost/post",
            "author": "http://localhost/author/rick",
        },
        **FIRST_POST,
    }


def test_hal_post_has_links_as_objects(client: FlaskClient) -> None:
    path = create(client)

    response = client.get(path, headers={"Accept": "application/hal+json"}, auth=RICK)

    assert response.mimetype == "application/hal+json"
    assert response.get_json(force=True)["_links"] == {
        "self": {"href": f"http://localhost{path}"},
        "posts": {"href": "http://localhost/post"},
        "author": {"href": "http://localhost/author/rick"},
        "edit": {"href": f"http://localhost{path}"},
        "revisions": {"href": f"http://localhost{path}/revision"},
        "version-history": {"href": f"http://localhost{path}/revision"},
    }


@cases(("caller", "expected"), [(None, False), (RICK, True), (JOE, False), (ANN, True)])
def test_edit_is_linked_for_those_who_may(
    client: FlaskClient, caller: Credentials, expected: bool
) -> None:
    path = create(client)

    response = client.get(path, auth=caller)

    assert ("edit" in response.json["_links"]) is expected
    assert ('rel="edit"' in response.headers["Link"]) is expected


@cases(
    ("format", "html"),
    [
        ("markdown", "<p><em>a</em> <b>b</b>&lt;script&gt;x&lt;/script&gt;</p>\n"),
        ("html", "*a* <b>b</b>"),
        ("text", "<p>*a* &lt;b&gt;b&lt;/b&gt;&lt;script&gt;x&lt;/script&gt;</p>\n"),
    ],
)
def test_body_html_is_the_body_as_its_format_says(
    client: FlaskClient, format: str, html: str
) -> None:
    path = create(client, body="*a* <b>b</b><script>x</script>", format=format)

    post = client.get(f"{path}?fields=bodyHtml").json

    assert post["bodyHtml"] == html


@cases("method", ["PUT", "PATCH"])
def test_body_html_follows_an_edit(client: FlaskClient, method: str) -> None:
    path = create(client, body="*old*")

    client.open(path, method=method, json={"title": "T", "body": "*new*"}, auth=RICK)

    assert client.get(f"{path}?fields=bodyHtml").json["bodyHtml"] == "<p><em>new</em></p>\n"


def test_body_html_follows_a_change_of_the_format(client: FlaskClient) -> None:
    path = create(client, body="*same*")

    client.patch(path, json={"format": "html"}, auth=RICK)

    assert client.get(f"{path}?fields=bodyHtml").json["bodyHtml"] == "*same*"


@cases(
    "path", [UNKNOWN, "/post/1", "/post/" + 32 * "F", "/post/" + 33 * "0", "/post/first", "/post/"]
)
@cases("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_unknown_post_is_404(client: FlaskClient, path: str, method: str) -> None:
    response = client.open(path, method=method, json={"title": "T", "body": ""}, auth=ANN)

    assert_problem(response, 404)
    assert client.get("/post", auth=ANN).json["data"] == []


def test_put_replaces_every_field(client: FlaskClient, clock: Clock) -> None:
    path = create(client)
    clock.advance(hours=1)

    response = client.put(path, json=WRITTEN, auth=RICK)

    assert response.status_code == 200
    expected = {**WRITTEN, "updatedDate": IN_AN_HOUR, "authorName": "rick"}
    assert read(client, path) == expected
    assert {**expected, "_links": response.json["_links"]} == response.json


def test_put_sets_omitted_fields_back_but_keeps_slug_and_posted_date(client: FlaskClient) -> None:
    path = create(client, **WRITTEN)

    client.put(path, json={"title": "Other", "body": "Other"}, auth=RICK)

    assert read(client, path) == {
        "title": "Other",
        "body": "Other",
        "format": "markdown",
        "summary": None,
        "tags": [],
        "status": "published",
        "slug": "chosen",
        "postedDate": "2026-01-01T00:00:00.000000Z",
        "updatedDate": NOW,
        "authorName": "rick",
    }


@cases(
    ("sent", "pointers"),
    [
        ({}, {"#/title", "#/body"}),
        ({"title": "T"}, {"#/body"}),
        ({"title": "T", "body": "", "summary": 1, "nope": 2}, {"#/summary", "#/nope"}),
        ([], {"#"}),
    ],
)
def test_put_of_what_breaks_the_rules_is_422(
    client: FlaskClient, sent: object, pointers: set[str]
) -> None:
    path = create(client)
    before = read(client, path)

    response = client.put(path, json=sent, auth=RICK)

    assert set(faults(response, 422)) == pointers
    assert read(client, path) == before


@cases("method", ["PUT", "PATCH"])
def test_fields_that_the_server_sets_are_ignored(client: FlaskClient, method: str) -> None:
    path = create(client)
    sent = {"authorName": "joe", "updatedDate": None, "bodyHtml": 7, "_links": {}, "_embedded": []}

    response = client.open(
        path, method=method, json={"title": "New", "body": "", **sent}, auth=RICK
    )

    assert response.json["authorName"] == "rick"
    assert response.json["updatedDate"] == NOW
    assert response.json["title"] == "New"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_slug_stays_when_the_title_changes(client: FlaskClient, method: str) -> None:
    path = create(client, title="Old")

    client.open(path, method=method, json={"title": "New", "body": ""}, auth=RICK)

    assert read(client, path)["slug"] == "old"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_slug_of_another_post_is_409(client: FlaskClient, method: str) -> None:
    create(client, slug="taken")
    path = create(client, slug="mine")

    response = client.open(
        path, method=method, json={"title": "New", "body": "", "slug": "taken"}, auth=RICK
    )

    assert_problem(response, 409)
    assert read(client, path)["slug"] == "mine"
    assert read(client, path)["title"] == "First!"


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"title": " First! "},
        {"tags": ["Web", "python", "PYTHON", "web"]},
        {"postedDate": "2026-01-01T01:00:00+01:00"},
        {"title": "First!", "body": "<b>Hi</b>", "slug": "chosen", "status": "draft"},
        {"authorName": "joe"},
    ],
)
def test_write_that_changes_nothing_keeps_version_and_date(
    client: FlaskClient, clock: Clock, sent: dict[str, Any]
) -> None:
    path = create(client, **WRITTEN)
    before = client.get(path, auth=RICK)
    clock.advance(hours=1)

    after = client.patch(path, json=sent, auth=RICK)

    assert after.json == before.json
    assert after.headers["ETag"] == before.headers["ETag"]


@pytest.mark.parametrize("fields", [{}, WRITTEN, {"status": "draft"}])
def test_post_can_be_put_back_as_it_was_got(
    client: FlaskClient, clock: Clock, fields: dict[str, Any]
) -> None:
    path = create(client, **fields)
    before = client.get(path, auth=RICK)
    clock.advance(hours=1)

    after = client.put(path, json=before.json, auth=RICK)

    assert after.json == before.json
    assert after.headers["ETag"] == before.headers["ETag"]


@pytest.mark.parametrize(
    "sent",
    [{"title": "New"}, {"tags": ["new"]}, {"tags": ["first"]}, {"status": "draft"}, {"slug": "x"}],
)
def test_every_change_moves_date_and_etag(
    client: FlaskClient, clock: Clock, sent: dict[str, Any]
) -> None:
    path = create(client, tags=["First"])
    before = client.get(path, auth=RICK)
    clock.advance(hours=1)

    after = client.patch(path, json=sent, auth=RICK)

    assert after.json["updatedDate"] == IN_AN_HOUR
    assert after.json["postedDate"] == NOW
    assert after.headers["ETag"] != before.headers["ETag"]


def test_deleted_post_is_gone(client: FlaskClient) -> None:
    path = create(client)

    response = client.delete(path, auth=RICK)

    assert (response.status_code, response.data) == (204, b"")
    assert_problem(client.get(path, auth=RICK), 404)
    assert client.get("/post", auth=RICK).json["data"] == []


@cases(("method", "sent"), WRITES)
def test_writing_a_deleted_post_is_404(client: FlaskClient, method: str, sent: object) -> None:
    path = create(client)
    client.delete(path, auth=RICK)

    response = client.open(path, method=method, json=sent, auth=RICK)

    assert_problem(response, 404)


def test_fields_of_the_answer_to_a_write_can_be_chosen(client: FlaskClient) -> None:
    path = create(client)

    response = client.patch(f"{path}?fields=title", json={"title": "New"}, auth=RICK)

    assert set(response.json) == {"_links", "title"}
    assert read(client, path)["body"] == "First post!"


@cases("query", ["fields=nothing", "limit=5"])
@cases("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_query_that_cannot_be_read_is_400_and_does_nothing(
    client: FlaskClient, method: str, query: str
) -> None:
    path = create(client)
    before = read(client, path)
    sent = {"title": "New", "body": "New"}

    response = client.open(f"{path}?{query}", method=method, json=sent, auth=RICK)

    assert list(faults(response, 400)) == [query.partition("=")[0]]
    assert read(client, path) == before


def test_post_is_not_posted_to(client: FlaskClient) -> None:
    response = client.post(create(client), json={}, auth=RICK)

    assert_problem(response, 405)
    assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"


def test_part_of_a_post_does_not_pass_for_the_whole(client: FlaskClient) -> None:
    own = path_of(write_post(client).headers["Location"])
    whole = client.put(own, json={"title": "a", "body": "b"}, auth=RICK)
    part = client.put(f"{own}?fields=title", json={"title": "a", "body": "b"}, auth=RICK)

    assert path_of(whole.headers["Content-Location"]) == own
    assert "Content-Location" not in part.headers
