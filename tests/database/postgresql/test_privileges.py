"""A role that may read a blog on PostgreSQL but not write it: `serve` warns, and writes are 503."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import requests

from blog.database.database import Database
from blog.maintenance import schema
from tests.blogs import PostgreSQLBlogs
from tests.people import RICK
from tests.rivals import change
from tests.servers.postgresql import Cluster
from tests.servers.serving import serve


def test_server_whose_role_may_not_write_says_so_and_reads(
    postgresql: Cluster, postgresql_blogs: PostgreSQLBlogs, tmp_path: Path
) -> None:
    half = postgresql.role("half", "IN ROLE pg_read_all_data")
    with half, postgresql_blogs.copy(tmp_path) as url:
        change(url, "GRANT INSERT, UPDATE, DELETE ON attempt, sign_in, setting TO half")
        env = {"BLOG_DATABASE_URL": url.replace("//blog@", "//half@")}
        with serve(tmp_path, "--workers", "1", env=env) as server:
            read = requests.get(f"{server.url}/post")
            content = {"title": "First!", "body": ""}
            written = requests.post(f"{server.url}/post", json=content, auth=RICK)
            log = server.stderr_text()

    assert (read.status_code, written.status_code) == (200, 503)
    assert (
        "the database role may not write to access_token, author, idempotency_key, post, "
        "revision, schema_upgrade, tag" in log
    )
    assert "Traceback" not in log


def test_owner_may_write_every_table(postgresql_blogs: PostgreSQLBlogs, tmp_path: Path) -> None:
    with (
        postgresql_blogs.copy(tmp_path) as url,
        closing(Database(url)) as database,
        database.session() as session,
    ):
        assert schema.why_unwritable(session) is None
