"""The commands, where a PostgreSQL server does not let them in: one line, and no secret in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.blogs import Blogs
from tests.commands import blog, failed
from tests.servers.postgresql import Cluster
from tests.servers.serving import eventually, run_blog


@pytest.fixture
def locked(postgresql: Cluster) -> Iterator[None]:
    """A role of this name that needs a password."""
    access = postgresql.data / "pg_hba.conf"
    rules = access.read_text()
    with postgresql.role("locked", "PASSWORD 'right'"):
        access.write_text(f"host all locked 127.0.0.1/32 scram-sha-256\n{rules}")
        postgresql.execute("SELECT pg_reload_conf()")
        yield
        access.write_text(rules)
        postgresql.execute("SELECT pg_reload_conf()")


def test_wrong_password_is_one_line_without_it(
    postgresql: Cluster, locked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    with postgresql.role("guest"), postgresql_blogs.empty(tmp_path) as url:
        guest = make_url(url).set(username="guest").render_as_string()
        monkeypatch.setenv("BLOG_DATABASE_URL", guest)
        said = failed(blog("database upgrade"))

    assert "permission denied for schema public" in said


def test_unknown_option_of_a_url_is_one_line(
    postgresql: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_DATABASE_URL", f"{postgresql.url('postgres')}?colour=blue")

    said = failed(blog("author list"))

    assert said == 'the database URL can\'t be used: invalid connection option "colour"'


def test_backup_of_a_server_that_is_away_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_DATABASE_URL", "postgresql+psycopg://blog@127.0.0.1:1/blog")

    said = failed(blog(f"database backup {tmp_path / 'copy.db'}"))

    assert said.startswith("the database can't be reached: ")
    assert list(tmp_path.iterdir()) == []


def test_missing_driver_is_one_line_that_names_what_to_install(tmp_path: Path) -> None:
    env = {"BLOG_DATABASE_URL": "postgresql+psycopg://localhost/blog"}
    ended = run_blog(tmp_path, "database", "check", env=env, without="psycopg")

    assert ended.returncode == 1
    assert ended.stderr == (
        "Error: PostgreSQL needs psycopg; in the checkout, pip install '.[postgres]'\n"
    )
