"""Idempotency-Key: a repeated request gets the first response and has no second effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from blog.database.database import Database
from blog.http.application import Application
from blog.storage.idempotency import LIFETIME
from blog.storage.tables import idempotency_key
from tests.cases import cases
from tests.contract import Clock, assert_problem, create, path_of
from tests.people import ANN, JOE, RICK, RICK_PASSWORD
from tests.rivals import after_statement, change, connected
from tests.servers.serving import TIMEOUT, add_author, serve

POST: Mapping[str, Any] = {"title": "First!", "body": "*First* post!", "tags": ["a"]}
OTHER: Mapping[str, Any] = {**POST, "title": "Second!"}
HEADER = "Idempotency-Key"
MINIMAL, HAL = {"Prefer": "return=minimal"}, {"Accept": "application/hal+json"}
CLIENTS = 8
EDIT = {"title": "Edited", "slug": "edited", "status": "draft", "tags": []}
LATER = [("GET", None), ("PATCH", EDIT), ("DELETE", None)]
LONG = "k" * 256
UNUSABLE = [
    "", " \t ", '"', '"abc', '""', '" \x1f"', LONG, f'"{LONG}"', "a\x01b",
    "a\tb", "a\x7fb", "é", "Ã©",
]  # fmt: skip


def send(
    client: FlaskClient,
    key: str | None = "key",
    body: object = POST,
    path: str = "/post",
    auth: tuple[str, str] = RICK,
    headers: Mapping[str, str] | None = None,
) -> TestResponse:
    """Send a POST with a key."""
    named = {} if key is None else {HEADER: key}
    return client.post(path, json=body, auth=auth, headers={**named, **(headers or {})})


def send_restore(client: FlaskClient, path: str, key: str = "key", **options: Any) -> TestResponse:
    """Restore the first version of a post, with a key."""
    return send(client, key, {"restore": 1}, f"{path}/revision", **options)


def same(response: TestResponse) -> Sequence[object]:
    """The part of a response that is the same for a repeated request."""
    kept = ("Location", "ETag", "Last-Modified", "Content-Type", "Content-Location")
    return response.status_code, response.data, *(response.headers.get(name) for name in kept)


def stored(client: FlaskClient) -> list[str]:
    """The titles of all posts, sorted."""
    return sorted(post["title"] for post in client.get("/post?limit=100", auth=ANN).json["data"])


def keys(database: Database) -> list[str]:
    """The stored keys, sorted."""
    with database.session() as session:
        return sorted(session.reading().scalars(select(idempotency_key.c.key)))


def versions(client: FlaskClient, path: str) -> int:
    """The number of versions of a post."""
    return len(client.get(f"{path}/revision?limit=100", auth=ANN).json["data"])


def at_once(act: Callable[[], Any]) -> list[Any]:
    """Call it in several threads at the same time; return the results."""
    together = Barrier(CLIENTS, timeout=TIMEOUT)
    with ThreadPoolExecutor(CLIENTS) as pool:
        tasks = [pool.submit(lambda: (together.wait(), act())[1]) for _ in range(CLIENTS)]
        return [task.result() for task in tasks]


def signed_in(app: Application) -> Application:
    """An application that has cached Rick's password."""
    app.test_client().get("/", auth=RICK)
    return app


@pytest.fixture
def edited(client: FlaskClient) -> str:
    """The path of a post of Rick with two versions."""
    path = create(client, **{**POST, "title": "Old"})
    client.patch(path, json={"body": "Edited."}, auth=RICK)
    return path


@pytest.mark.parametrize(("method", "body"), LATER)
@pytest.mark.parametrize("headers", [{}, MINIMAL, HAL], ids=["whole", "minimal", "hal"])
@pytest.mark.parametrize("status", ["published", "draft"])
def test_a_repeated_creation_gets_the_first_response(
    client: FlaskClient, clock: Clock, status: str, headers: Any, method: str, body: object
) -> None:
    written = {**POST, "status": status}
    first = send(client, body=written, headers=headers)
    clock.advance(hours=1)
    client.open(path_of(first.headers["Location"]), method=method, json=body, auth=RICK)
    before = stored(client)

    assert (first.status_code, not first.data) == (201, headers == MINIMAL)
    assert same(send(client, body=written, headers=headers)) == same(first)
    assert stored(client) == before


@pytest.mark.parametrize(("method", "body"), LATER)
def test_a_repeated_restore_gets_the_first_response(
    client: FlaskClient, clock: Clock, edited: str, method: str, body: object
) -> None:
    # What the precondition asks holds before the first request only.
    seen = {"If-Match": client.get(edited).headers["ETag"]}
    first = send_restore(client, edited, headers=seen)
    clock.advance(hours=1)
    client.open(edited, method=method, json=body, auth=RICK)
    before = versions(client, edited)

    assert first.status_code == 201
    assert same(send_restore(client, edited, headers=seen)) == same(first)
    assert versions(client, edited) == before


