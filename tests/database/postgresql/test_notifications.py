"""Notifications of PostgreSQL: the state is unknown whenever one may be missed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import cycle
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from blog.database.change_detection import ChangeDetector, ChangeToken
from blog.database.database import Database
from blog.database.postgresql.notifications import NotificationListener
from blog.errors import DatabaseError, StorageUnavailable
from blog.storage.tables import PUBLIC_TABLES
from tests.blogs import PostgreSQLBlogs
from tests.contract import Clock
from tests.gateway.cached import served, wait_until
from tests.people import RICK
from tests.servers import pgbouncer
from tests.servers.outages import configured, database_of
from tests.servers.postgresql import FAST, Cluster, catch_up, is_installed, replicated

LISTENS = "query ~ '^(LISTEN|SELECT 1$|SHOW transaction_read_only)'"


@pytest.fixture
def url(postgresql_blogs: PostgreSQLBlogs, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own, on a server."""
    with postgresql_blogs.copy(tmp_path) as made:
        yield made


@pytest.fixture
def detector(url: str) -> Iterator[ChangeDetector]:
    """A detector for that database, once its state is known."""
    with (
        closing(Database(url)) as database,
        closing(database.change_detector(PUBLIC_TABLES)) as made,
    ):
        wait_until(lambda: made.state() is not None)
        yield made


def end_connections(server: Cluster, url: str, which: str) -> None:
    """Have the server end the connections to a database that fit a condition."""
    server.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        f"WHERE datname = '{database_of(url)}' AND {which}"
    )


def test_state_is_unknown_from_the_end_of_the_connection_to_the_next_one(
    detector: ChangeDetector, postgresql: Cluster, url: str
) -> None:
    before = detector.state()
    end_connections(postgresql, url, LISTENS)

    wait_until(lambda: detector.state() is None)
    wait_until(lambda: detector.state() is not None)
    # No notification tells of what was written meanwhile.
    assert detector.state() != before


def test_state_is_unknown_while_the_server_hangs(
    detector: ChangeDetector, postgresql: Cluster
) -> None:
    with postgresql.frozen():
        wait_until(lambda: detector.state() is None)

    wait_until(lambda: detector.state() is not None)


def test_state_is_unknown_while_the_server_is_read_only(
    detector: ChangeDetector, postgresql: Cluster
) -> None:
    with configured(postgresql, "default_transaction_read_only", "on"):
        wait_until(lambda: detector.state() is None)

    wait_until(lambda: detector.state() is not None)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO author (name, name_key, role, version, updated_date) "
        "VALUES ('zoe', 'zoe', 'author', 1, now())",
        "UPDATE author SET role = 'editor'",
        "DELETE FROM author",
        "TRUNCATE author CASCADE",
        "TRUNCATE post CASCADE",
    ],
    ids=lambda statement: statement.split(" (")[0],
)
def test_write_of_another_program_changes_the_state(
    detector: ChangeDetector, postgresql: Cluster, url: str, statement: str
) -> None:
    before = detector.state()
    postgresql.execute(statement, database_of(url))

    wait_until(lambda: detector.state() not in (None, before))


def test_write_that_is_rolled_back_does_not_change_the_state(
    detector: ChangeDetector, postgresql: Cluster, url: str
) -> None:
    before = detector.state()
    with psycopg.connect(postgresql.dsn(database_of(url))) as other:
        other.execute("DELETE FROM author")
        other.rollback()
        other.execute("SELECT 1")

    assert detector.state() == before


class Counted:
    """Connects, or fails to for one of some reasons, and counts how often."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]]) -> None:
        self._connect = connect
        self.times = 0

    def __call__(self) -> psycopg.Connection[Any]:
        self.times += 1
        return self._connect()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Why the cache was said to be off."""
    said = [record.getMessage() for record in caplog.records if record.name == "blog.storage"]
    return [text.partition(": ")[2] for text in said if text.startswith("the cache is off")]


def test_state_is_unknown_behind_pgbouncer_and_the_reason_is_logged_once(
    postgresql: Cluster, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    if not pgbouncer.is_installed():
        pytest.skip("pgbouncer is not installed")
    caplog.set_level(logging.WARNING, logger="blog")
    with ExitStack() as stack:
        before = stack.enter_context(pgbouncer.bouncer(postgresql, 2)).before(url)
        database = stack.enter_context(closing(Database(before)))
        connect = Counted(database.backend._primary.connect_to_listen)
        detector = stack.enter_context(
            closing(NotificationListener(connect, ChangeToken(), PUBLIC_TABLES))
        )
        wait_until(lambda: connect.times == 3)

        assert detector.state() is None
    assert warnings(caplog) == ["the URL is that of a pooler, which delivers no notifications"]


@pytest.mark.slow
def test_each_reason_is_logged_once_in_whatever_order_they_come(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reasons = cycle([StorageUnavailable("gone"), DatabaseError("forbidden")])

    def fail() -> psycopg.Connection[Any]:
        raise next(reasons)

    caplog.set_level(logging.WARNING, logger="blog")
    connect = Counted(fail)
    with closing(NotificationListener(connect, ChangeToken(), PUBLIC_TABLES)):
        wait_until(lambda: connect.times == 4)

    assert warnings(caplog) == ["gone", "forbidden"]


@pytest.fixture
def servers() -> Iterator[Sequence[Cluster]]:
    """A primary and two replicas, of which it waits for none."""
    if not is_installed():
        pytest.skip("PostgreSQL is not installed")
    # What was acknowledged is in the log, for the replicas to catch up with.
    with replicated({**FAST, "synchronous_commit": "on"}) as made:
        yield made


def pause(replica: Cluster) -> None:
    """Have a replica fall behind."""
    replica.execute("SELECT pg_wal_replay_pause()")
    state = "SELECT pg_get_wal_replay_pause_state()"
    wait_until(lambda: replica.execute(state) == [("paused",)])


def test_read_from_a_replica_while_the_primary_is_away_is_not_cached(
    servers: Sequence[Cluster], tmp_path: Path, clock: Clock
) -> None:
    primary, *replicas = servers
    hosts = "&".join(f"host=127.0.0.1:{replica.port}" for replica in replicas)
    with ExitStack() as stack:
        url = stack.enter_context(PostgreSQLBlogs(primary).copy(tmp_path))
        name = make_url(url).database
        read_url = f"postgresql+psycopg://blog@/{name}?{hosts}"
        cached = stack.enter_context(served(clock, database_url=url, database_read_url=read_url))
        path = cached.write(title="Old")
        catch_up(primary, replicas)
        for replica in replicas:
            pause(replica)
        client = cached.app.test_client()
        before = cached.cache.state()
        assert client.patch(path, json={"title": "New"}, auth=RICK).status_code == 200
        # The mark says so at once, and the server a moment later.
        wait_until(lambda: cached.cache.state()[0] != before[0])

        # The listener stays connected, and no other client can connect.
        primary.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        end_connections(primary, url, f"NOT {LISTENS}")
        away = cached.get(path)
        primary.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        wait_until(lambda: "New" in client.get(path).text)
        back = cached.get(path)

        assert (b"Old" in away.body, b"New" in back.body) == (True, True)
