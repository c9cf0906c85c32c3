"""A PostgreSQL server that fails amid a request: nothing is lost, done twice or claimed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url
from werkzeug.test import TestResponse

from blog.app import create_app
from blog.http.application import Application
from blog.settings import Settings
from tests.blogs import PostgreSQLBlogs
from tests.contract import create, write_post
from tests.people import RICK
from tests.servers.outages import (
    AWAY,
    UNKNOWN,
    configured,
    cut_all,
    detail_of,
    held,
    titles,
    until_waiting,
)
from tests.servers.postgresql import FAST, Cluster, cluster, is_installed
from tests.servers.serving import eventually
from tests.servers.wires import Wire, wire_to

pytestmark = pytest.mark.long

# A commit waits for the disk and for standbys here, as it does in earnest.
SETTINGS = {**FAST, "synchronous_commit": "on", "deadlock_timeout": "100ms"}
# The longest that a client waits to be detail_of, in seconds.
LONGEST = 6
POST = {"title": "First!", "body": "First post!"}


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """A server that the tests of this file may bring down."""
    if not is_installed():
        pytest.skip("PostgreSQL is not installed")
    with cluster(SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def copies(server: Cluster) -> PostgreSQLBlogs:
    """Databases on that server."""
    return PostgreSQLBlogs(server)


@pytest.fixture
def url(copies: PostgreSQLBlogs, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own."""
    with copies.copy(tmp_path) as made:
        yield made


@pytest.fixture
def make_client(url: str) -> Iterator[Callable[..., FlaskClient]]:
    """Makes clients of an application on the database of the test, with settings by name."""
    made: list[Application] = []

    def make(**settings: Any) -> FlaskClient:
        made.append(create_app(Settings(**{"database_url": url, **settings})))
        return made[-1].test_client()

    yield make
    for app in made:
        app.extensions["blog"].database.close()


@pytest.fixture
def client(make_client: Callable[..., FlaskClient]) -> FlaskClient:
    """A client of an application that has a connection and knows the password of Rick."""
    made = make_client()
    made.get("/", auth=RICK)
    return made


@pytest.fixture
def wire(server: Cluster) -> Iterator[Wire]:
    """A line to the server that can be cut."""
    with wire_to(server.port) as made:
        yield made


@pytest.fixture
def wired(wire: Wire, url: str, make_client: Callable[..., FlaskClient]) -> FlaskClient:
    """A client of an application that reaches the server by that line."""
    made = make_client(database_url=make_url(url).set(port=wire.port).render_as_string())
    made.get("/", auth=RICK)
    return made


# A commit whose outcome is not known.


def test_commit_that_no_standby_confirms_is_503_that_says_to_check(
    server: Cluster, client: FlaskClient
) -> None:
    with configured(server, "synchronous_standby_names", "'nobody'"):
        began = monotonic()
        response = client.post("/post", json=POST, auth=RICK)
        took = monotonic() - began

    assert detail_of(response) == UNKNOWN
    assert took < LONGEST


def test_reads_go_on_at_once_after_a_commit_that_no_standby_confirms(
    server: Cluster, make_client: Callable[..., FlaskClient]
) -> None:
    client = make_client(database_statement_timeout=0.5)
    with configured(server, "synchronous_standby_names", "'nobody'"):
        response = client.post("/post", json=POST, auth=RICK)
        statuses = [client.get("/post").status_code for _ in range(3)]

    assert detail_of(response) == UNKNOWN
    assert statuses == [200] * 3


@pytest.mark.parametrize("messages", ["notice", "error"])
def test_commit_whose_confirmation_is_cancelled_is_503_that_says_to_check(
    server: Cluster, client: FlaskClient, messages: str
) -> None:
    with (
        ThreadPoolExecutor() as pool,
        configured(server, "client_min_messages", messages),
        configured(server, "synchronous_standby_names", "'nobody'"),
    ):
        writing = pool.submit(client.post, "/post", json=POST, auth=RICK)
        until_waiting(server, "SyncRep")
        server.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        )
        # The server calls this a success, with a warning.
        response = writing.result()

    assert detail_of(response) == UNKNOWN


@pytest.mark.parametrize(("arrives", "written"), [(False, []), (True, ["First!"])])
def test_connection_lost_during_commit_is_503_that_says_to_check(
    server: Cluster, url: str, wire: Wire, wired: FlaskClient, arrives: bool, written: list[str]
) -> None:
    wire.cut_at(b"COMMIT\0", arrives=arrives)

    response = wired.post("/post", json=POST, auth=RICK)

    assert detail_of(response) == UNKNOWN
    assert wire.cuts == 1
    eventually(lambda: titles(server, url) == written, lambda: str(titles(server, url)))


