"""The commands, where a PostgreSQL server does not let them in: one line, and no secret in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.blogs import Blogs
from tests.commands import blog, failed
from tests.postgresql import Cluster
from tests.serving import eventually


def test_wrong_password_is_one_line_without_it(
    postgresql: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgresql.execute("CREATE ROLE locked LOGIN PASSWORD 'right'")
    access = postgresql.data / "pg_hba.conf"
    rules = access.read_text()
    access.write_text(f"host all locked 127.0.0.1/32 scram-sha-256\n{rules}")
    postgresql.execute("SELECT pg_reload_conf()")
    monkeypatch.setenv(
        "BLOG_DATABASE_URL",
        f"postgresql+psycopg://locked:swordfish@127.0.0.1:{postgresql.port}/postgres",
    )

    # The server reads its rules again when it comes to it.
    eventually(lambda: "password" in blog("author list").output, lambda: "all are let in")

    said = failed(blog("author list"))

    assert "password authentication failed" in said
    assert "swordfish" not in said


def test_missing_database_is_one_line(postgresql: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_DATABASE_URL", postgresql.url("nowhere"))

    assert 'database "nowhere" does not exist' in failed(blog("author list"))


def test_missing_privilege_is_one_line(
    postgresql: Cluster, postgresql_blogs: Blogs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgresql.execute("CREATE ROLE guest LOGIN")
    with postgresql_blogs.empty(tmp_path) as url:
        guest = make_url(url).set(username="guest").render_as_string()
        monkeypatch.setenv("BLOG_DATABASE_URL", guest)
        said = failed(blog("database upgrade"))

    assert "permission denied for schema public" in said
