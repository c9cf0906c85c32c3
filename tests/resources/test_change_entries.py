"""Entries of the change feed: the posts as they are now, so that a mirror needs few requests."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from blog.http.application import Application
from blog.http.cursors import Cursors
from blog.storage.keyset import Position
from tests.contract import Clock, assert_problem, create, faults, path_of
from tests.people import ANN, JOE, RICK

DEAD = "http://localhost/documentation/problems#dead-cursor"
HAL = {"Accept": "application/hal+json"}
MEBIBYTE = 1024 * 1024


def entries(client: FlaskClient, query: str = "", **options: Any) -> list[dict[str, Any]]:
    """The entries of the first page."""
    data: list[dict[str, Any]] = client.get(f"/change{query}", **options).json["data"]
    return data


def test_entry_says_what_the_post_is_now(client: FlaskClient) -> None:
    path = create(client)
    client.patch(path, json={"title": "Now", "slug": "now"}, auth=RICK)

    assert [(entry["title"], entry["slug"]) for entry in entries(client)] == [("Now", "now")] * 2
    assert len({entry["etag"] for entry in entries(client)}) == 1


@pytest.mark.parametrize("change", ["deletion", "draft"])
def test_entry_of_what_is_gone_says_nothing_of_the_post(client: FlaskClient, change: str) -> None:
    path = create(client)
    if change == "deletion":
        client.delete(path, auth=RICK)
    else:
        client.patch(path, json={"status": "draft"}, auth=RICK)

    assert [entry.keys() for entry in entries(client)] == [
        {"_links", "operation", "version", "at"}
    ] * 2


def test_entry_of_a_deletion_says_nothing_of_a_post_that_is_back(client: FlaskClient) -> None:
    path = create(client)
    client.delete(path, auth=RICK)
    client.post(f"{path}/revision", json={"restore": 1}, auth=RICK)

    assert ["title" in entry for entry in entries(client)] == [True, False, True]


def test_etag_of_an_entry_matches_in_if_match(client: FlaskClient) -> None:
    path = create(client)
    etag = entries(client)[0]["etag"]

    edited = client.patch(path, json={"title": "b"}, auth=RICK, headers={"If-Match": etag})
    again = client.patch(path, json={"title": "c"}, auth=RICK, headers={"If-Match": etag})

    assert (edited.status_code, again.status_code) == (200, 412)


def test_etag_of_an_entry_matches_in_if_match_of_a_read(client: FlaskClient) -> None:
    path = create(client)
    etag = entries(client)[0]["etag"]

    assert client.get(path, headers={"If-Match": etag}).status_code == 200
    assert client.get("/post", headers={"If-Match": etag}).status_code == 412


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_etag_of_an_entry_never_matches_in_if_none_match(client: FlaskClient, method: str) -> None:
    path = create(client)
    headers = {"If-None-Match": entries(client)[0]["etag"]}
    body = {"json": {"title": "b"}} if method == "PATCH" else {}

    assert client.open(path, method=method, auth=RICK, headers=headers, **body).status_code == 200


def test_fields_embed_the_post(client: FlaskClient) -> None:
    path = create(client, body="text")

    (entry,) = entries(client, "?fields=title,body")

    assert entry["post"] == client.get(f"{path}?fields=title,body").json


def test_fields_embed_the_post_in_hal(client: FlaskClient) -> None:
    path = create(client)
    gone = create(client)
    client.delete(gone, auth=RICK)

    page = client.get("/change?fields=title", headers=HAL).get_json(force=True)

    there, *others = page["_embedded"]["changes"]
    expected = client.get(f"{path}?fields=title", headers=HAL).get_json(force=True)
    assert there["_embedded"] == {"post": expected}
    assert ["_embedded" in entry for entry in others] == [False, False]


def test_post_that_has_gone_meanwhile_is_null(client: FlaskClient) -> None:
    client.delete(create(client), auth=RICK)

    created, deleted = entries(client, "?fields=title")

    assert created["post"] is None
    assert "post" not in deleted


@pytest.mark.parametrize(
    ("reader", "edits"), [(None, False), (JOE, False), (RICK, True), (ANN, True)]
)
def test_post_is_embedded_as_the_caller_may_see_it(
    client: FlaskClient, reader: tuple[str, str] | None, edits: bool
) -> None:
    create(client)

    (entry,) = entries(client, "?fields=title", auth=reader)

    assert ("edit" in entry["post"]["_links"]) == edits


def test_links_keep_the_fields(client: FlaskClient) -> None:
    links = client.get("/change?fields=title&limit=5").json["_links"]

    for relation in ("self", "first", "next", "latest"):
        assert "limit=5&fields=title" in links[relation]


@pytest.mark.long
def test_mirror_of_500_posts_takes_6_requests(client: FlaskClient) -> None:
    for _ in range(500):
        create(client)
    mirror, url, requests = {}, "/change?limit=100&fields=title,body", 0

    while True:
        page = client.get(path_of(url)).json
        requests += 1
        mirror |= {entry["post"]["_links"]["self"]: entry["post"] for entry in page["data"]}
        url = page["_links"]["next"]
        if not page["data"]:
            break

    assert (len(mirror), requests) == (500, 6)


@pytest.mark.slow
@pytest.mark.parametrize("fields", ["body", "body,bodyHtml"])
def test_page_with_posts_is_bounded_in_bytes_and_misses_nothing(
    client: FlaskClient, fields: str
) -> None:
    paths = [create(client, body='"' * MEBIBYTE, format="text") for _ in range(5)]
    found: list[list[str]] = []
    url = f"/change?limit=100&fields={fields}"
    while not found or found[-1]:
        page = client.get(path_of(url)).json
        found.append([path_of(entry["_links"]["post"]) for entry in page["data"]])
        url = page["_links"]["next"]

    assert sum(map(len, found)) == 5
    assert [path for page in found for path in page] == paths
    assert max(map(len, found)) == (4 if fields == "body" else 1)


def test_latest_leads_to_an_empty_page_at_the_end(client: FlaskClient) -> None:
    create(client)
    latest = client.get("/change?limit=1").json["_links"]["latest"]
    page = client.get(path_of(latest)).json
    path = create(client)

    following = client.get(path_of(page["_links"]["next"])).json["data"]

    assert page["data"] == []
    assert [path_of(entry["_links"]["post"]) for entry in following] == [path]


def test_latest_of_an_empty_blog_misses_nothing(client: FlaskClient, clock: Clock) -> None:
    page = client.get("/change?after=latest").json
    clock.advance(seconds=1)
    create(client)

    assert len(client.get(path_of(page["_links"]["next"])).json["data"]) == 1


def test_cursor_of_another_caller_is_a_dead_one(client: FlaskClient) -> None:
    url = path_of(client.get("/change").json["_links"]["next"])

    problem = assert_problem(client.get(url, auth=RICK), 400)

    assert problem["type"] == DEAD


def test_cursor_that_is_broken_is_no_dead_one(client: FlaskClient) -> None:
    assert assert_problem(client.get("/change?after=x"), 400)["type"] == "about:blank"


@pytest.mark.settings(base_url="https://blog.example/x")
def test_type_of_a_problem_is_below_the_base_url(client: FlaskClient) -> None:
    asked: dict[str, Any] = {"base_url": "https://blog.example"}
    url = client.get("/change", **asked).json["_links"]["next"]

    response = client.get(url.removeprefix("https://blog.example/x"), auth=RICK, **asked)

    assert response.status_code == 400
    expected = "https://blog.example/x/documentation/problems#dead-cursor"
    assert response.get_json(force=True)["type"] == expected


def test_cursor_of_a_former_version_is_good(app: Application, client: FlaskClient) -> None:
    create(client)
    cursors: Cursors = app.extensions["blog"].cursors
    url = path_of(client.get("/change").json["_links"]["next"])
    key = cursors.read(url.partition("after=")[2], "changes").key[1:]
    former = cursors.write(Position(key), "changes None")

    assert client.get(f"/change?after={former}").json["data"] == []
    assert list(faults(client.get(f"/change?after={former}", auth=RICK), 400)) == ["after"]
