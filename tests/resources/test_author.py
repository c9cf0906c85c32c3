"""One author: a profile for all to read and for its owner to change."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import NEW_PROFILE, Clock, assert_problem, faults, path_of, write_post
from tests.people import ANN, JOE, RICK

PROFILE = {"displayName": "Rick D.", "bio": "Writes.\nReads.", "url": "https://rick.example/"}
NOTHING = {"displayName": None, "bio": None, "url": None}
JSON_PATCH = "application/json-patch+json"


def profile(client: FlaskClient) -> dict[str, Any]:
    """What the owner writes of Rick's profile, as it is now."""
    author = client.get("/author/rick").json
    return {name: author[name] for name in PROFILE}


def test_profile_can_be_read_without_credentials(client: FlaskClient) -> None:
    response = client.get("/author/rick")

    assert response.status_code == 200
    assert response.json == NEW_PROFILE


@cases(("caller", "expected"), [(RICK, True), (JOE, False), (ANN, False)])
def test_edit_is_linked_for_the_owner_only(
    client: FlaskClient, caller: tuple[str, str], expected: bool
) -> None:
    links = client.get("/author/rick", auth=caller).json["_links"]

    assert ("edit" in links) is expected


def test_posts_link_leads_to_the_posts_of_the_author(client: FlaskClient) -> None:
    write_post(client, title="By Rick")
    write_post(client, title="By Joe", auth=JOE)

    url = client.get("/author/rick").json["_links"]["posts"]

    assert [post["title"] for post in client.get(path_of(url)).json["data"]] == ["By Rick"]


@cases("name", ["nobody", "Rick", "rick%20", "%00", "%F0%9F%98%80"])
def test_unknown_author_is_404(client: FlaskClient, name: str) -> None:
    response = client.get(f"/author/{name}")

    assert_problem(response, 404)


@cases("method", ["PUT", "PATCH"])
def test_writing_an_unknown_author_is_404(client: FlaskClient, method: str) -> None:
    response = client.open("/author/nobody", method=method, json=PROFILE, auth=RICK)

    assert_problem(response, 404)


def test_put_replaces_the_profile(client: FlaskClient, clock: Clock) -> None:
    clock.advance(hours=1)

    response = client.put("/author/rick", json=PROFILE, auth=RICK)

    assert response.status_code == 200
    assert response.json == {
        "_links": {
            "self": "http://localhost/author/rick",
            "authors": "http://localhost/author",
            "posts": "http://localhost/post?author=rick",
            "edit": "http://localhost/author/rick",
        },
        "name": "rick",
        **PROFILE,
        "updatedDate": "2026-11-22T10:47:45.746058Z",
    }
    assert profile(client) == PROFILE


def test_put_sets_omitted_fields_back(client: FlaskClient) -> None:
    client.put("/author/rick", json=PROFILE, auth=RICK)

    client.put("/author/rick", json={"bio": "Writes."}, auth=RICK)

    assert profile(client) == {**NOTHING, "bio": "Writes."}


def test_patch_changes_what_it_names(client: FlaskClient) -> None:
    client.put("/author/rick", json=PROFILE, auth=RICK)

    client.patch("/author/rick", json={"bio": "Rests.", "url": None}, auth=RICK)

    assert profile(client) == {"displayName": "Rick D.", "bio": "Rests.", "url": None}


def test_json_patch_changes_what_it_names(client: FlaskClient) -> None:
    operations = [
        {"op": "test", "path": "/displayName", "value": None},
        {"op": "replace", "path": "/displayName", "value": "Rick"},
    ]

    client.patch("/author/rick", json=operations, content_type=JSON_PATCH, auth=RICK)

    assert profile(client) == {**NOTHING, "displayName": "Rick"}


@cases(
    ("operations", "status"),
    [
        ([{"op": "shout", "path": "/bio"}], 400),
        ([{"op": "test", "path": "/bio", "value": "else"}], 409),
        ([{"op": "replace", "path": "/name", "value": "joe"}], 422),
        ([{"op": "replace", "path": "/url", "value": "rick.example"}], 422),
        ([{"op": "add", "path": "/role", "value": "editor"}], 422),
    ],
)
def test_json_patch_that_cannot_be_applied_is_refused(
    client: FlaskClient, operations: list[dict[str, Any]], status: int
) -> None:
    response = client.patch("/author/rick", json=operations, content_type=JSON_PATCH, auth=RICK)

    assert_problem(response, status)
    assert profile(client) == NOTHING


def test_profile_can_be_sent_back_as_it_was_got(client: FlaskClient) -> None:
    client.put("/author/rick", json=PROFILE, auth=RICK)
    got = client.get("/author/rick", auth=RICK)

    response = client.put("/author/rick", json=got.json, auth=RICK)

    assert response.json == got.json
    assert response.headers["ETag"] == got.headers["ETag"]


