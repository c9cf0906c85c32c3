"""One post, and who may do what with it: its author, an editor, others; and from when on."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import Clock, assert_problem, path_of, write_post
from tests.people import ANN, JOE, RICK

NOW = "2026-11-22T09:47:45.746058Z"
IN_AN_HOUR = "2026-11-22T10:47:45.746058Z"
TOMORROW = "2026-11-23T09:47:45.746058Z"
WRITES = [("PUT", {"title": "New", "body": "New"}), ("PATCH", {"title": "New"}), ("DELETE", None)]


def create(client: FlaskClient, **fields: Any) -> str:
    """Create a post of Rick; its path."""
    return path_of(write_post(client, **fields).headers["Location"])


@cases(("method", "sent"), WRITES)
@cases("caller", [None, ("rick", "wrong password"), ("nobody", "password")])
def test_writing_without_right_credentials_is_401(
    client: FlaskClient, caller: tuple[str, str] | None, method: str, sent: object
) -> None:
    path = create(client)

    response = client.open(path, method=method, json=sent, auth=caller)

    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"] == 'Basic realm="blog", charset="UTF-8"'
    assert client.get(path).json["title"] == "First!"


@cases(("method", "sent"), WRITES)
def test_writing_the_post_of_someone_else_is_403(
    client: FlaskClient, method: str, sent: object
) -> None:
    path = create(client)

    response = client.open(path, method=method, json=sent, auth=JOE)

    assert_problem(response, 403)
    assert client.get(path).json["title"] == "First!"


@cases("fields", [{"status": "draft"}, {"postedDate": TOMORROW}])
@cases(("method", "sent"), [*WRITES, ("GET", None)])
def test_hidden_post_of_someone_else_is_404_as_if_it_were_not_there(
    client: FlaskClient, fields: dict[str, str], method: str, sent: object
) -> None:
    path = create(client, **fields)
    missing = path[:-1] + ("0" if path[-1] != "0" else "1")
    expected = assert_problem(client.open(missing, method=method, json=sent, auth=JOE), 404)

    problem = assert_problem(client.open(path, method=method, json=sent, auth=JOE), 404)

    assert problem["detail"].replace(path[6:], missing[6:]) == expected["detail"]
    assert client.get(path, auth=RICK).json["title"] == "First!"


@cases("fields", [{}, {"status": "draft"}, {"postedDate": TOMORROW}])
@cases(("method", "sent"), WRITES[:2])
def test_editor_changes_the_post_of_anyone_and_its_author_stays(
    client: FlaskClient, fields: dict[str, str], method: str, sent: object
) -> None:
    path = create(client, **fields)

    response = client.open(path, method=method, json=sent, auth=ANN)

    assert response.status_code == 200
    post = client.get(path, auth=RICK).json
    assert (post["title"], post["authorName"]) == ("New", "rick")


@cases("fields", [{}, {"status": "draft"}, {"postedDate": TOMORROW}])
@cases("caller", [RICK, ANN])
def test_author_and_editor_can_delete_a_post(
    client: FlaskClient, caller: tuple[str, str], fields: dict[str, str]
) -> None:
    path = create(client, **fields)

    response = client.delete(path, auth=caller)

    assert response.status_code == 204
    assert_problem(client.get(path, auth=caller), 404)


def test_author_cannot_change_the_post_of_an_editor(client: FlaskClient) -> None:
    path = create(client, auth=ANN)

    response = client.patch(path, json={"title": "New"}, auth=RICK)

    assert_problem(response, 403)


def test_draft_has_no_posted_date_until_it_is_published(client: FlaskClient, clock: Clock) -> None:
    path = create(client, status="draft")
    clock.advance(hours=1)

    published = client.patch(path, json={"status": "published"}, auth=RICK)

    assert published.json["postedDate"] == IN_AN_HOUR
    assert client.get(path).status_code == 200


def test_editing_a_draft_gives_it_no_posted_date(client: FlaskClient, clock: Clock) -> None:
    path = create(client, status="draft")
    clock.advance(hours=1)

    edited = client.patch(path, json={"title": "New"}, auth=RICK)

    assert edited.json["postedDate"] is None
    assert edited.json["updatedDate"] == IN_AN_HOUR


def test_put_without_a_status_publishes_a_draft(client: FlaskClient, clock: Clock) -> None:
    path = create(client, status="draft")
    clock.advance(hours=1)

    client.put(path, json={"title": "New", "body": "New"}, auth=RICK)

    post = client.get(path).json
    assert (post["status"], post["postedDate"]) == ("published", IN_AN_HOUR)


def test_draft_is_published_with_the_date_that_it_has(client: FlaskClient, clock: Clock) -> None:
    path = create(client, status="draft", postedDate="2001-01-01T00:00:00Z")
    clock.advance(hours=1)

    published = client.patch(path, json={"status": "published"}, auth=RICK)

    assert published.json["postedDate"] == "2001-01-01T00:00:00.000000Z"


def test_posted_date_outlives_a_time_as_a_draft(client: FlaskClient, clock: Clock) -> None:
    path = create(client)
    clock.advance(hours=1)

    drafted = client.patch(path, json={"status": "draft"}, auth=RICK)
    published = client.patch(path, json={"status": "published"}, auth=RICK)

    assert drafted.json["postedDate"] == NOW
    assert published.json["postedDate"] == NOW


def test_draft_with_a_date_ahead_is_scheduled_by_publishing_it(
    client: FlaskClient, clock: Clock
) -> None:
    path = create(client, status="draft", postedDate=TOMORROW)
    client.patch(path, json={"status": "published"}, auth=RICK)
    before = client.get(path).status_code

    clock.advance(days=1)

    assert before == 404
    assert client.get(path).status_code == 200


def test_scheduled_post_is_due_without_any_write(client: FlaskClient, clock: Clock) -> None:
    scheduled = write_post(client, postedDate=TOMORROW)
    path = path_of(scheduled.headers["Location"])
    clock.advance(days=1)

    due = client.get(path, auth=RICK)

    assert due.json == scheduled.json
    assert due.headers["ETag"] == scheduled.headers["ETag"]


def test_published_post_can_be_scheduled_again(client: FlaskClient) -> None:
    path = create(client)

    client.patch(path, json={"postedDate": TOMORROW}, auth=RICK)

    assert_problem(client.get(path), 404)
    assert client.get(path, auth=RICK).json["status"] == "published"


def test_post_that_was_hidden_meanwhile_is_404_for_others(client: FlaskClient) -> None:
    path = create(client)
    etag = client.get(path, auth=JOE).headers["ETag"]

    client.patch(path, json={"status": "draft"}, auth=RICK)

    assert_problem(client.get(path, auth=JOE, headers={"If-None-Match": etag}), 404)
    assert_problem(client.get(path, headers={"If-None-Match": etag}), 404)
