"""A PATCH is of the document that its client has seen: links, server-set members and all."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.cases import cases
from tests.contract import assert_problem, create, faults
from tests.people import RICK

JSON_PATCH = "application/json-patch+json"
HAL = {"Accept": "application/hal+json"}
PROFILE = "/author/rick"


@pytest.fixture(params=["post", "profile"])
def path(client: FlaskClient, request: pytest.FixtureRequest) -> str:
    """A post or a profile of Rick."""
    return create(client, tags=["a"], summary=None) if request.param == "post" else PROFILE


def seen(client: FlaskClient, path: str, **headers: str) -> dict[str, Any]:
    """The whole document, as its owner gets it."""
    document: dict[str, Any] = client.get(path, auth=RICK, headers=headers).get_json(force=True)
    return document


def operate(client: FlaskClient, path: str, *operations: object, **headers: str) -> TestResponse:
    """Send a JSON Patch as Rick."""
    return client.patch(path, json=operations, content_type=JSON_PATCH, auth=RICK, headers=headers)


@cases("op", ["test", "replace", "add"])
@cases("accept", [{}, HAL])
@cases("answered", [{}, HAL])
def test_the_whole_document_is_what_get_gave(
    client: FlaskClient, path: str, op: str, accept: dict[str, str], answered: dict[str, str]
) -> None:
    document = seen(client, path, **accept)
    etag = client.get(path, auth=RICK, headers=answered).headers["ETag"]

    response = operate(client, path, {"op": op, "path": "", "value": document}, **answered)

    assert (response.status_code, response.headers["ETag"]) == (200, etag)


def test_what_get_gave_of_chosen_fields_is_a_document_too(client: FlaskClient) -> None:
    path = create(client)
    fields = "title,body,format,summary,tags,status,slug,postedDate,bodyHtml"
    document = client.get(f"{path}?fields={fields}", auth=RICK).json

    response = operate(client, path, {"op": "test", "path": "", "value": document})

    assert response.status_code == 200


def test_a_document_that_lacks_what_a_client_writes_is_another(client: FlaskClient) -> None:
    path = create(client)
    document = seen(client, path)
    del document["tags"]

    assert_problem(operate(client, path, {"op": "test", "path": "", "value": document}), 409)


def test_every_member_that_get_gave_can_be_tested(client: FlaskClient, path: str) -> None:
    document = seen(client, path)
    tests = [{"op": "test", "path": f"/{name}", "value": document[name]} for name in document]

    assert operate(client, path, *tests).status_code == 200


def test_links_are_tested_in_the_form_that_the_answer_has(client: FlaskClient, path: str) -> None:
    href = seen(client, path)["_links"]["self"]
    test = {"op": "test", "path": "/_links/self/href", "value": href}

    assert operate(client, path, test, **HAL).status_code == 200
    assert_problem(operate(client, path, test), 409)


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ({"op": "remove", "path": "/_links"}, "_links"),
        ({"op": "replace", "path": "/_links/self", "value": "http://example.org/"}, "_links"),
        ({"op": "add", "path": "/_embedded", "value": {}}, "_embedded"),
        ({"op": "remove", "path": "/updatedDate"}, "updatedDate"),
        ({"op": "replace", "path": "/updatedDate", "value": None}, "updatedDate"),
        ({"op": "move", "from": "/updatedDate", "path": "/_templates"}, "updatedDate"),
    ],
)
def test_what_the_server_sets_is_changed_by_no_operation(
    client: FlaskClient, path: str, operation: object, name: str
) -> None:
    before = seen(client, path)

    response = operate(client, path, operation)

    assert faults(response, 422)[f"#/{name}"] == "is set by the server"
    assert seen(client, path) == before


def test_a_whole_document_with_another_author_is_422(client: FlaskClient) -> None:
    path = create(client)
    document = {**seen(client, path), "authorName": "joe"}

    response = operate(client, path, {"op": "replace", "path": "", "value": document})

    assert faults(response, 422) == {"#/authorName": "is set by the server"}


def test_what_the_server_sets_may_be_set_to_what_it_is(client: FlaskClient, path: str) -> None:
    date = seen(client, path)["updatedDate"]

    response = operate(client, path, {"op": "replace", "path": "/updatedDate", "value": date})

    assert response.status_code == 200


def test_a_whole_document_of_client_fields_alone_replaces_them(client: FlaskClient) -> None:
    path = create(client, tags=["a"])
    value = {"title": "New", "body": "", "slug": "new"}

    response = operate(client, path, {"op": "replace", "path": "", "value": value})

    assert (response.json["title"], response.json["tags"]) == ("New", [])


def test_an_unknown_name_whose_value_is_null_is_a_fault(client: FlaskClient, path: str) -> None:
    response = client.patch(path, json={"sumary": None, "displayname": None}, auth=RICK)

    assert faults(response, 422).keys() == {"#/sumary", "#/displayname"}


def test_a_link_that_is_null_is_ignored_in_a_merge_patch(client: FlaskClient, path: str) -> None:
    sent = {"_links": None, "_embedded": None, "updatedDate": None}

    assert client.patch(path, json=sent, auth=RICK).status_code == 200
