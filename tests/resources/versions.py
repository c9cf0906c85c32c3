"""The versions of a post, made and read as a client does."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from tests.people import RICK


def change(client: FlaskClient, path: str, **fields: Any) -> None:
    """Make a new version of a post."""
    assert client.patch(path, json=fields, auth=RICK).status_code == 200


def restore(client: FlaskClient, path: str, number: int) -> None:
    """Make a version of a post current again."""
    response = client.post(f"{path}/revision", json={"restore": number}, auth=RICK)
    assert response.status_code == 201


def version(client: FlaskClient, path: str, number: int) -> dict[str, Any]:
    """A version of a post of Rick."""
    found: dict[str, Any] = client.get(f"{path}/revision/{number}", auth=RICK).json
    return found
