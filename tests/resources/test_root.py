"""The root: the one address that a client has to know."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import assert_problem, path_of
from tests.people import ANN, RICK

HAL = {"Accept": "application/hal+json"}


def test_root_links_to_every_list(client: FlaskClient) -> None:
    links = client.get("/").json["_links"]

    assert links == {
        "self": "http://localhost/",
        "posts": "http://localhost/post",
        "authors": "http://localhost/author",
        "tags": "http://localhost/tag",
        "changes": "http://localhost/change",
    }


def test_me_is_linked_for_a_signed_in_caller(client: FlaskClient) -> None:
    links = client.get("/", auth=RICK).json["_links"]

    assert links["me"] == "http://localhost/author/rick"


def test_hal_root_has_links_as_objects(client: FlaskClient) -> None:
    response = client.get("/", headers=HAL)

    assert response.mimetype == "application/hal+json"
    assert response.get_json(force=True)["_links"] == {
        "self": {"href": "http://localhost/"},
        "posts": {"href": "http://localhost/post"},
        "authors": {"href": "http://localhost/author"},
        "tags": {"href": "http://localhost/tag"},
        "changes": {"href": "http://localhost/change"},
        "search": {
            "href": "http://localhost/post{?limit,author,tag,status,slug,since,until,updatedSince,id,sort,fields}",
            "templated": True,
        },
    }


@cases("caller", [None, RICK, ANN])
def test_every_link_of_the_root_can_be_followed(
    client: FlaskClient, caller: tuple[str, str] | None
) -> None:
    links = client.get("/", auth=caller).json["_links"]

    statuses = {
        relation: client.get(path_of(url), auth=caller).status_code
        for relation, url in links.items()
    }

    assert set(statuses.values()) == {200}


def test_root_is_revalidated_by_its_etag(client: FlaskClient) -> None:
    etag = client.get("/").headers["ETag"]

    response = client.get("/", headers={"If-None-Match": etag})

    assert response.status_code == 304
    assert response.data == b""


def test_wrong_credentials_at_the_root_are_401(client: FlaskClient) -> None:
    response = client.get("/", auth=("rick", "wrong password"))

    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"] == 'Basic realm="blog", charset="UTF-8"'


def test_unknown_parameter_at_the_root_is_400(client: FlaskClient) -> None:
    response = client.get("/?limit=5")

    problem = assert_problem(response, 400)
    assert problem["errors"] == [{"parameter": "limit", "detail": "is not a known parameter"}]


@cases("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_writing_to_the_root_is_405(client: FlaskClient, method: str) -> None:
    response = client.open("/", method=method, json={}, auth=RICK)

    assert_problem(response, 405)
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_options_of_the_root_lists_its_methods(client: FlaskClient) -> None:
    response = client.options("/")

    assert response.status_code == 204
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
