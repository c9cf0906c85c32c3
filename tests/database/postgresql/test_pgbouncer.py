"""The blog behind pgbouncer in transaction mode, where a connection is lent by the transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import make_url

from blog.app import create_app
from blog.database.database import Database
from blog.database.limits import Limits
from blog.http.application import Application
from blog.maintenance import integrity, schema
from blog.settings import Settings
from tests.blogs import Blogs
from tests.contract import create, write_post
from tests.people import RICK, RICK_PASSWORD
from tests.servers.pgbouncer import Bouncer, bouncer, is_installed
from tests.servers.postgresql import Cluster
from tests.servers.serving import TIMEOUT, add_author, serve

pytestmark = pytest.mark.long

POOL_SIZE = 2
APPS = 2
CLIENTS = 8

Result = TypeVar("Result")


@pytest.fixture(scope="module")
def pgbouncer(postgresql: Cluster) -> Iterator[Bouncer]:
    """A pgbouncer with fewer connections to each database than the blog has threads."""
    if not is_installed():
        pytest.skip("pgbouncer is not installed")
    with bouncer(postgresql, POOL_SIZE) as running:
        yield running


@pytest.fixture
def direct_url(postgresql_blogs: Blogs, tmp_path: Path) -> Iterator[str]:
    """The database of the test, past pgbouncer."""
    with postgresql_blogs.copy(tmp_path) as url:
        yield url


@pytest.fixture
def database_url(direct_url: str, pgbouncer: Bouncer) -> str:
    """The database of the test, by way of pgbouncer."""
    return pgbouncer.before(direct_url)


@pytest.fixture
def apps(make_app: Callable[..., Application]) -> list[Application]:
    """Several processes, as far as the database can tell, each with four threads."""
    return [make_app(threads=4) for _ in range(APPS)]


@pytest.fixture
def clients(apps: list[Application]) -> list[FlaskClient]:
    """Clients of all of the applications in turn."""
    return [apps[number % APPS].test_client() for number in range(CLIENTS)]


def all_at_once(act: Callable[[int], Result]) -> list[Result]:
    """What each client gets, when all act together."""
    barrier = Barrier(CLIENTS, timeout=TIMEOUT)

    def run(client: int) -> Result:
        barrier.wait()
        return act(client)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(run, range(CLIENTS)))


def show(database: Database, *names: str) -> list[str]:
    """Settings of the server as a transaction for reading has them."""
    with database.session() as session:
        connection = session.reading()
        return [str(connection.exec_driver_sql(f"SHOW {name}").scalar()) for name in names]


def test_more_threads_than_connections_write_and_read(
    clients: list[FlaskClient], direct_url: str, postgresql: Cluster
) -> None:
    def write_and_read(number: int) -> list[str]:
        client = clients[number]
        paths = [create(client, title=f"{number} {turn}", tags=["t"]) for turn in range(5)]
        assert client.get("/post?tag=t&sort=title").status_code == 200
        return [client.get(path).json["title"] for path in paths]

    titles = all_at_once(write_and_read)

    name = make_url(direct_url).database
    count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"
    assert titles == [[f"{number} {turn}" for turn in range(5)] for number in range(CLIENTS)]
    assert len(clients[0].get("/post?limit=100").json["data"]) == 5 * CLIENTS
    [(connections,)] = postgresql.execute(count)
    assert connections == POOL_SIZE


def test_no_change_is_lost(clients: list[FlaskClient]) -> None:
    path = create(clients[0])

    def add_tag(number: int) -> int:
        operation = {"op": "add", "path": "/tags/-", "value": f"tag {number}"}
        headers = {"Content-Type": "application/json-patch+json"}
        return clients[number].patch(path, json=[operation], headers=headers, auth=RICK).status_code

    assert all_at_once(add_tag) == [200] * CLIENTS
    tags = clients[0].get(path).json["tags"]
    assert sorted(tags) == [f"tag {number}" for number in range(CLIENTS)]


def test_one_of_many_gets_a_slug_that_all_want(clients: list[FlaskClient]) -> None:
    content = {"title": "T", "body": "", "slug": "wanted"}

    statuses = all_at_once(lambda n: clients[n].post("/post", json=content, auth=RICK).status_code)

    assert sorted(statuses) == [201] + [409] * (CLIENTS - 1)


def test_each_transaction_has_the_timeouts_of_its_own_process(database_url: str) -> None:
    names = ("statement_timeout", "lock_timeout", "transaction_isolation", "transaction_read_only")
    with (
        closing(Database(database_url, Limits(statement=1.5, lock=2.5))) as one,
        closing(Database(database_url, Limits(statement=3, lock=3.5))) as other,
    ):
        shown = [(show(one, *names), show(other, *names)) for _ in range(2 * POOL_SIZE)]

    mode = ["repeatable read", "on"]
    expected = (["1500ms", "2500ms", *mode], ["3s", "3500ms", *mode])
    assert shown == [expected] * (2 * POOL_SIZE)


def test_nothing_is_left_behind_for_the_next_client(
    apps: list[Application], database_url: str, pgbouncer: Bouncer
) -> None:
    for app in apps:
        for _ in range(10):
            write_post(app.test_client())

    with pgbouncer.connect(database_url) as stranger:
        settings = ("statement_timeout", "lock_timeout", "default_transaction_read_only")
        shown = [stranger.execute(f"SHOW {name}".encode()).fetchone() for name in settings]
        prepared = stranger.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
        locks = stranger.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        held = locks.fetchone()

    assert shown == [("0",), ("0",), ("off",)]
    assert (prepared, held) == ((0,), (0,))


def test_dates_are_in_utc_whatever_the_server_and_its_other_clients_use(
    direct_url: str, database_url: str, pgbouncer: Bouncer, postgresql: Cluster
) -> None:
    name = make_url(direct_url).database
    postgresql.execute(f"ALTER DATABASE {name} SET timezone = 'Asia/Kathmandu'")
    dates = ["0001-01-01T00:00:00.000001Z", "2026-06-01T12:00:00.000000Z"]
    app = create_app(Settings(database_url=database_url))
    with (
        closing(app.extensions["blog"].database) as database,
        pgbouncer.connect(database_url) as stranger,
    ):
        stranger.autocommit = True
        stranger.execute("SET TimeZone TO 'America/New_York'")
        for date in dates:
            write_post(app.test_client(), postedDate=date)
            stranger.execute("SELECT now()")
        listed = app.test_client().get("/post?sort=postedDate").json["data"]
        zones = show(database, "TimeZone")

    assert zones == ["UTC"]
    assert [post["postedDate"] for post in listed] == dates


def test_of_several_that_upgrade_at_once_one_makes_the_tables(
    postgresql_blogs: Blogs, pgbouncer: Bouncer, tmp_path: Path
) -> None:
    with postgresql_blogs.empty(tmp_path) as direct_url:
        url = pgbouncer.before(direct_url)

        def upgrade(_: int) -> None:
            with closing(Database(url)) as database:
                schema.upgrade(database)

        all_at_once(upgrade)
        with closing(Database(url)) as database:
            faults = integrity.faults(database)

    assert faults == []


def test_requests_are_answered_again_once_pgbouncer_is_back(
    postgresql: Cluster, direct_url: str
) -> None:
    if not is_installed():
        pytest.skip("pgbouncer is not installed")
    with bouncer(postgresql, POOL_SIZE) as restarted:
        app = create_app(Settings(database_url=restarted.before(direct_url)))
        with closing(app.extensions["blog"].database):
            client = app.test_client()
            path = create(client)

            restarted.stop()
            restarted.start()

            assert client.get(path).status_code == 200
            assert client.put(path, json={"title": "T", "body": ""}, auth=RICK).status_code == 200


def test_server_starts_and_serves_through_it(
    postgresql_blogs: Blogs, pgbouncer: Bouncer, tmp_path: Path
) -> None:
    with postgresql_blogs.empty(tmp_path) as direct_url:
        env = {"BLOG_DATABASE_URL": pgbouncer.before(direct_url)}
        add_author(tmp_path, env=env)
        with serve(tmp_path, "--workers", "2", env=env) as server:
            content = {"title": "First!", "body": "First post!"}
            created = requests.post(f"{server.url}/post", json=content, auth=RICK_PASSWORD)
            read = requests.get(created.headers["Location"])
            log = server.stderr_text()

    assert (created.status_code, read.status_code) == (201, 200)
    assert read.json()["title"] == "First!"
    assert "Traceback" not in log
