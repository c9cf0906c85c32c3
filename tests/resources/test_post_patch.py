"""One post, changed in part: by merge patch, which plain JSON means too, and by JSON Patch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import WRITTEN, Clock, assert_problem, create, faults, path_of, read, write_post
from tests.people import RICK

JSON_PATCH = "application/json-patch+json"


@pytest.mark.parametrize(
    ("sent", "changed"),
    [
        ({}, {}),
        ({"title": "New"}, {"title": "New"}),
        ({"body": ""}, {"body": ""}),
        ({"tags": ["new"]}, {"tags": ["new"]}),
        ({"slug": "other"}, {"slug": "other"}),
        ({"format": None}, {"format": "markdown"}),
        ({"summary": None}, {"summary": None}),
        ({"tags": None}, {"tags": []}),
        ({"slug": None}, {"slug": "first"}),
        ({"status": None}, {"status": "published"}),
        ({"postedDate": None}, {"postedDate": None}),
        (
            {"postedDate": "2026-01-01T01:00:00+02:00"},
            {"postedDate": "2025-12-31T23:00:00.000000Z"},
        ),
        ({"summary": "New", "tags": [], "authorName": None}, {"summary": "New", "tags": []}),
    ],
)
@pytest.mark.parametrize("media_type", ["application/json", "application/merge-patch+json"])
def test_merge_patch_changes_what_it_names_and_null_sets_back(
    client: FlaskClient, media_type: str, sent: dict[str, Any], changed: dict[str, Any]
) -> None:
    path = create(client, **WRITTEN)

    response = client.patch(path, json=sent, content_type=media_type, auth=RICK)

    assert response.status_code == 200
    post = read(client, path)
    assert {name: post[name] for name in WRITTEN} == {**WRITTEN, **changed}


@cases(
    ("sent", "pointers"),
    [
        ({"title": None}, {"#/title"}),
        ({"title": "", "body": None}, {"#/title", "#/body"}),
        ({"tags": {"0": "new"}}, {"#/tags"}),
        ({"postedDate": "2026-01-01T01:00:00"}, {"#/postedDate"}),
        ({"colour": "red"}, {"#/colour"}),
        (["title"], {"#"}),
        ("title", {"#"}),
    ],
)
def test_merge_patch_to_what_breaks_the_rules_is_422(
    client: FlaskClient, sent: object, pointers: set[str]
) -> None:
    path = create(client)
    before = read(client, path)

    response = client.patch(path, json=sent, auth=RICK)

    assert set(faults(response, 422)) == pointers
    assert read(client, path) == before


def test_json_patch_applies_all_its_operations(client: FlaskClient) -> None:
    path = create(client, tags=["a", "b"])
    operations = [
        {"op": "test", "path": "/title", "value": "First!"},
        {"op": "replace", "path": "/title", "value": "New"},
        {"op": "add", "path": "/tags/-", "value": "c"},
        {"op": "remove", "path": "/tags/0"},
        {"op": "copy", "from": "/title", "path": "/summary"},
    ]

    client.patch(path, json=operations, content_type=JSON_PATCH, auth=RICK)

    post = read(client, path)
    assert (post["title"], post["summary"], post["tags"]) == ("New", "New", ["b", "c"])


@cases(
    ("operation", "status"),
    [
        ({"op": "shout", "path": "/title"}, 400),
        ({"op": "add", "path": "/title"}, 400),
        ({"op": "remove", "path": "title"}, 400),
        ({"op": "remove"}, 400),
        ("remove", 400),
        ({"op": "test", "path": "/title", "value": "Other"}, 409),
        ({"op": "test", "path": "/summary", "value": "Short."}, 409),
        ({"op": "remove", "path": "/nothing"}, 409),
        ({"op": "replace", "path": "/tags/7", "value": "x"}, 409),
        ({"op": "move", "from": "/nothing", "path": "/title"}, 409),
        ({"op": "replace", "path": "/title", "value": ""}, 422),
        ({"op": "remove", "path": "/title"}, 422),
        ({"op": "add", "path": "/colour", "value": "red"}, 422),
        ({"op": "replace", "path": "", "value": []}, 422),
        ({"op": "replace", "path": "/authorName", "value": "joe"}, 422),
        ({"op": "remove", "path": "/updatedDate"}, 422),
        ({"op": "replace", "path": "/bodyHtml", "value": "<b>"}, 422),
    ],
)
def test_json_patch_that_cannot_be_applied_changes_nothing(
    client: FlaskClient, operation: object, status: int
) -> None:
    path = create(client)
    before = read(client, path)
    operations = [{"op": "replace", "path": "/summary", "value": "New"}, operation]

    response = client.patch(path, json=operations, content_type=JSON_PATCH, auth=RICK)

    assert_problem(response, status)
    assert read(client, path) == before


def test_json_patch_that_is_no_list_is_400(client: FlaskClient) -> None:
    path = create(client)

    response = client.patch(path, json={"title": "T"}, content_type=JSON_PATCH, auth=RICK)

    assert list(faults(response, 400)) == ["#"]


def test_json_patch_of_a_server_field_names_it(client: FlaskClient) -> None:
    path = create(client)
    operations = [{"op": "replace", "path": "/authorName", "value": "joe"}]

    response = client.patch(path, json=operations, content_type=JSON_PATCH, auth=RICK)

    assert faults(response, 422) == {"#/authorName": "is set by the server"}


def test_json_patch_may_test_what_only_the_server_sets(client: FlaskClient) -> None:
    path = create(client)
    operations = [
        {"op": "test", "path": "/authorName", "value": "rick"},
        {"op": "add", "path": "/tags/0", "value": "new"},
    ]

    response = client.patch(path, json=operations, content_type=JSON_PATCH, auth=RICK)

    assert response.json["tags"] == ["new"]


def test_slug_set_back_is_derived_from_the_title_as_it_is_now(client: FlaskClient) -> None:
    create(client, title="New")
    path = create(client, title="Old")

    response = client.patch(path, json={"title": "New", "slug": None}, auth=RICK)

    assert response.json["slug"] == "new-2"


def test_numbered_slug_set_back_to_itself_is_no_change(client: FlaskClient, clock: Clock) -> None:
    create(client, title="Same")
    path = create(client, title="Same")
    before = client.get(path, auth=RICK)
    clock.advance(hours=1)

    after = client.patch(path, json={"slug": None}, auth=RICK)

    assert after.json == before.json
    assert after.headers["ETag"] == before.headers["ETag"]


def test_all_faults_of_a_patched_post_are_reported_at_once(client: FlaskClient) -> None:
    own = path_of(write_post(client).headers["Location"])
    operations = [
        {"op": "replace", "path": "/authorName", "value": "joe"},
        {"op": "replace", "path": "/title", "value": ""},
    ]
    response = client.patch(
        own, data=json.dumps(operations), content_type="application/json-patch+json", auth=RICK
    )

    assert faults(response, 422).keys() == {"#/authorName", "#/title"}