def test_a_repeated_restore_that_had_nothing_to_do_does_nothing(
    client: FlaskClient, edited: str
) -> None:
    body, path = {"restore": 2}, f"{edited}/revision"
    first = send(client, body=body, path=path)
    client.patch(edited, json={"title": "Edited"}, auth=RICK)

    assert (first.status_code, send(client, body=body, path=path).status_code) == (200, 200)
    assert client.get(edited).json["title"] == "Edited"


@pytest.mark.parametrize(("query", "headers"), [("", MINIMAL), ("", HAL), ("?fields=bodyHtml", {})])
def test_a_repetition_may_want_another_representation(
    client: FlaskClient, query: str, headers: Mapping[str, str]
) -> None:
    first = send(client)
    path = path_of(first.headers["Location"])
    seen = client.get(f"{path}{query}", auth=RICK, headers=headers)
    client.patch(path, json={"body": "Edited."}, auth=RICK)
    again = send(client, path=f"/post{query}", headers=headers)

    assert (again.status_code, again.headers["Location"]) == (201, first.headers["Location"])
    assert again.headers["ETag"] == seen.headers["ETag"]
    assert again.data == (b"" if headers == MINIMAL else seen.data)


@cases(
    ("body", "headers"),
    [(OTHER, {}), (POST, {"Content-Type": "application/hal+json"})],
    ids=["body", "type"],
)
def test_a_key_with_another_request_is_422(
    client: FlaskClient, body: object, headers: Mapping[str, str]
) -> None:
    first = send(client)
    (fault,) = assert_problem(send(client, body=body, headers=headers), 422)["errors"]

    assert fault["header"] == HEADER
    assert same(send(client)) == same(first)
    assert stored(client) == ["First!"]


def test_a_key_of_another_path_is_422(client: FlaskClient, edited: str) -> None:
    other = create(client, **OTHER)
    client.patch(other, json={"body": "Edited."}, auth=RICK)
    first, second = (send_restore(client, path) for path in (edited, other))

    assert first.status_code == 201
    assert_problem(second, 422)
    assert versions(client, other) == 2


def test_authors_have_keys_of_their_own(client: FlaskClient) -> None:
    first, second = send(client), send(client, auth=JOE)

    assert (second.status_code, second.json["authorName"]) == (201, "joe")
    assert same(send(client)) == same(first)


def test_different_keys_make_different_posts(client: FlaskClient) -> None:
    different = ("key", "KEY", "k ey", r"a\\b", r'"a\\b"', "ab", None, None)
    locations = {send(client, key).headers["Location"] for key in different}

    assert len(locations) == len(different)


@cases("key", UNUSABLE)
def test_a_key_that_can_not_be_used_is_400(client: FlaskClient, edited: str, key: str) -> None:
    answers = send(client, key), send_restore(client, edited, key)
    faults = [assert_problem(answer, 400)["errors"] for answer in answers]

    assert [[fault["header"] for fault in each] for each in faults] == [[HEADER], [HEADER]]
    assert (stored(client), versions(client, edited)) == (["Old"], 2)


@cases(
    ("key", "alike"),
    [
        ("abc", '"abc"'),
        ("abc", " abc\t"),
        ("a b", '"a b"'),
        ('a"b', r'"a\"b"'),
        (r"a\b", r'"a\\b"'),
        (r"a\"b", r'"a\\\"b"'),
        ("k" * 255, f'"{"k" * 255}"'),
    ],
)
def test_a_quoted_key_is_the_same_key(client: FlaskClient, key: str, alike: str) -> None:
    first = send(client, key)

    assert first.status_code == 201
    assert same(send(client, alike)) == same(first)


def test_a_key_holds_for_24_hours_whatever_comes(client: FlaskClient, clock: Clock) -> None:
    first = send(client)
    clock.now += timedelta(hours=24, microseconds=-1)
    for number in range(15):
        send(client, f"{number}")

    assert same(send(client)) == same(first)


@pytest.mark.parametrize("body", [POST, OTHER], ids=["same", "another"])
def test_a_key_that_has_expired_can_be_used_for_any_request(
    client: FlaskClient, clock: Clock, body: object
) -> None:
    first = send(client)
    clock.advance(hours=23)
    # This does not make it hold longer.
    send(client)
    clock.now += timedelta(hours=1, microseconds=1)
    second = send(client, body=body)

    assert second.status_code == 201
    assert second.headers["Location"] != first.headers["Location"]
    assert same(send(client, body=body)) == same(second)


def test_expired_keys_get_fewer_with_each_new_one(
    client: FlaskClient, clock: Clock, database: Database
) -> None:
    for number in range(25):
        send(client, f"old {number:02}")
        clock.advance(seconds=1)
    clock.now += LIFETIME
    left = []
    # The first new one is among those that have expired last.
    for key in ("old 24", "new 1", "new 2"):
        send(client, key)
        left.append(len(keys(database)))

    assert left == sorted(left, reverse=True)
    assert keys(database) == ["new 1", "new 2", "old 24"]


