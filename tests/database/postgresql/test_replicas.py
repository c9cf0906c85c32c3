"""Reads from replicas: never an older state than was acknowledged, and never for want of one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url

from blog.app import create_app, create_cache
from blog.database.database import Database
from blog.http.application import Application
from blog.settings import Settings
from tests.blogs import PostgreSQLBlogs
from tests.contract import assert_problem, create, path_of, write_post
from tests.people import RICK
from tests.servers.postgresql import FAST, Cluster, catch_up, is_installed, replicated
from tests.servers.replication import paused, stopped, who_serves
from tests.servers.serving import eventually
from tests.tokens import issue

pytestmark = pytest.mark.long

# What a server is asked stands in its log; what it acknowledged it still knows after a kill.
SETTINGS = {
    **FAST,
    "synchronous_commit": "on",
    "log_statement": "all",
    "wal_retrieve_retry_interval": "100ms",
}
POST = {"title": "First!", "body": "First post!"}


@pytest.fixture(scope="module")
def servers() -> Iterator[Sequence[Cluster]]:
    """A primary and two replicas, of which it waits for none."""
    if not is_installed():
        pytest.skip("PostgreSQL is not installed")
    with replicated(SETTINGS) as made:
        yield made


@pytest.fixture
def primary(servers: Sequence[Cluster]) -> Cluster:
    """The server that takes writes."""
    return servers[0]


@pytest.fixture
def replicas(servers: Sequence[Cluster]) -> Sequence[Cluster]:
    """The servers that follow it."""
    return servers[1:]


@pytest.fixture(scope="module")
def copies(servers: Sequence[Cluster]) -> PostgreSQLBlogs:
    """Databases on the primary."""
    return PostgreSQLBlogs(servers[0])


@pytest.fixture
def url(copies: PostgreSQLBlogs, replicas: Sequence[Cluster], tmp_path: Path) -> Iterator[str]:
    """A database of the test's own, on all of the servers."""
    with copies.copy(tmp_path) as made:
        yield made


@pytest.fixture
def make_client(url: str, replicas: Sequence[Cluster]) -> Iterator[Callable[..., FlaskClient]]:
    """Makes clients, each of a node of its own, with settings by name."""
    made: list[Application] = []
    hosts = "&".join(f"host=127.0.0.1:{replica.port}" for replica in replicas)
    read_url = f"postgresql+psycopg://blog@/{make_url(url).database}?{hosts}"

    def make(**settings: Any) -> FlaskClient:
        given = {"database_url": url, "database_read_url": read_url, **settings}
        made.append(create_app(Settings(**given)))
        return made[-1].test_client()

    yield make
    for app in made:
        app.extensions["blog"].database.close()


@pytest.fixture
def client(make_client: Callable[[], FlaskClient]) -> FlaskClient:
    """A client of one node."""
    return make_client()


def test_anonymous_read_is_served_by_each_replica_in_turn(
    servers: Sequence[Cluster], client: FlaskClient
) -> None:
    seen: set[int] = set()

    def both_have_served() -> bool:
        seen.update(who_serves(servers, lambda: client.get("/post")))
        return seen >= {1, 2}

    eventually(both_have_served, lambda: f"only {seen} have served")


def test_replica_that_has_all_serves_alone(
    servers: Sequence[Cluster],
    primary: Cluster,
    replicas: Sequence[Cluster],
    client: FlaskClient,
) -> None:
    catch_up(primary, replicas)

    # The primary's own upkeep may write to its log meanwhile, so once is enough.
    eventually(
        lambda: who_serves(servers, lambda: client.get("/post")) in ([1], [2]),
        lambda: "the primary is always asked",
    )


def test_read_with_credentials_is_served_by_the_primary(
    servers: Sequence[Cluster], client: FlaskClient
) -> None:
    assert who_serves(servers, lambda: client.get("/post", auth=RICK)) == [0]


