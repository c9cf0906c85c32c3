"""Servers that parted at a failover: none that follows the old log passes for up to date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from blog.app import create_app
from blog.settings import Settings
from tests.blogs import PostgreSQLBlogs
from tests.contract import write_post
from tests.servers.postgresql import FAST, Cluster, is_installed, replicated
from tests.servers.serving import eventually

pytestmark = pytest.mark.long

SETTINGS = {**FAST, "synchronous_commit": "on", "wal_retrieve_retry_interval": "100ms"}


@pytest.fixture
def servers() -> Iterator[Sequence[Cluster]]:
    """A primary, and two servers that follow it."""
    if not is_installed():
        pytest.skip("PostgreSQL is not installed")
    with replicated(SETTINGS) as made:
        yield made


def titles(client: FlaskClient) -> list[str]:
    """The titles of all posts, as anybody reads them."""
    return [post["title"] for post in client.get("/post").json["data"]]


def write_on(url: str, *names: str) -> None:
    """Write posts by a node that goes to this server alone."""
    app = create_app(Settings(database_url=url))
    for name in names:
        write_post(app.test_client(), title=name, body=name * 10_000)
    app.extensions["blog"].database.close()


def test_commits_of_the_new_primary_are_read_whichever_other_servers_run(
    servers: Sequence[Cluster], tmp_path: Path
) -> None:
    old, new, left = servers
    with PostgreSQLBlogs(old).copy(tmp_path) as url:
        name = url.rpartition("/")[2]
        replicated = f"SELECT 1 FROM pg_database WHERE datname = '{name}'"
        eventually(lambda: bool(new.execute(replicated)), lambda: "a standby lags")
        # The one that will be promoted has not heard of what the others have.
        new.stop()
        write_on(url, "Lost")
        eventually(
            lambda: left.execute("SELECT title FROM post", name) == [("Lost",)],
            lambda: "a standby lags",
        )
        old.kill()
        new.start(SETTINGS)
        new.promote()
        write_on(new.url(name), "Kept")

        hosts = f"host=127.0.0.1:{left.port}&host=127.0.0.1:{old.port}"
        app = create_app(
            Settings(
                database_url=new.url(name),
                database_read_url=f"postgresql+psycopg://blog@/{name}?{hosts}",
            )
        )
        seen = [titles(app.test_client()) for _ in range(2)]
        # As its administrator should not, while there is another one.
        old.start(SETTINGS)
        seen += [titles(app.test_client()) for _ in range(2)]
        app.extensions["blog"].database.close()

    assert seen == [["Kept"]] * 4
