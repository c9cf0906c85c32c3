"""The Prefer header."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import assert_problem, faults, path_of, write_post
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

WRITTEN = {"title": "Second!", "body": ""}
MINIMAL = {"Prefer": "return=minimal"}


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a post of RICK."""
    return path_of(write_post(client).headers["Location"])


def test_a_minimal_creation_is_201_without_a_body(client: FlaskClient) -> None:
    response = client.post("/post", json=WRITTEN, auth=RICK, headers=MINIMAL)

    assert (response.status_code, response.data) == (201, b"")
    assert response.headers["Content-Length"] == "0"
    assert response.headers["Preference-Applied"] == "return=minimal"
    assert client.get(path_of(response.headers["Location"])).json["title"] == "Second!"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_minimal_change_is_204(client: FlaskClient, path: str, method: str) -> None:
    response = client.open(path, method=method, json=WRITTEN, auth=RICK, headers=MINIMAL)

    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Preference-Applied"] == "return=minimal"
    assert client.get(path).json["title"] == "Second!"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_minimal_response_has_validators_and_no_content_headers(
    client: FlaskClient, path: str, method: str
) -> None:
    address = "/post" if method == "POST" else path
    response = client.open(address, method=method, json=WRITTEN, auth=RICK, headers=MINIMAL)
    seen = client.get(path_of(response.headers.get("Location", path)), auth=RICK)

    assert response.headers["ETag"] == seen.headers["ETag"]
    assert response.headers["Last-Modified"] == seen.headers["Last-Modified"]
    assert not {"Content-Type", "Content-Location"} & set(response.headers.keys())


@cases(
    "wish",
    [
        'return="minimal"',
        "Return=minimal",
        "return = minimal",
        "respond-async, return=minimal",
        'wait=10, return=minimal; foo="a, b"',
        'foo="return=representation, x", return=minimal',
        "return=minimal, return=representation",
    ],
)
def test_a_wish_may_be_written_in_many_ways(client: FlaskClient, path: str, wish: str) -> None:
    response = client.put(path, json=WRITTEN, auth=RICK, headers={"Prefer": wish})

    assert response.status_code == 204


@cases(
    "wish",
    [
        "return=representation",
        "return=representation, return=minimal",
        "return=less",
        "return",
        "minimal",
        "x-return=minimal",
        'foo="x, return=minimal"',
        "",
        ",;=",
    ],
)
def test_any_other_wish_is_ignored(client: FlaskClient, path: str, wish: str) -> None:
    response = client.put(path, json=WRITTEN, auth=RICK, headers={"Prefer": wish})

    assert (response.status_code, response.json["title"]) == (200, "Second!")
    assert "Preference-Applied" not in response.headers


def test_a_read_is_never_minimal(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers=MINIMAL)

    assert (response.status_code, response.json["title"]) == (200, "First!")


def test_a_problem_is_never_minimal(client: FlaskClient, path: str) -> None:
    response = client.put(path, json={}, auth=RICK, headers=MINIMAL)

    assert faults(response, 422) == {"#/title": "is required", "#/body": "is required"}


@pytest.mark.parametrize("wish", ["handling=lenient", 'Handling="lenient"'])
def test_an_unknown_parameter_is_ignored_by_wish(client: FlaskClient, path: str, wish: str) -> None:
    response = client.get("/post?utm=x&utm=y", headers={"Prefer": wish})

    assert (response.status_code, len(response.json["data"])) == (200, 1)
    assert response.json["_links"]["self"] == "http://localhost/post"
    assert response.headers["Preference-Applied"] == "handling=lenient"


@cases("wish", ["handling=strict", "handling", "lenient", "return=minimal"])
def test_an_unknown_parameter_is_400_without_that_wish(client: FlaskClient, wish: str) -> None:
    assert_problem(client.get("/post?utm=x", headers={"Prefer": wish}), 400)


@pytest.mark.parametrize("query", ["limit=0", "limit=1&limit=1", "fields=nonsense"])
def test_a_known_parameter_has_to_be_right_all_the_same(client: FlaskClient, query: str) -> None:
    response = client.get(f"/post?{query}", headers={"Prefer": "handling=lenient"})

    assert_problem(response, 400)


def test_a_write_can_be_handled_leniently_and_minimally(client: FlaskClient) -> None:
    wish = {"Prefer": "handling=lenient, return=minimal"}
    response = client.post("/post?utm=x", json=WRITTEN, auth=RICK, headers=wish)

    assert (response.status_code, response.data) == (201, b"")


def test_every_preference_that_was_honoured_is_named(client: FlaskClient) -> None:
    prefer = {"Prefer": "handling=lenient, return=minimal"}
    response = client.post("/post?x=1", json={"title": "a", "body": "b"}, auth=RICK, headers=prefer)

    assert response.headers["Preference-Applied"] == "return=minimal, handling=lenient"
