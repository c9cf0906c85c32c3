"""Reads under a precondition."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import Clock, assert_problem, headers_of, path_of, write_post
from tests.people import RICK

CREATED = "Sun, 22 Nov 2026 09:47:45 GMT"
BEFORE = "Sun, 22 Nov 2026 09:47:44 GMT"
LATER = "Sun, 22 Nov 2026 09:47:46 GMT"

# The headers of a 304 (RFC 9110 section 15.4.5).
OF_THE_BODY = {"Content-Type", "Content-Length", "Last-Modified", "Link"}


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a post of RICK."""
    return path_of(write_post(client, tags=["tag"]).headers["Location"])


@cases("address", ["/", "/post", "/author", "/author/rick", "/tag", None])
@cases("method", ["GET", "HEAD"])
def test_what_the_client_has_already_is_304(
    client: FlaskClient, path: str, address: str | None, method: str
) -> None:
    known = client.get(address or path)
    tag = {"If-None-Match": known.headers["ETag"]}
    response = client.open(address or path, method=method, headers=tag)

    assert (response.status_code, response.data) == (304, b"")
    assert headers_of(response) == {
        name: value for name, value in headers_of(known).items() if name not in OF_THE_BODY
    }


@cases("condition", ["*", "W/{}", '"a", {}', 'W/"a",{} , "b"'])
def test_if_none_match_names_what_the_client_has(
    client: FlaskClient, path: str, condition: str
) -> None:
    tag = client.get(path).headers["ETag"]
    response = client.get(path, headers={"If-None-Match": condition.format(tag)})

    assert response.status_code == 304


@cases("condition", ["", '"a"', 'W/"a", "b"', '"*"'])
def test_if_none_match_of_something_else_is_200(
    client: FlaskClient, path: str, condition: str
) -> None:
    response = client.get(path, headers={"If-None-Match": condition})

    assert (response.status_code, response.json["title"]) == (200, "First!")


def test_the_tag_of_another_media_type_is_200(client: FlaskClient, path: str) -> None:
    tag = client.get(path, headers={"Accept": "application/hal+json"}).headers["ETag"]
    response = client.get(path, headers={"If-None-Match": tag})

    assert response.status_code == 200


def test_the_tag_from_before_the_sign_in_is_200(client: FlaskClient, path: str) -> None:
    tag = client.get(path).headers["ETag"]
    response = client.get(path, headers={"If-None-Match": tag}, auth=RICK)

    assert (response.status_code, "edit" in response.json["_links"]) == (200, True)


@pytest.mark.parametrize("address", ["/post", "/tag", None])
def test_the_tag_from_before_a_change_is_200(
    client: FlaskClient, path: str, address: str | None
) -> None:
    tag = client.get(address or path).headers["ETag"]
    client.patch(path, json={"title": "Second!", "tags": ["other"]}, auth=RICK)
    response = client.get(address or path, headers={"If-None-Match": tag})

    assert response.status_code == 200
    assert response.headers["ETag"] != tag


@cases(
    ("date", "expected"),
    [
        (CREATED, 304),
        (LATER, 304),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 304),
        (BEFORE, 200),
        ("yesterday", 200),
        ("", 200),
    ],
)
def test_if_modified_since(client: FlaskClient, path: str, date: str, expected: int) -> None:
    response = client.get(path, headers={"If-Modified-Since": date})

    assert response.status_code == expected


def test_a_304_by_date_has_the_tag(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers={"If-Modified-Since": CREATED})

    assert (response.status_code, response.data) == (304, b"")
    assert response.headers["ETag"] == client.get(path).headers["ETag"]


def test_a_date_can_not_distinguish_two_changes_of_one_second(
    client: FlaskClient, clock: Clock, path: str
) -> None:
    clock.advance(milliseconds=100)
    client.patch(path, json={"title": "Second!"}, auth=RICK)
    response = client.get(path, headers={"If-Modified-Since": CREATED})

    assert (response.status_code, response.json["title"]) == (200, "Second!")


def test_a_later_date_distinguishes_them(client: FlaskClient, clock: Clock, path: str) -> None:
    clock.advance(milliseconds=100)
    client.patch(path, json={"title": "Second!"}, auth=RICK)
    response = client.get(path, headers={"If-Modified-Since": LATER})

    assert response.status_code == 304


def test_if_none_match_makes_if_modified_since_void(client: FlaskClient, path: str) -> None:
    headers = {"If-None-Match": '"a"', "If-Modified-Since": CREATED}
    response = client.get(path, headers=headers)

    assert response.status_code == 200


def test_a_list_has_no_date_to_compare(client: FlaskClient, path: str) -> None:
    response = client.get("/post", headers={"If-Modified-Since": LATER})

    assert response.status_code == 200
    assert "Last-Modified" not in response.headers


@cases("condition", ["*", "{}", '"a", {}'])
@cases("address", ["/post", None])
def test_if_match_of_the_same_representation_is_200(
    client: FlaskClient, path: str, address: str | None, condition: str
) -> None:
    tag = client.get(address or path).headers["ETag"]
    response = client.get(address or path, headers={"If-Match": condition.format(tag)})

    assert response.status_code == 200


@cases("condition", ["W/{}", '"a"', ""])
@cases("address", ["/post", None])
def test_if_match_of_something_else_is_412_with_the_present_tag(
    client: FlaskClient, path: str, address: str | None, condition: str
) -> None:
    tag = client.get(address or path).headers["ETag"]
    response = client.get(address or path, headers={"If-Match": condition.format(tag)})

    assert_problem(response, 412)
    assert response.headers["ETag"] == tag


@cases(("date", "expected"), [(CREATED, 200), (LATER, 200), ("yesterday", 200), (BEFORE, 412)])
def test_if_unmodified_since(client: FlaskClient, path: str, date: str, expected: int) -> None:
    response = client.get(path, headers={"If-Unmodified-Since": date})

    assert response.status_code == expected


def test_if_match_makes_if_unmodified_since_void(client: FlaskClient, path: str) -> None:
    headers = {"If-Match": "*", "If-Unmodified-Since": BEFORE}

    assert client.get(path, headers=headers).status_code == 200


def test_a_precondition_that_holds_leaves_the_question_whether_it_is_new(
    client: FlaskClient, path: str
) -> None:
    tag = client.get(path).headers["ETag"]
    response = client.get(path, headers={"If-Match": tag, "If-None-Match": tag})

    assert response.status_code == 304


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
def test_a_precondition_on_a_missing_resource_is_404(client: FlaskClient, name: str) -> None:
    assert_problem(client.get("/post/" + "0" * 32, headers={name: "*"}), 404)
