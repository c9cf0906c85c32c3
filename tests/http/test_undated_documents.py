"""A representation with HTML changes with the renderer, and is the same version all the while."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import create, headers_of
from tests.people import RICK
from tests.renderings import age

LATER = "Sun, 22 Nov 2026 09:47:46 GMT"
BEFORE = "Sun, 22 Nov 2026 09:47:44 GMT"
HTML = "?fields=title,bodyHtml"
HAL = {"Accept": "application/hal+json"}


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a post of RICK."""
    return create(client)


def tag(client: FlaskClient, address: str, **options: object) -> str:
    """The entity-tag of a representation, as RICK reads it."""
    return client.get(address, auth=RICK, **options).headers["ETag"]  # type: ignore[arg-type]


def test_tag_changes_with_the_html(client: FlaskClient, path: str, database_url: str) -> None:
    before = tag(client, path + HTML)
    age(database_url)

    response = client.get(path + HTML, headers={"If-None-Match": before}, auth=RICK)

    assert (response.status_code, response.json["bodyHtml"]) == (200, "<p>As it was</p>")
    assert response.headers["ETag"] != before


@cases("address", ["", "?fields=title,body", "/revision", "/revision/1"])
def test_tag_and_date_of_what_shows_no_html_stay(
    client: FlaskClient, path: str, database_url: str, address: str
) -> None:
    before = client.get(path + address, auth=RICK)
    age(database_url)
    after = client.get(path + address, auth=RICK)

    assert "Last-Modified" in after.headers
    assert headers_of(after) == headers_of(before)


@cases("headers", [{}, HAL])
@cases("method", ["GET", "HEAD", "PATCH"])
def test_what_shows_html_has_no_date(
    client: FlaskClient, path: str, method: str, headers: dict[str, str]
) -> None:
    body = {"json": {}} if method == "PATCH" else {}
    response = client.open(path + HTML, method=method, headers=headers, auth=RICK, **body)

    assert response.status_code == 200
    assert "ETag" in response.headers
    assert "Last-Modified" not in response.headers


@cases(("header", "date"), [("If-Modified-Since", LATER), ("If-Unmodified-Since", BEFORE)])
def test_dates_are_ignored_where_a_representation_has_none(
    client: FlaskClient, path: str, header: str, date: str
) -> None:
    assert client.get(path + HTML, headers={header: date}).status_code == 200


@cases("rendered_between", [False, True])
def test_tag_with_html_lets_a_client_write(
    client: FlaskClient, path: str, database_url: str, rendered_between: bool
) -> None:
    known = tag(client, path + HTML)
    if rendered_between:
        age(database_url)

    response = client.patch(path, json={"title": "Second!"}, headers={"If-Match": known}, auth=RICK)

    assert response.status_code == 200


def test_tag_with_html_of_an_earlier_version_is_412(client: FlaskClient, path: str) -> None:
    known = tag(client, path + HTML)
    client.patch(path, json={"title": "Second!"}, auth=RICK)

    response = client.patch(path, json={"title": "Third!"}, headers={"If-Match": known}, auth=RICK)

    assert (response.status_code, response.json["changed"]) == (412, ["title"])


def test_date_of_another_representation_lets_a_client_write(client: FlaskClient, path: str) -> None:
    seen = client.get(path).headers["Last-Modified"]

    response = client.patch(
        path + HTML, json={"title": "Second!"}, headers={"If-Unmodified-Since": seen}, auth=RICK
    )

    assert response.status_code == 200


def test_copy_with_the_same_html_is_current(client: FlaskClient, path: str) -> None:
    known = tag(client, path + HTML, headers=HAL)

    response = client.get(path + HTML, headers={"If-None-Match": known, **HAL}, auth=RICK)

    assert response.status_code == 304
