"""A standby of another server is not read, however far it is, and the log says why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url

from blog.app import create_app
from blog.content.authors import Caller
from blog.content.dates import utc_now
from blog.content.posts import PostContent
from blog.database.database import Database
from blog.database.limits import Limits
from blog.database.postgresql.server import PostgreSQLServer
from blog.settings import Settings
from blog.storage import post_writes
from tests.access import access_for
from tests.blogs import PostgreSQLBlogs
from tests.contract import assert_problem, create
from tests.servers import pgbouncer
from tests.servers.postgresql import Cluster, cluster, is_installed
from tests.servers.serving import eventually

pytestmark = pytest.mark.long


class Pair(NamedTuple):
    """A primary, and a standby that follows another one."""

    primary: Cluster
    standby: Cluster


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two servers, each with a blog in a database of the same name; the standby is further."""
    if not is_installed():
        pytest.skip("PostgreSQL is not installed")
    with cluster() as primary, cluster() as standby:
        for server in (primary, standby):
            PostgreSQLBlogs(server)
        with closing(Database(standby.url("filled"))) as database, database.session() as session:
            content = PostContent(title="Foreign", body="")
            post_writes.create(access_for(session, Caller("rick", "author"), utc_now()), content)
        standby.execute("SELECT pg_switch_wal()")
        standby.execute("CREATE TABLE more (number integer)")
        standby.stop()
        (standby.data / "standby.signal").touch()
        standby.start()
        yield Pair(primary, standby)


@pytest.fixture
def client(pair: Pair) -> Iterator[FlaskClient]:
    """A client of a node that takes the one for a replica of the other."""
    app = create_app(
        Settings(
            database_url=pair.primary.url("filled"), database_read_url=pair.standby.url("filled")
        )
    )
    with closing(app.extensions["blog"].database):
        yield app.test_client()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of the standby."""
    return [line for line in caplog.messages if "another cluster" in line]


def test_replica_of_another_cluster_is_not_used_and_logged_once(
    pair: Pair, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    create(client, title="Ours")

    for _ in range(2):
        assert [post["title"] for post in client.get("/post").json["data"]] == ["Ours"]
    assert warnings(caplog) == [
        "the replica 127.0.0.1 is of another cluster than the primary: not used"
    ]


def test_replica_of_another_cluster_does_not_stand_in_for_the_primary(
    pair: Pair, client: FlaskClient
) -> None:
    client.get("/post")
    pair.primary.kill()

    assert_problem(client.get("/post"), 503)


def test_cluster_is_unknown_if_the_role_may_not_read_it(
    pair: Pair,
) -> None:
    pair.primary.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC", "filled")
    pair.primary.execute("CREATE ROLE guest LOGIN IN ROLE pg_read_all_data")
    url = pair.primary.url("filled").replace("//blog@", "//guest@")

    with closing(PostgreSQLServer(make_url(url), Limits())) as server:
        assert [system_of(server) for _ in range(2)] == [None, None]


def system_of(server: PostgreSQLServer) -> int | None:
    """The cluster that answers now."""
    connection, _ = server.connect()
    connection.close()
    return server.cluster


@pytest.mark.skipif(not pgbouncer.is_installed(), reason="pgbouncer is not installed")
def test_cluster_is_another_one_once_pgbouncer_leads_there(pair: Pair) -> None:
    with pgbouncer.bouncer(pair.primary, pool_size=1) as pooler:
        url = make_url(pooler.before(pair.primary.url("filled")))
        with closing(PostgreSQLServer(url, Limits(connections=1), primary=False)) as server:
            before = system_of(server)
            pooler.lead_to(pair.standby)

            eventually(
                lambda: system_of(server) not in (None, before),
                lambda: "it is taken for the one before",
            )
