"""Access tokens for tests, as the credentials that they are sent in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask.testing import FlaskClient

from blog.content.tokens import digest, new_secret
from blog.database.database import Database
from blog.storage import tokens
from blog.storage.tokens import AccessToken
from tests.contract import Clock
from tests.people import LABEL

NOW = Clock().now
# Requests that write, of which some are for a post.
WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/post", {"title": "New", "body": "New"}),
    ("PUT", "{post}", {"title": "New", "body": "New"}),
    ("PATCH", "{post}", {"title": "New"}),
    ("DELETE", "{post}", None),
    ("POST", "{post}/revision", {"restore": 1}),
    ("PATCH", "/author/rick", {"bio": "New"}),
]


def issue(
    database: Database,
    name: str = "rick",
    label: str = "bot",
    scope: Any = "write",
    expiry: datetime | None = None,
) -> tuple[str, str]:
    """Make a token of an author; give the name and the secret."""
    secret = new_secret()
    with database.session() as session:
        tokens.add(session, name, AccessToken(label, scope, NOW, expiry), digest(secret))
    return name, secret


def revoke(database: Database, name: str = "rick", label: str = "bot") -> None:
    """Take a token away."""
    with database.session() as session:
        tokens.revoke(session, name, label)


def kept(database: Database, name: str = "rick") -> list[AccessToken]:
    """The tokens that an author has, without the one that each has from the beginning."""
    with database.session() as session:
        return [token for token in tokens.find_all(session, name) if token.label != LABEL]


def me(client: FlaskClient, auth: tuple[str, str]) -> str | None:
    """Whose request it was, as the root tells its caller; None where the sign-in failed."""
    response = client.get("/", auth=auth)
    if response.status_code == 401:
        return None
    assert response.status_code == 200, response.text
    return str(response.json["_links"]["me"]).rpartition("/")[2]
