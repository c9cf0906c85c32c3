"""Restores with a key: whatever else happens to the post, the key stands for one outcome."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blog.database.database import Database
from blog.http.application import Application
from blog.maintenance import integrity
from blog.storage import accounts
from tests.contract import create
from tests.people import ANN, RICK
from tests.rivals import after_statement

# No such request takes more statements.
STATEMENTS = range(1, 22)


def restore(
    client: FlaskClient, path: str, number: int, key: str = "key", auth: tuple[str, str] = RICK
) -> TestResponse:
    """Restore a version under a key."""
    headers = {"Idempotency-Key": key}
    return client.post(f"{path}/revision", json={"restore": number}, headers=headers, auth=auth)


@pytest.fixture
def displaced(client: FlaskClient) -> str:
    """A post whose first slug is another one's by now, and that has a derived one in its place."""
    path = create(client, title="First")
    client.patch(path, json={"slug": "other"}, auth=RICK)
    create(client, title="First")
    client.post(f"{path}/revision", json={"restore": 1}, auth=RICK)
    return path


def test_a_slug_that_is_derived_as_it_is_already_is_no_new_version(
    client: FlaskClient, displaced: str
) -> None:
    first = restore(client, displaced, 1)
    client.patch(displaced, json={"title": "Newer"}, auth=RICK)

    assert (first.status_code, restore(client, displaced, 1).status_code) == (200, 200)
    assert client.get(displaced).json["title"] == "Newer"


def test_a_key_goes_with_the_account_of_who_never_wrote(
    client: FlaskClient, database: Database
) -> None:
    assert restore(client, create(client), 1, auth=ANN).status_code == 200

    with database.session() as session:
        assert accounts.remove(session, "ann", force=True) == "deleted"


@pytest.mark.long
@pytest.mark.parametrize(
    ("rival", "number", "deleted"),
    [
        ("the same", 1, True),
        ("the same", 1, False),
        ("the same", 2, False),
        ("edit", 1, False),
        ("edit", 2, False),
        ("delete", 1, False),
    ],
)
def test_a_rival_after_any_statement_of_it_does_no_harm(
    make_app: Callable[..., Application], database: Database, rival: str, number: int, deleted: bool
) -> None:
    ours, theirs = (make_app(database_lock_timeout=0.2) for _ in range(2))
    client, other = ours.test_client(), theirs.test_client()
    acts: dict[str, Callable[[str], TestResponse]] = {
        "the same": lambda path: restore(other, path, number, path),
        "edit": lambda path: other.patch(path, json={"title": "Theirs"}, auth=RICK),
        "delete": lambda path: other.delete(path, auth=RICK),
    }
    statuses = set()
    for statement in STATEMENTS:
        path = create(client, title=f"Post {statement}")
        client.patch(path, json={"body": "Edited."}, auth=RICK)
        if deleted:
            client.delete(path, auth=RICK)
        with after_statement(ours, statement, partial(acts[rival], path)):
            answer = restore(client, path, number, path)
        again = restore(client, path, number, path)
        statuses |= {answer.status_code, again.status_code}

        assert again.data == answer.data
    assert statuses <= {200, 201}
    assert integrity.faults(database) == []
