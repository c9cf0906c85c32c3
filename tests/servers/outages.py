"""What a test does to a PostgreSQL server, and the details of the problems that clients get."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import make_url
from werkzeug.test import TestResponse

from tests.contract import assert_problem
from tests.servers.postgresql import Cluster
from tests.servers.serving import eventually

UNKNOWN = "the database did not confirm this write: check whether it took effect before a retry"
AWAY = "the database is temporarily unavailable"


@contextmanager
def configured(server: Cluster, setting: str, value: str) -> Iterator[None]:
    """Have a setting of the server be another for a while."""
    server.execute(f"ALTER SYSTEM SET {setting} = {value}")
    server.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        server.execute(f"ALTER SYSTEM RESET {setting}")
        server.execute("SELECT pg_reload_conf()")


def on_insert(server: Cluster, url: str, *statements: str) -> None:
    """Have the database do this whenever a post is created."""
    name = database_of(url)
    server.execute("CREATE SEQUENCE tries", name)
    server.execute(
        "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {' '.join(statements)} RETURN NEW; END $$",
        name,
    )
    server.execute(
        "CREATE TRIGGER meddle BEFORE INSERT ON post FOR EACH ROW EXECUTE FUNCTION meddle()", name
    )


def fail(state: str, times: int) -> str:
    """A statement of a trigger that fails so often, as a sequence counts what is undone too."""
    raised = f"RAISE EXCEPTION 'no' USING ERRCODE = '{state}'"
    return f"IF nextval('tries') <= {times} THEN {raised}; END IF;"


def database_of(url: str) -> str:
    """The name of the database that a URL names."""
    return str(make_url(url).database)


def cut_all(server: Cluster) -> None:
    """End every connection of the blog, whatever it does."""
    server.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE application_name = 'blog'"
    )


@contextmanager
def held(server: Cluster, url: str) -> Iterator[None]:
    """Keep everybody from reading or writing posts."""
    with psycopg.connect(server.dsn(database_of(url))) as holder:
        holder.execute("LOCK TABLE post IN ACCESS EXCLUSIVE MODE")
        yield


def until_waiting(server: Cluster, event: str = "relation") -> None:
    """Wait until a connection of the blog waits, for a lock unless another event is named."""
    waits = f"application_name = 'blog' AND wait_event = '{event}'"
    eventually(
        lambda: bool(server.execute(f"SELECT 1 FROM pg_stat_activity WHERE {waits}")),
        lambda: f"no connection waits for {event}",
    )


def titles(server: Cluster, url: str) -> list[str]:
    """The titles of all posts that are there."""
    return [str(title) for (title,) in server.execute("SELECT title FROM post", database_of(url))]


def detail_of(response: TestResponse) -> str:
    """What a client is told that could not be served, and when to come again."""
    assert "Retry-After" in response.headers
    return str(assert_problem(response, 503)["detail"])
