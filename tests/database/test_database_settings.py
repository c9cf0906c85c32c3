"""Settings of databases: URLs, whose passwords are never shown, replicas and limits."""

from __future__ import annotations

import pytest

from blog.database.limits import Limits
from blog.settings import Settings, mask, read_settings
from tests.cases import cases
from tests.misconfiguration import refused

SECRET = "a key of enough characters"


@cases(
    ("value", "expected"),
    [
        (None, ""),
        (8, "8"),
        ("sqlite:///blog.db", "sqlite:///blog.db"),
        ("postgresql://me@example.org/blog", "postgresql://me@example.org/blog"),
        ("postgresql://me:s3cret@example.org/blog", "postgresql://me:***@example.org/blog"),
        ("postgresql+psycopg://:s3cret@/blog", "postgresql+psycopg://:***@/blog"),
        ("postgresql://me:p@ss:word@example.org/a", "postgresql://me:***@example.org/a"),
        ("postgresql://me:s3/cret@example.org/a", "postgresql://me:***@example.org/a"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        (
            "postgresql://me@/a?host=h1&password=s3cret&host=h2&sslpassword=s3cret",
            "postgresql://me@/a?host=h1&password=***&host=h2&sslpassword=***",
        ),
    ],
)
def test_password_in_a_url_is_masked(value: object, expected: str) -> None:
    assert mask(value) == expected


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://blog@db.example.org/blog",
        "postgresql+psycopg://blog@/blog?host=a:5432&host=b:5432&target_session_attrs=read-write",
        "postgresql+psycopg:///blog",
    ],
)
def test_a_postgresql_url_can_be_set(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_DATABASE_URL", url)
    monkeypatch.setenv("BLOG_DATABASE_READ_URL", url)

    settings = read_settings()

    assert (settings.database_url, settings.database_read_url) == (url, url)


def test_replicas_of_a_file_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused(monkeypatch, BLOG_DATABASE_READ_URL="postgresql://replica/blog")

    assert said == "BLOG_DATABASE_READ_URL needs a PostgreSQL database in BLOG_DATABASE_URL"


def test_a_file_is_no_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused(monkeypatch, BLOG_DATABASE_READ_URL="sqlite:///blog.db")

    assert said.endswith(": only PostgreSQL has replicas")


@pytest.mark.parametrize(
    "query", ["host=a,b", "host=a&host=b&port=5432", "host=a&host=b&port=1&port=2"]
)
def test_replicas_are_named_one_by_one(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused(monkeypatch, BLOG_DATABASE_READ_URL=f"postgresql:///blog?{query}")

    assert said.endswith(": write each replica as host=NAME:PORT")


def test_a_port_that_is_no_number_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://me:s3cret@example.org:port/blog"

    assert refused(monkeypatch, BLOG_DATABASE_URL=url) == (
        "BLOG_DATABASE_URL: 'postgresql://me:***@example.org:port/blog' is invalid: "
        "the database URL can't be read"
    )


def test_a_process_keeps_as_many_connections_as_it_has_threads() -> None:
    assert Settings(threads=7).limits.connections == 7


def test_limits_of_the_database_can_be_set() -> None:
    settings = Settings(
        database_connections=9,
        database_connect_timeout=3,
        database_statement_timeout=0.5,
        database_lock_timeout=1,
        sqlite_synchronous="normal",
    )

    assert settings.limits == Limits(9, connect=3, statement=0.5, lock=1, synchronous="normal")
