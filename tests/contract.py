"""Assertions of whole contracts, and short ways to arrange what a test needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.people import RICK

# What a client can write of a post, none of it a default.
WRITTEN: dict[str, Any] = {
    "title": "First!",
    "body": "<b>Hi</b>",
    "format": "html",
    "summary": "Short.",
    "tags": ["Web", "python"],
    "status": "draft",
    "slug": "chosen",
    "postedDate": "2026-01-01T00:00:00.000000Z",
}
# The post that `write_post` makes, without its links, at the time at which the clock begins.
FIRST_POST: dict[str, Any] = {
    "title": "First!",
    "body": "First post!",
    "format": "markdown",
    "summary": None,
    "tags": [],
    "status": "published",
    "slug": "first",
    "postedDate": "2026-11-22T09:47:45.746058Z",
    "updatedDate": "2026-11-22T09:47:45.746058Z",
    "authorName": "rick",
}
# The profile of an author who has written none, as anyone sees it.
NEW_PROFILE: dict[str, Any] = {
    "_links": {
        "self": "http://localhost/author/rick",
        "authors": "http://localhost/author",
        "posts": "http://localhost/post?author=rick",
    },
    "name": "rick",
    "displayName": None,
    "bio": None,
    "url": None,
    "updatedDate": "2026-11-22T09:47:45.746058Z",
}


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 9, 47, 45, 746058, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        """Let time pass: ``seconds=1``, ``days=2`` …"""
        self.now += timedelta(**duration)


def assert_problem(response: TestResponse, status: int) -> dict[str, Any]:
    """Assert that the answer is a whole problem document (RFC 9457) and give it."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    assert response.headers["Vary"] == "Accept, Accept-Encoding, Authorization"
    assert response.headers["Cache-Control"] == "no-store"
    problem = response.get_json(force=True)
    assert {"type", "title", "status", "detail", "instance"} <= problem.keys()
    assert problem["status"] == status
    return problem


def headers_of(response: TestResponse) -> dict[str, str]:
    """The header fields of an answer, but for the id that each request has of its own."""
    return {name: value for name, value in response.headers.items() if name != "X-Request-Id"}


def faults(response: TestResponse, status: int) -> dict[str, str]:
    """Assert a problem with a list of faults; give where each is and what it says."""
    errors = assert_problem(response, status)["errors"]
    return {fault.get("pointer", fault.get("parameter")): fault["detail"] for fault in errors}


def write_post(client: FlaskClient, auth: tuple[str, str] = RICK, **fields: Any) -> TestResponse:
    """Create a post over HTTP, with a title and body unless given; assert that it was created."""
    written = {"title": "First!", "body": "First post!", **fields}
    response = client.post("/post", json=written, auth=auth)
    assert response.status_code == 201, response.text
    return response


def path_of(url: str) -> str:
    """The part of an absolute URL of the blog that the test client takes."""
    return url.removeprefix("http://localhost")


def create(client: FlaskClient, **fields: Any) -> str:
    """Create a post of Rick; its path."""
    return path_of(write_post(client, **fields).headers["Location"])


def read(client: FlaskClient, path: str) -> dict[str, Any]:
    """The post as its author sees it, without its links."""
    post: dict[str, Any] = client.get(path, auth=RICK).json
    del post["_links"]
    return post
