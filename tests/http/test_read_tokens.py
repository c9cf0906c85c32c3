"""Access tokens with the scope `read`: what they open, and what they do not."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from blog.database.database import Database
from tests.contract import assert_problem, create, path_of
from tests.people import ANN, RICK, RICK_PASSWORD
from tests.tokens import WRITES, issue, me


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_write_with_a_read_token_is_403_that_says_so(
    client: FlaskClient, database: Database, method: str, path: str, body: object
) -> None:
    post = create(client)
    before = client.get("/change", auth=ANN).json, client.get("/author/rick").json
    auth = issue(database, scope="read")
    response = client.open(path.format(post=post), method=method, json=body, auth=auth)

    assert assert_problem(response, 403)["detail"] == "this access token may only read"
    assert "WWW-Authenticate" not in response.headers
    assert (client.get("/change", auth=ANN).json, client.get("/author/rick").json) == before


def test_a_read_token_reads_all_that_its_author_may(
    client: FlaskClient, database: Database
) -> None:
    draft = create(client, status="draft")
    auth = issue(database, scope="read")
    paths = (draft, f"{draft}/revision", f"{draft}/revision/1", "/post?status=draft", "/")

    statuses = [client.get(path, auth=auth).status_code for path in paths]
    listed = client.get("/post?status=draft", auth=auth).json["data"]

    assert statuses == [200] * len(paths)
    assert [path_of(post["_links"]["self"]) for post in listed] == [draft]
    assert me(client, auth) == "rick"


def test_a_read_token_of_an_editor_reads_the_drafts_of_others(
    client: FlaskClient, database: Database
) -> None:
    draft = create(client, status="draft")

    assert client.get(draft, auth=issue(database, "ann", scope="read")).status_code == 200


@pytest.mark.parametrize("accept", ["application/json", "application/hal+json"])
def test_a_post_shown_to_a_read_token_leads_to_its_history_and_to_no_edit(
    client: FlaskClient, database: Database, accept: str
) -> None:
    path, headers = create(client), {"Accept": accept}
    reader = client.get(path, auth=issue(database, scope="read"), headers=headers)
    writer = client.get(path, auth=issue(database, label="other"), headers=headers)

    assert writer.json["_links"].keys() - reader.json["_links"].keys() == {"edit"}
    assert 'rel="edit"' in writer.headers["Link"]
    assert 'rel="edit"' not in reader.headers["Link"]


def test_a_tag_that_a_read_token_was_shown_holds_for_a_write(
    client: FlaskClient, database: Database
) -> None:
    path = create(client)
    seen = client.get(path, auth=issue(database, scope="read")).headers["ETag"]
    own = client.get(path, auth=RICK).headers["ETag"]
    response = client.patch(path, json={"title": "New"}, auth=RICK, headers={"If-Match": seen})

    assert seen != own
    assert response.status_code == 200


def test_password_and_tokens_of_an_author_share_their_cursors(
    client: FlaskClient, database: Database
) -> None:
    create(client, status="draft")
    ways = [RICK_PASSWORD, issue(database), issue(database, label="reader", scope="read")]
    cursors = [path_of(client.get("/change", auth=auth).json["_links"]["next"]) for auth in ways]

    answers = [client.get(cursors[0], auth=auth).status_code for auth in ways]

    assert len(set(cursors)) == 1
    assert answers == [200, 200, 200]
