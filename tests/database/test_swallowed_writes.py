"""A trigger of others that swallows a write: nothing is acknowledged, and no caller is blamed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient

from blog.database.database import Database
from tests.contract import assert_problem, path_of, write_post
from tests.maintenance.damages import SWALLOWING
from tests.people import RICK
from tests.rivals import change

# What takes a row away as soon as it is written.
UNDO = {
    "sqlite": "CREATE TRIGGER undo AFTER {} ON post BEGIN DELETE FROM post; END",
    "postgresql": "CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN DELETE FROM post; RETURN NULL; END'; CREATE TRIGGER undo AFTER {} ON post "
    "FOR EACH ROW EXECUTE FUNCTION undo()",
}


@pytest.mark.parametrize(
    ("triggers", "event", "method"),
    [
        (SWALLOWING, "INSERT", "POST"),
        (SWALLOWING, "UPDATE", "PUT"),
        (SWALLOWING, "DELETE", "DELETE"),
        (UNDO, "INSERT", "POST"),
        (UNDO, "UPDATE", "PUT"),
    ],
)
def test_a_write_that_is_swallowed_is_503(
    client: FlaskClient,
    database: Database,
    database_url: str,
    triggers: Mapping[str, str],
    event: str,
    method: str,
) -> None:
    path = path_of(write_post(client).headers["Location"])
    change(database_url, triggers[database.engine.dialect.name].format(event))
    written = None if method == "DELETE" else {"title": "Swallowed", "body": ""}
    place = "/post" if method == "POST" else path

    assert_problem(client.open(place, method=method, json=written, auth=RICK), 503)
    assert len(client.get("/post").json["data"]) == 1
