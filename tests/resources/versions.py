"""The versions of a post, made and read as a client does."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.people import ANN, RICK

Auth = tuple[str, str] | None


def change(client: FlaskClient, path: str, **fields: Any) -> None:
    """Make a new version of a post."""
    assert client.patch(path, json=fields, auth=RICK).status_code == 200


def version(client: FlaskClient, path: str, number: int) -> dict[str, Any]:
    """A version of a post of Rick."""
    found: dict[str, Any] = client.get(f"{path}/revision/{number}", auth=RICK).json
    return found


def send_restore(
    client: FlaskClient, path: str, number: object = 1, auth: Auth = RICK, **headers: str
) -> TestResponse:
    """Ask for a version of a post again, with headers such as ``if_match=…``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"{path}/revision", json={"restore": number}, auth=auth, headers=named)


def numbers(client: FlaskClient, path: str) -> list[int]:
    """The versions that there are, the newest first."""
    return [item["version"] for item in client.get(f"{path}/revision", auth=ANN).json["data"]]


def restore(client: FlaskClient, path: str, number: int) -> None:
    """Make a version of a post current again."""
    assert send_restore(client, path, number).status_code == 201