# Connections that are lost elsewhere.


def test_connection_lost_between_requests_is_not_noticed(
    server: Cluster, client: FlaskClient
) -> None:
    cut_all(server)

    write_post(client)

    assert client.get("/post").status_code == 200


@pytest.mark.parametrize("word", [b"set_config", b"FROM post"])
def test_read_whose_connection_is_lost_is_answered_all_the_same(
    wire: Wire, wired: FlaskClient, word: bytes
) -> None:
    wire.cut_at(word)

    response = wired.get("/post")

    assert (response.status_code, wire.cuts) == (200, 1)


@pytest.mark.parametrize("line", ["database_url", "database_read_url"])
def test_read_that_can_not_ask_how_far_a_server_is_is_answered_all_the_same(
    url: str, wire: Wire, make_client: Callable[..., FlaskClient], line: str
) -> None:
    wired = make_url(url).set(port=wire.port).render_as_string()
    client = make_client(**{"database_url": url, "database_read_url": url, line: wired})
    client.get("/post")
    wire.cut_at(b"pg_last_wal_replay_lsn")

    response = client.get("/post")

    assert (response.status_code, wire.cuts) == (200, 1)


@pytest.mark.parametrize("word", [b"BEGIN ISOLATION LEVEL READ COMMITTED", b"INSERT INTO post"])
def test_write_whose_connection_is_lost_before_the_commit_is_done_once(
    server: Cluster, url: str, wire: Wire, wired: FlaskClient, word: bytes
) -> None:
    wire.cut_at(word)

    write_post(wired)

    assert wire.cuts == 1
    assert titles(server, url) == ["First!"]


def test_read_that_is_cut_off_is_answered_all_the_same(
    server: Cluster, url: str, client: FlaskClient
) -> None:
    path = create(client)
    with ThreadPoolExecutor() as pool, held(server, url):
        reading = pool.submit(client.get, path)
        until_waiting(server)
        cut_all(server)

    assert reading.result().status_code == 200


def test_write_that_is_cut_off_before_the_commit_is_done_once(
    server: Cluster, url: str, client: FlaskClient
) -> None:
    with ThreadPoolExecutor() as pool, held(server, url):
        writing = pool.submit(client.post, "/post", json=POST, auth=RICK)
        until_waiting(server)
        cut_all(server)

    assert writing.result().status_code == 201
    assert titles(server, url) == ["First!"]


def test_write_after_the_server_was_killed_and_started_succeeds(
    server: Cluster, url: str, client: FlaskClient
) -> None:
    server.kill()
    away = client.post("/post", json=POST, auth=RICK)
    server.start(SETTINGS)

    responses: list[TestResponse] = []

    def succeeds() -> bool:
        responses.append(client.post("/post", json=POST, auth=RICK))
        return responses[-1].status_code == 201

    eventually(succeeds, lambda: responses[-1].text)
    assert detail_of(away) in (AWAY, UNKNOWN)
    assert titles(server, url) == ["First!"]


def test_server_that_hangs_is_503_in_time_and_serves_when_it_goes_on(
    server: Cluster, url: str, client: FlaskClient
) -> None:
    path = create(client)
    with server.frozen():
        began = monotonic()
        responses = [client.get(path), client.post("/post", json=POST, auth=RICK)]
        took = monotonic() - began

    assert [detail_of(response) for response in responses] == [AWAY, AWAY]
    assert took < 2 * LONGEST
    eventually(lambda: client.get(path).status_code == 200, lambda: "reads do not go on")


def test_server_that_hangs_during_a_write_is_503_in_time(
    server: Cluster, url: str, client: FlaskClient
) -> None:
    with ThreadPoolExecutor() as pool, held(server, url):
        began = monotonic()
        writing = pool.submit(client.post, "/post", json=POST, auth=RICK)
        until_waiting(server)
        with server.frozen():
            response = writing.result()
            took = monotonic() - began

    assert detail_of(response) == AWAY
    assert took < LONGEST


# A server that takes no writes.


def test_server_that_takes_no_writes_is_503_and_still_read(
    server: Cluster, client: FlaskClient
) -> None:
    path = create(client)
    with configured(server, "default_transaction_read_only", "on"):
        before = client.get(path)
        response = client.post("/post", json=POST, auth=RICK)

    assert before.status_code == 200
    assert detail_of(response) == AWAY


def test_write_after_the_server_takes_writes_again_succeeds(
    server: Cluster, client: FlaskClient
) -> None:
    with configured(server, "default_transaction_read_only", "on"):
        client.post("/post", json=POST, auth=RICK)

    eventually(
        lambda: client.post("/post", json=POST, auth=RICK).status_code == 201,
        lambda: "writes do not go on",
    )
