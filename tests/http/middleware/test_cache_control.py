"""Cache-Control and Vary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.cases import cases
from tests.contract import path_of, write_post
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

WRITTEN = {"title": "First!", "body": ""}


def has_anything(client: FlaskClient, **credentials: Any) -> TestResponse:
    """Read the posts as a client that has stored a representation of them."""
    return client.get("/post", headers={"If-None-Match": "*"}, **credentials)


def changed(client: FlaskClient, method: str) -> TestResponse:
    """Change a post."""
    path = path_of(write_post(client).headers["Location"])
    body = None if method == "DELETE" else WRITTEN
    return client.open(path, method=method, json=body, auth=RICK)


@cases(
    ("ask", "status", "expected"),
    [
        (lambda c: c.get("/post"), 200, "public, no-cache"),
        (lambda c: c.head("/post"), 200, "public, no-cache"),
        (lambda c: has_anything(c), 304, "public, no-cache"),
        (lambda c: c.get("/post", auth=RICK), 200, "private, no-cache"),
        (lambda c: c.head("/post", auth=RICK), 200, "private, no-cache"),
        (lambda c: has_anything(c, auth=RICK), 304, "private, no-cache"),
        (lambda c: c.get("/nowhere"), 404, "no-store"),
        (lambda c: c.get("/post?limit=0"), 400, "no-store"),
        (lambda c: c.get("/", auth=("rick", "wrong")), 401, "no-store"),
        (lambda c: c.get("/", headers={"Accept": "image/png"}), 406, "no-store"),
        (lambda c: c.get("/post", headers={"If-Match": '"a"'}), 412, "no-store"),
        (lambda c: c.post("/post", json=WRITTEN, auth=RICK), 201, "no-store"),
        (lambda c: c.post("/post", json=WRITTEN), 401, "no-store"),
        (lambda c: changed(c, "PUT"), 200, "no-store"),
        (lambda c: changed(c, "PATCH"), 200, "no-store"),
        (lambda c: changed(c, "DELETE"), 204, "no-store"),
    ],
)
def test_cache_control(
    client: FlaskClient, ask: Callable[[FlaskClient], TestResponse], status: int, expected: str
) -> None:
    response = ask(client)

    assert response.status_code == status
    assert response.headers.getlist("Cache-Control") == [expected]
    assert response.headers.getlist("Vary") == ["Accept, Accept-Encoding, Authorization"]


def test_an_author_sees_at_once_what_they_wrote(client: FlaskClient) -> None:
    before = client.get("/post", auth=RICK).headers["ETag"]
    write_post(client, status="draft")
    response = client.get("/post", auth=RICK, headers={"If-None-Match": before})

    assert (response.status_code, len(response.json["data"])) == (200, 1)