@pytest.mark.parametrize("node", ["the same node", "another node"])
def test_client_reads_its_own_write_while_all_replicas_lag(
    replicas: Sequence[Cluster],
    make_client: Callable[[], FlaskClient],
    url: str,
    primary: Cluster,
    node: str,
) -> None:
    writer = make_client()
    reader = writer if node == "the same node" else make_client()
    catch_up(primary, replicas)
    with paused(replicas):
        path = create(writer)
        written = reader.get(path)
        writer.patch(path, json={"title": "Second!"}, auth=RICK)
        changed = reader.get(path)

    assert [written.json["title"], changed.json["title"]] == ["First!", "Second!"]


def test_replica_that_lags_is_left_out_for_one_that_does_not(
    servers: Sequence[Cluster], replicas: Sequence[Cluster], client: FlaskClient
) -> None:
    with paused(replicas[:1]):
        write_post(client)
        catch_up(servers[0], replicas[1:])
        seen = {tuple(who_serves(servers, lambda: client.get("/post"))) for _ in range(6)}

    assert (2,) in seen
    assert (1,) not in seen


def test_replica_that_has_caught_up_serves_again(
    servers: Sequence[Cluster], replicas: Sequence[Cluster], client: FlaskClient
) -> None:
    with paused(replicas):
        write_post(client)
        behind = who_serves(servers, lambda: client.get("/post"))

    assert behind == [0]
    eventually(
        lambda: 0 not in who_serves(servers, lambda: client.get("/post")),
        lambda: "the replicas do not serve again",
    )


def test_replica_that_is_away_is_left_out(
    servers: Sequence[Cluster], replicas: Sequence[Cluster], client: FlaskClient
) -> None:
    client.get("/post")
    with stopped(replicas[:1]):
        statuses = [client.get("/post").status_code for _ in range(6)]

    assert statuses == [200] * 6


def test_primary_serves_while_all_replicas_are_away(
    servers: Sequence[Cluster], replicas: Sequence[Cluster], client: FlaskClient
) -> None:
    client.get("/post")
    with stopped(replicas):
        seen = [who_serves(servers, lambda: client.get("/post")) for _ in range(3)]

    assert seen == [[0]] * 3


@pytest.mark.parametrize("auth", [None, RICK], ids=["anonymous", "signed in"])
def test_reads_go_on_while_there_is_no_primary(
    primary: Cluster,
    replicas: Sequence[Cluster],
    client: FlaskClient,
    auth: tuple[str, str] | None,
) -> None:
    path = create(client)
    catch_up(primary, replicas)
    with stopped([primary]):
        responses = [client.get(where, auth=auth) for where in ("/post", path, "/")]

    assert [response.status_code for response in responses] == [200, 200, 200]
    assert [post["title"] for post in responses[0].json["data"]] == ["First!"]


