"""Cursors of changes whose history is no more: a backup was restored, or commits were lost."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.contract import Clock, create, faults, path_of
from tests.rivals import change


def end_of(client: FlaskClient) -> str:
    """Where a follower who has been told everything goes on."""
    return path_of(client.get("/change?limit=100").json["_links"]["next"])


def lose(database_url: str) -> None:
    """Take away the newest version and all that is known of its post, as an older backup does."""
    newest = "(SELECT post_id FROM revision ORDER BY sequence DESC LIMIT 1)"
    change(
        database_url,
        f"DELETE FROM post WHERE id = {newest}",
        "DELETE FROM revision WHERE sequence = (SELECT max(sequence) FROM revision)",
    )


def test_a_cursor_whose_commit_is_another_now_is_400(
    client: FlaskClient, database_url: str, clock: Clock
) -> None:
    create(client)
    create(client)
    next_path = end_of(client)
    lose(database_url)
    clock.advance(seconds=1)
    create(client)

    response = client.get(next_path)
    assert "replaced by another" in faults(response, 400)["after"]
    assert response.get_json(force=True)["type"].endswith("/documentation/problems#dead-cursor")


def test_a_cursor_beyond_all_that_there_is_is_400(client: FlaskClient, database_url: str) -> None:
    create(client)
    next_path = end_of(client)
    lose(database_url)

    assert "replaced by another" in faults(client.get(next_path), 400)["after"]
