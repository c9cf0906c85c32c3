"""Guessers: how tests sign in, rightly and wrongly, from here and from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.people import RICK
from tests.rivals import connected

WRONG = ("rick", "wrong password")
HOME, OFFICE, ELSEWHERE = "192.0.2.1", "192.0.2.2", "203.0.113.9"
# How many sign-ins may fail, where a test does not say.
MOST = 3

MakeClient = Callable[..., FlaskClient]


def sign_in(
    client: FlaskClient, auth: tuple[str, str] = RICK, address: str = HOME, **options: Any
) -> TestResponse:
    """Ask for the root, as somebody and from somewhere."""
    return client.get("/", auth=auth, environ_overrides={"REMOTE_ADDR": address}, **options)


def guess(
    client: FlaskClient, auth: tuple[str, str] = WRONG, address: str = HOME, times: int = MOST
) -> None:
    """Sign in wrongly, so often, and be heard each time."""
    for _ in range(times):
        assert sign_in(client, auth, address).status_code == 401


def guess_from_everywhere(client: FlaskClient, name: str = "rick") -> None:
    """Sign in wrongly as an author until no more is heard, each time from another address."""
    for number in range(MOST):
        guess(client, (name, "wrong password"), f"203.0.113.{100 + number}", times=1)


def kept(url: str, table: str) -> list[tuple[Any, ...]]:
    """All that is in a table."""
    with connected(url) as rival:
        return rival.execute(f"SELECT * FROM {table}")