@pytest.mark.parametrize(
    ("body", "expected"), [({"title": "No body"}, 422), ({**POST, "slug": "old"}, 409)]
)
def test_a_refused_request_stores_no_key(
    client: FlaskClient, edited: str, database: Database, body: object, expected: int
) -> None:
    assert_problem(send(client, body=body), expected)

    assert keys(database) == []
    assert send(client).status_code == 201


@pytest.mark.parametrize("key", ["key", "", "clé"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_methods_that_may_be_repeated_anyway_ignore_the_header(
    client: FlaskClient, database: Database, method: str, key: str
) -> None:
    path = path_of(send(client).headers["Location"])
    body = None if method == "DELETE" else OTHER
    response = client.open(path, method=method, json=body, auth=RICK, headers={HEADER: key})

    assert response.status_code == (204 if method == "DELETE" else 200)
    assert stored(client) == ([] if method == "DELETE" else ["Second!"])
    assert keys(database) == ["key"]


def test_a_request_that_failed_stores_no_key(
    make_app: Callable[..., Application], database: Database, database_url: str
) -> None:
    client = make_app(database_lock_timeout=0.2).test_client()
    with connected(database_url) as rival:
        rival.begin_writing()
        assert_problem(send(client), 503)
        rival.commit()

    assert (stored(client), keys(database)) == ([], [])
    assert send(client).status_code == 201


def test_a_key_that_can_not_be_stored_undoes_the_post(
    client: FlaskClient, database: Database, database_url: str
) -> None:
    first = send(client, "first")
    # The post is written before the key, which this refuses.
    change(database_url, "CREATE UNIQUE INDEX one_each ON idempotency_key (author_name)")
    assert_problem(send(client), 500)
    before = (stored(client), keys(database))
    change(database_url, "DROP INDEX one_each")

    assert before == (["First!"], ["first"])
    assert send(client).headers["Location"] != first.headers["Location"]
    assert (stored(client), keys(database)) == (["First!", "First!"], ["first", "key"])


@pytest.mark.parametrize("slug", [None, "chosen"])
def test_a_creation_sent_several_times_at_once_makes_one_post(
    make_app: Callable[..., Application], slug: str | None
) -> None:
    app = signed_in(make_app(database_connections=CLIENTS))
    answers = at_once(lambda: send(app.test_client(), body={**POST, "slug": slug}))

    assert [answer.status_code for answer in answers] == [201] * CLIENTS
    assert len({same(answer) for answer in answers}) == 1
    assert stored(app.test_client()) == ["First!"]


@pytest.mark.parametrize("deleted", [False, True], ids=["living", "deleted"])
def test_a_restore_sent_several_times_at_once_makes_one_version(
    make_app: Callable[..., Application], client: FlaskClient, edited: str, deleted: bool
) -> None:
    app = signed_in(make_app(database_connections=CLIENTS))
    if deleted:
        client.delete(edited, auth=RICK)
    before = versions(client, edited)
    answers = at_once(lambda: send_restore(app.test_client(), edited))

    assert [answer.status_code for answer in answers] == [201] * CLIENTS
    assert len({same(answer) for answer in answers}) == 1
    assert versions(client, edited) == before + 1


@pytest.mark.slow
@pytest.mark.parametrize("slug", [None, "chosen"])
def test_the_same_creation_between_any_two_statements_of_the_first_makes_no_second_post(
    make_app: Callable[..., Application], slug: str | None
) -> None:
    ours, theirs = (make_app(database_lock_timeout=0.2) for _ in range(2))
    outcomes = {}
    # No such request takes more statements.
    for number in range(1, 24):
        title = f"Post {number}"
        body = {**POST, "title": title, "slug": slug and f"{slug}-{number}"}
        with after_statement(ours, number, partial(send, theirs.test_client(), title, body)):
            answer = send(ours.test_client(), title, body)
        outcomes[number] = answer.status_code, stored(ours.test_client()).count(title)

    assert set(outcomes.values()) == {(201, 1)}, outcomes


@pytest.mark.long
@pytest.mark.parametrize("key", ["key", None])
def test_workers_share_keys(tmp_path: Path, empty_url: str, key: str | None) -> None:
    env = {"BLOG_DATABASE_URL": empty_url}
    add_author(tmp_path, env=env)
    headers = {} if key is None else {HEADER: key}
    with serve(tmp_path, "--workers", "2", env=env) as server:
        post = partial(
            requests.post, f"{server.url}/post", json=POST, auth=RICK_PASSWORD, headers=headers
        )
        answers = at_once(post)
        listed = requests.get(f"{server.url}/post", timeout=TIMEOUT).json()["data"]

    assert [answer.status_code for answer in answers] == [201] * CLIENTS
    assert len({answer.headers["Location"] for answer in answers}) == len(listed)
    assert len(listed) == (1 if key else CLIENTS)
