"""Sign-ins of tests, right and wrong, from several addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.people import RICK_PASSWORD
from tests.rivals import connected

WRONG = ("rick", "wrong password")
HOME, OFFICE, ELSEWHERE = "192.0.2.1", "192.0.2.2", "203.0.113.9"
# The default number of sign-ins that may fail.
MOST = 3

MakeClient = Callable[..., FlaskClient]


def sign_in(
    client: FlaskClient, auth: tuple[str, str] = RICK_PASSWORD, address: str = HOME, **options: Any
) -> TestResponse:
    """Request the root as an author, from an address."""
    return client.get("/", auth=auth, environ_overrides={"REMOTE_ADDR": address}, **options)


def guess(
    client: FlaskClient, auth: tuple[str, str] = WRONG, address: str = HOME, times: int = MOST
) -> None:
    """Sign in wrongly a number of times, and be verified each time."""
    for _ in range(times):
        assert sign_in(client, auth, address).status_code == 401


def guess_from_everywhere(client: FlaskClient, name: str = "rick") -> None:
    """Sign in wrongly as an author up to the limit, each time from another address."""
    for number in range(MOST):
        guess(client, (name, "wrong password"), f"203.0.113.{100 + number}", times=1)


def kept(url: str, table: str) -> list[tuple[Any, ...]]:
    """All rows of a table."""
    with connected(url) as rival:
        return rival.execute(f"SELECT * FROM {table}")
