"""A database that can't hold a blog is refused, and tables of other programs are never used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from blog.app import create_app
from blog.database.database import Database
from blog.database.postgresql.requirements import ServerInfo
from blog.errors import DatabaseError
from blog.maintenance import integrity
from blog.settings import Settings
from blog.storage.tables import PUBLIC_TABLES
from tests.blogs import PostgreSQLBlogs
from tests.commands import blog, failed
from tests.contract import create
from tests.gateway.cached import wait_until
from tests.people import RICK
from tests.rivals import change
from tests.servers import pgbouncer
from tests.servers.outages import database_of
from tests.servers.postgresql import Cluster
from tests.servers.serving import free_port

FOREIGN = (
    "CREATE SCHEMA a_foreign",
    "CREATE TABLE a_foreign.post (title text)",
    "CREATE TABLE a_foreign.alembic_version (version_num text)",
    "CREATE FUNCTION a_foreign.set_config(text, text, boolean) RETURNS text LANGUAGE plpgsql AS "
    "$$BEGIN RAISE EXCEPTION 'not to be called'; END$$",
)


@pytest.fixture
def url(postgresql_blogs: PostgreSQLBlogs, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own, on a server, with tables of others in it."""
    with postgresql_blogs.copy(tmp_path) as made:
        change(made, *FOREIGN)
        yield made


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
@pytest.mark.parametrize(
    "command", ["author list", "database check", "database upgrade", "token list rick", "serve"]
)
def test_database_of_another_encoding_is_refused_in_one_line(
    postgresql: Cluster, monkeypatch: pytest.MonkeyPatch, encoding: str, command: str
) -> None:
    postgresql.execute(
        f"CREATE DATABASE other TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C' "
        "LOCALE_PROVIDER libc STRATEGY FILE_COPY"
    )
    monkeypatch.setenv("BLOG_DATABASE_URL", postgresql.url("other"))
    monkeypatch.setenv("BLOG_PORT", str(free_port()))
    try:
        said = failed(blog(command))
    finally:
        postgresql.execute("DROP DATABASE other WITH (FORCE)")

    assert said.startswith(f"the encoding of the database is {encoding}, and the blog needs UTF8")


def test_server_that_is_too_old_is_refused() -> None:
    with pytest.raises(DatabaseError, match=r"is PostgreSQL 14, and the blog needs 15 or newer"):
        ServerInfo(140009, "UTF8", ["public"], []).search_path()


PATHS = [
    "a_foreign, public",
    "a_foreign, public, pg_catalog",
    "public, pg_temp",
    '"$user", public',
    "''",
    "pg_catalog",
]


@pytest.mark.parametrize("path", PATHS)
def test_blog_uses_its_own_tables_whatever_the_search_path(url: str, path: str) -> None:
    change(url, f"ALTER DATABASE {database_of(url)} SET search_path = {path}")
    app = create_app(Settings(database_url=url))

    with closing(app.extensions["blog"].database) as database:
        client = app.test_client()
        made = create(client, title="Mine")
        assert client.get(made).json["title"] == "Mine"
        assert client.get("/post").json["data"][0]["title"] == "Mine"
        assert integrity.faults(database) == []
        with closing(database.change_detector(PUBLIC_TABLES)) as detector:
            wait_until(lambda: detector.state() is not None)


def test_temporary_table_of_another_client_of_a_pooler_is_not_used(
    postgresql: Cluster, url: str
) -> None:
    if not pgbouncer.is_installed():
        pytest.skip("pgbouncer is not installed")
    with pgbouncer.bouncer(postgresql, 1) as pooler:
        with pooler.connect(pooler.before(url)) as stranger:
            stranger.autocommit = True
            stranger.execute("CREATE TEMPORARY TABLE post (title text)")
            stranger.execute("SET search_path = a_foreign, public, pg_catalog")
        app = create_app(Settings(database_url=pooler.before(url)))
        with closing(app.extensions["blog"].database):
            response = app.test_client().post(
                "/post", json={"title": "Mine", "body": ""}, auth=RICK
            )

    assert response.status_code == 201


def test_new_blog_is_made_in_the_first_schema_that_is_there(
    postgresql_blogs: PostgreSQLBlogs, tmp_path: Path
) -> None:
    name = 'it\'s 100 % "mine"'
    with postgresql_blogs.empty(tmp_path) as url:
        quoted = name.replace('"', '""')
        change(
            url,
            f'CREATE SCHEMA "{quoted}"',
            f'ALTER DATABASE {database_of(url)} SET search_path = nowhere, "{quoted}", public',
        )
        app = create_app(Settings(database_url=url))
        with closing(app.extensions["blog"].database) as database:
            assert app.test_client().get("/post").status_code == 200
            assert integrity.faults(database) == []
        held = "SELECT 1 FROM pg_tables WHERE tablename = 'post' AND schemaname <> 'public'"
        with closing(Database(url)) as database, database.session() as session:
            assert session.reading().exec_driver_sql(held).all() == [(1,)]


def test_search_path_without_a_schema_and_without_a_blog_is_one_line(
    postgresql_blogs: PostgreSQLBlogs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgresql_blogs.empty(tmp_path) as url:
        change(url, f"ALTER DATABASE {database_of(url)} SET search_path = nowhere")
        monkeypatch.setenv("BLOG_DATABASE_URL", url)

        assert failed(blog("author list")) == "search_path names no schema of the database"
