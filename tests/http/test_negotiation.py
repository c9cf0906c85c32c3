"""Negotiation of the media type by Accept."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from blog.http.negotiation import choose
from tests.cases import cases
from tests.contract import assert_problem, path_of, write_post
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

JSON = "application/json"
HAL = "application/hal+json"


@cases(
    ("accept", "expected"),
    [
        ("", JSON),
        ("   ", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (HAL, HAL),
        ("APPLICATION/HAL+JSON", HAL),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
        # Quality decides,
        (f"{HAL};q=0.9, {JSON};q=0.8", HAL),
        (f"{HAL};q=0.8, {JSON};q=0.9", JSON),
        (f"{JSON};q=0.001, {HAL};q=0.002", HAL),
        (f"{HAL} ; q=0.2 , {JSON} ; q=0.1", HAL),
        (f"{HAL};q=0.5, */*;q=0.8", JSON),
        (f"{HAL};q=0.5, */*;q=0.1", HAL),
        # and of one type the most specific range has it,
        (f"*/*;q=0.5, {JSON};q=0.4", HAL),
        (f"application/*;q=0.1, {HAL};q=0.5, */*", HAL),
        (f"application/*;q=0, {HAL}", HAL),
        # and nothing with q=0 is sent.
        (f"{JSON};q=0, */*", HAL),
        (f"*/*;q=0.1, {JSON};q=0", HAL),
        (f"{JSON};q=0.000, application/*;q=0.1", HAL),
        # Parameters do not count.
        (f"{JSON}; charset=utf-8", JSON),
        (f'{HAL};profile="https://example.org/a,b"', HAL),
        (f"{JSON};version=1;q=0.1, {HAL};q=0.5", HAL),
        (f'{HAL};note="\\"";q=0.1, {JSON};q=0.5', JSON),
        # Of named types that are equally good, the first one is sent,
        (f"{HAL},{JSON}", HAL),
        (f"{JSON},{HAL}", JSON),
        (f"text/html, {HAL};q=0.7, {JSON};q=0.7, */*;q=0.1", HAL),
        # and what is named comes before what a range covers.
        (f"*/*, {HAL}", HAL),
        (f"application/*, {HAL}", HAL),
        ("text/*, application/*, */*", JSON),
        # Java's URLConnection: a weight without its zero, and one asterisk for all.
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", JSON),
        ("*", JSON),
        (f"{JSON};q=.2, {HAL};q=.3", HAL),
        (f"{JSON};q=0., {HAL};q=.001", HAL),
        (f'{JSON};q="0.2", {HAL};Q=0.3', HAL),
        (f"{JSON};q=0.1, {HAL};q=0.2, {JSON};q=0.3", JSON),
        (f"{JSON};q=0.3, {HAL};q=0.2, {JSON};q=0.1", JSON),
        # Empty members are none.
        (",", JSON),
        (f", ,{HAL},", HAL),
    ],
)
def test_accept_chooses_the_media_type(client: FlaskClient, accept: str, expected: str) -> None:
    response = client.get("/post", headers={"Accept": accept})

    assert (response.status_code, response.headers["Content-Type"]) == (200, expected)


@pytest.mark.parametrize(
    "weight", ["", "abc", "2", "1.1", "-1", "1.0000", "0.1234", ".", "1e-3", "0.5.5", "nan"]
)
def test_a_weight_that_can_not_be_read_is_ignored_for_its_member_alone(weight: str) -> None:
    assert choose(f"{HAL};q={weight}, {JSON};q=0.9", (JSON, HAL)) == HAL


def test_without_accept_the_response_is_json(client: FlaskClient) -> None:
    response = client.get("/post")

    assert (response.status_code, response.headers["Content-Type"]) == (200, JSON)


@cases(
    "accept",
    [
        "image/png",
        "text/*",
        "application/xml, text/plain;q=0.5",
        f"{JSON};q=0",
        f"{JSON};q=0, {HAL};q=0",
        "*/*;q=0",
        "application/*;q=0, */*",
        "nonsense",
        ";;;",
        f'"{JSON}"',
        f'text/plain;note="{JSON}, {HAL}, */*',
    ],
)
def test_nothing_acceptable_is_406_that_lists_what_there_is(
    client: FlaskClient, accept: str
) -> None:
    response = client.get("/post", headers={"Accept": accept})

    assert assert_problem(response, 406)["available"] == [JSON, HAL]


def test_a_post_with_an_unacceptable_response_is_not_stored(client: FlaskClient) -> None:
    written = {"title": "First!", "body": ""}
    response = client.post("/post", json=written, auth=RICK, headers={"Accept": "image/png"})

    assert_problem(response, 406)
    assert client.get("/post", auth=RICK).json["data"] == []


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_with_an_unacceptable_response_is_not_made(
    client: FlaskClient, method: str
) -> None:
    path = path_of(write_post(client).headers["Location"])
    written = {"title": "Second!", "body": ""}
    response = client.open(
        path, method=method, json=written, auth=RICK, headers={"Accept": "image/png"}
    )

    assert_problem(response, 406)
    assert client.get(path).json["title"] == "First!"


def test_a_write_has_a_response_of_the_accepted_type(client: FlaskClient) -> None:
    written = {"title": "First!", "body": ""}
    response = client.post("/post", json=written, auth=RICK, headers={"Accept": HAL})

    assert response.headers["Content-Type"] == HAL
    assert response.json["_links"]["self"] == {"href": response.headers["Location"]}


def test_a_problem_is_sent_whatever_is_accepted(client: FlaskClient) -> None:
    response = client.get("/nowhere", headers={"Accept": "image/png"})

    assert_problem(response, 404)