@cases("method", ["PUT", "PATCH"])
def test_fields_that_the_server_sets_are_ignored(client: FlaskClient, method: str) -> None:
    sent = {"name": "joe", "updatedDate": "2001-01-01T00:00:00Z", "bio": "Writes."}

    response = client.open("/author/rick", method=method, json=sent, auth=RICK)

    assert response.json["name"] == "rick"
    assert response.json["updatedDate"] == "2026-11-22T09:47:45.746058Z"
    assert response.json["bio"] == "Writes."


def test_write_that_changes_nothing_keeps_date_and_etag(client: FlaskClient, clock: Clock) -> None:
    before = client.put("/author/rick", json=PROFILE, auth=RICK)
    clock.advance(days=1)

    after = client.patch("/author/rick", json={"bio": "Writes.\nReads."}, auth=RICK)

    assert after.json["updatedDate"] == "2026-11-22T09:47:45.746058Z"
    assert after.headers["ETag"] == before.headers["ETag"]


@cases("caller", [JOE, ANN])
@cases("method", ["PUT", "PATCH"])
def test_profile_of_someone_else_is_403_even_for_an_editor(
    client: FlaskClient, caller: tuple[str, str], method: str
) -> None:
    response = client.open("/author/rick", method=method, json=PROFILE, auth=caller)

    assert_problem(response, 403)
    assert profile(client) == NOTHING


@cases("method", ["PUT", "PATCH"])
def test_writing_without_credentials_is_401(client: FlaskClient, method: str) -> None:
    response = client.open("/author/rick", method=method, json=PROFILE)

    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"] == 'Basic realm="blog", charset="UTF-8"'
    assert profile(client) == NOTHING


@cases(
    "url",
    [
        "",
        "rick.example",
        "/about",
        "//rick.example",
        "http://",
        "http:///path",
        "http://[rick",
        "javascript:alert(1)",
        "data:text/html,hello",
        "mailto:rick@rick.example",
        "https://rick.\nexample/",
        "https://rick.example/\0",
        "https://rick.example/\ud800",
        "https://rick.example/" + 1980 * "x",
        7,
    ],
)
def test_url_that_is_no_web_address_is_422(client: FlaskClient, url: object) -> None:
    response = client.patch("/author/rick", json={"url": url}, auth=RICK)

    assert list(faults(response, 422)) == ["#/url"]


@cases("url", ["http://rick.example", "HTTPS://rick.example:8443/~rick?q=1#me", "http://[::1]/"])
def test_url_of_the_web_is_kept_as_written(client: FlaskClient, url: str) -> None:
    response = client.patch("/author/rick", json={"url": url}, auth=RICK)

    assert response.json["url"] == url


@cases(
    ("sent", "pointers"),
    [
        ({"displayName": ""}, {"#/displayName"}),
        ({"displayName": 101 * "x"}, {"#/displayName"}),
        ({"displayName": "two\nlines"}, {"#/displayName"}),
        ({"bio": 1001 * "x"}, {"#/bio"}),
        ({"bio": "bell\a"}, {"#/bio"}),
        ({"bio": ["Writes."]}, {"#/bio"}),
        ({"displayName": 1, "bio": 2, "url": 3}, {"#/displayName", "#/bio", "#/url"}),
        ({"role": "editor", "password": "x"}, {"#/role", "#/password"}),
        ([], {"#"}),
    ],
)
def test_profile_that_breaks_the_rules_is_422_with_every_fault(
    client: FlaskClient, sent: object, pointers: set[str]
) -> None:
    response = client.put("/author/rick", json=sent, auth=RICK)

    assert set(faults(response, 422)) == pointers


def test_display_name_is_trimmed(client: FlaskClient) -> None:
    response = client.patch("/author/rick", json={"displayName": "  Rick  D. "}, auth=RICK)

    assert response.json["displayName"] == "Rick  D."


def test_if_match_of_the_current_profile_lets_the_write_through(client: FlaskClient) -> None:
    etag = client.get("/author/rick").headers["ETag"]

    response = client.put("/author/rick", json=PROFILE, auth=RICK, headers={"If-Match": etag})

    assert response.status_code == 200
    assert response.headers["ETag"] != etag


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_if_match_of_an_older_profile_is_412_with_the_current_etag(
    client: FlaskClient, method: str
) -> None:
    old = client.get("/author/rick").headers["ETag"]
    current = client.put("/author/rick", json=PROFILE, auth=RICK).headers["ETag"]

    response = client.open(
        "/author/rick", method=method, json=NOTHING, auth=RICK, headers={"If-Match": old}
    )

    assert_problem(response, 412)
    assert response.headers["ETag"] == current
    assert profile(client) == PROFILE


def test_if_match_of_another_author_is_412(client: FlaskClient) -> None:
    etag = client.get("/author/joe").headers["ETag"]

    response = client.put("/author/rick", json=PROFILE, auth=RICK, headers={"If-Match": etag})

    assert_problem(response, 412)


@cases("method", ["POST", "DELETE"])
def test_author_can_be_neither_made_nor_deleted_over_http(client: FlaskClient, method: str) -> None:
    response = client.open("/author/rick", method=method, json={}, auth=RICK)

    assert_problem(response, 405)
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, PATCH, PUT"