def test_token_is_good_while_there_is_no_primary_and_its_use_is_not_written(
    primary: Cluster,
    replicas: Sequence[Cluster],
    client: FlaskClient,
    url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with closing(Database(url)) as database:
        auth = issue(database)
    catch_up(primary, replicas)
    with stopped([primary]):
        response = client.get("/", auth=auth)

    assert response.status_code == 200
    assert "me" in response.json["_links"]
    assert "was not noted" not in caplog.text


def test_what_is_there_is_read_while_no_primary_and_no_replica_has_all(
    primary: Cluster, replicas: Sequence[Cluster], client: FlaskClient
) -> None:
    catch_up(primary, replicas)
    with paused(replicas):
        write_post(client)
        client.get("/post")
        with stopped([primary]):
            response = client.get("/post")

    assert (response.status_code, response.json["data"]) == (200, [])


def test_follower_waits_for_a_replica_that_lags_while_there_is_no_primary(
    primary: Cluster, replicas: Sequence[Cluster], client: FlaskClient
) -> None:
    catch_up(primary, replicas)
    with paused(replicas):
        write_post(client)
        end = path_of(client.get("/change").json["_links"]["next"])
        with stopped([primary]):
            response = client.get(end)

    assert (response.status_code, response.json["data"]) == (200, [])
    assert path_of(response.json["_links"]["next"]) == end


def test_read_without_the_primary_is_not_cached(
    make_client: Callable[..., FlaskClient], replicas: Sequence[Cluster]
) -> None:
    """The primary may have been away for a moment only, of which its notifications say nothing."""
    client = make_client()
    database = client.application.extensions["blog"].database
    cache = create_cache(client.application, Settings())
    with closing(cache):
        eventually(lambda: cache.state() is not None, lambda: "no state was noted")
        before = cache.state()
        connection = database.backend._replicas.connect_without_primary()
        connection.close()

        assert cache.state() not in (None, before)


def test_own_write_is_read_each_time_while_no_primary_and_one_replica_has_it(
    primary: Cluster, replicas: Sequence[Cluster], client: FlaskClient
) -> None:
    catch_up(primary, replicas)
    with paused(replicas[1:]):
        path = create(client)
        catch_up(primary, replicas[:1])
        with stopped([primary]):
            statuses = [client.get(path).status_code for _ in range(4)]

    assert statuses == [200] * 4


def test_primary_that_takes_no_more_connections_is_not_taken_for_an_absent_one(
    primary: Cluster, replicas: Sequence[Cluster], url: str, make_client: Callable[..., FlaskClient]
) -> None:
    database = str(make_url(url).database)
    with contextlib.suppress(psycopg.errors.DuplicateObject):
        primary.execute("CREATE ROLE plain LOGIN")
    primary.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO plain", database)
    primary.execute("ALTER TABLE setting OWNER TO plain", database)
    client = make_client(database_url=make_url(url).set(username="plain").render_as_string())
    catch_up(primary, replicas)
    # While they are paused the replicas do not hear of the limit.
    with paused(replicas):
        primary.execute(f"ALTER DATABASE {database} CONNECTION LIMIT 0")
        primary.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'plain'"
        )
        responses = [client.get("/post") for _ in range(2)]

    for response in responses:
        assert_problem(response, 503)


def test_writes_are_503_while_there_is_no_primary_and_go_on_after(
    primary: Cluster, client: FlaskClient
) -> None:
    with stopped([primary]):
        refused = client.post("/post", json=POST, auth=RICK)

    assert_problem(refused, 503)
    assert int(refused.headers["Retry-After"]) > 0
    eventually(
        lambda: client.post("/post", json=POST, auth=RICK).status_code == 201,
        lambda: "writes do not go on",
    )


def test_read_is_503_while_no_server_is_there(
    servers: Sequence[Cluster], client: FlaskClient
) -> None:
    with stopped(servers):
        responses = [client.get("/post"), client.get("/post", auth=RICK)]

    for response in responses:
        assert_problem(response, 503)


def test_standby_that_is_taken_for_the_primary_is_none(
    primary: Cluster, replicas: Sequence[Cluster], url: str, make_client: Callable[..., FlaskClient]
) -> None:
    write_post(make_client())
    catch_up(primary, replicas)
    standby = replicas[0].url(str(make_url(url).database))

    client = make_client(database_url=f"{standby}?target_session_attrs=any")

    assert len(client.get("/post").json["data"]) == 1
    assert_problem(client.post("/post", json=POST, auth=RICK), 503)


def test_node_starts_while_there_is_no_primary(
    primary: Cluster, replicas: Sequence[Cluster], make_client: Callable[[], FlaskClient], url: str
) -> None:
    make_client()
    catch_up(primary, replicas)
    with stopped([primary]):
        response = make_client().get("/post")

    assert response.status_code == 200


def test_reads_go_on_while_the_primary_hangs(
    primary: Cluster, replicas: Sequence[Cluster], client: FlaskClient
) -> None:
    path = create(client)
    catch_up(primary, replicas)
    with primary.frozen():
        began = monotonic()
        responses = [client.get(path), client.get(path, auth=RICK), client.get("/post")]
        took = monotonic() - began

    assert [response.status_code for response in responses] == [200, 200, 200]
    assert took < 6


def test_replica_that_hangs_is_left_out(
    primary: Cluster, replicas: Sequence[Cluster], client: FlaskClient
) -> None:
    path = create(client)
    catch_up(primary, replicas)
    for _ in range(2):
        client.get(path)
    with replicas[0].frozen():
        statuses = [client.get(path).status_code for _ in range(6)]

    assert statuses == [200] * 6
