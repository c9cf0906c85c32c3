"""The triggers of notification: if one does not work, the cache is off and the log says why."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from blog.database.change_detection import ChangeDetector, ChangeToken
from blog.database.database import Database
from blog.database.postgresql.notifications import NotificationListener
from blog.maintenance import integrity, schema
from blog.storage.tables import PUBLIC_TABLES
from tests.blogs import PostgreSQLBlogs
from tests.gateway.cached import wait_until
from tests.rivals import change
from tests.servers.outages import configured, database_of
from tests.servers.postgresql import Cluster

USUAL = "ALTER TABLE post ENABLE TRIGGER tell_of_write"
POST = "the trigger tell_of_write of the table post"
BREAKAGES = {
    "ALTER TABLE post DISABLE TRIGGER tell_of_write": f"{POST} is disabled",
    "ALTER TABLE post DISABLE TRIGGER ALL": f"{POST} is disabled",
    "ALTER TABLE post ENABLE REPLICA TRIGGER tell_of_write": f"{POST} is disabled",
    "DROP TRIGGER tell_of_write ON post": f"{POST} is missing",
    "DROP FUNCTION tell_of_write() CASCADE": f"{POST} is missing",
    "DROP TRIGGER tell_of_write ON author": "the trigger tell_of_write of the table author "
    "is missing",
    "DROP TRIGGER tell_of_write ON post; CREATE TRIGGER tell_of_write AFTER INSERT ON post "
    "EXECUTE FUNCTION tell_of_write()": f"{POST} is missing",
    "CREATE OR REPLACE FUNCTION tell_of_write() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN RETURN NULL; END'": f"{POST} calls another function",
}


@pytest.fixture
def url(postgresql_blogs: PostgreSQLBlogs, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own, on a server."""
    with postgresql_blogs.copy(tmp_path) as made:
        yield made


@pytest.fixture
def opened(url: str) -> Iterator[Database]:
    """The database, opened."""
    with closing(Database(url)) as made:
        yield made


@pytest.fixture
def detector(opened: Database) -> Iterator[ChangeDetector]:
    """A detector for that database, once its state is known."""
    with closing(opened.change_detector(PUBLIC_TABLES)) as made:
        wait_until(lambda: made.state() is not None)
        yield made


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the log says of the cache."""
    caplog.set_level(logging.WARNING, logger="blog.storage")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_broken_trigger_turns_the_cache_off_until_it_is_repaired(
    detector: ChangeDetector,
    opened: Database,
    url: str,
    said: Callable[[], list[str]],
    breakage: str,
) -> None:
    change(url, breakage)
    wait_until(lambda: detector.state() is None)
    assert BREAKAGES[breakage] in integrity.faults(opened)

    assert schema.upgrade(opened) is True
    wait_until(lambda: detector.state() is not None)

    assert integrity.faults(opened) == []
    assert [text.partition(",")[0] for text in said()] == [
        "the cache is off",
        "the cache is on again",
    ]


def test_trigger_that_was_disabled_for_a_moment_makes_what_was_read_stale(
    detector: ChangeDetector, url: str
) -> None:
    before = detector.state()
    change(
        url,
        "ALTER TABLE author DISABLE TRIGGER ALL",
        "ALTER TABLE author ENABLE TRIGGER ALL",
        "ALTER TABLE author ENABLE ALWAYS TRIGGER tell_of_write",
    )

    wait_until(lambda: detector.state() not in (None, before))


@pytest.mark.parametrize(
    "write",
    [
        "DELETE FROM author",
        "TRUNCATE author CASCADE",
        "DELETE FROM post",
        "DELETE FROM revision",
        "UPDATE tag SET name = 'b'",
    ],
)
def test_write_of_a_session_with_the_role_of_a_replica_changes_the_state(
    detector: ChangeDetector, url: str, write: str
) -> None:
    before = detector.state()
    change(url, "SET session_replication_role = replica", write)

    wait_until(lambda: detector.state() not in (None, before))


@pytest.mark.parametrize(
    "scope", ["DATABASE {0}", "ROLE blog IN DATABASE {0}"], ids=["database", "role"]
)
def test_setting_that_disables_a_usual_trigger_turns_the_cache_off(
    detector: ChangeDetector, opened: Database, url: str, scope: str
) -> None:
    change(url, USUAL)
    place = scope.format(database_of(url))
    change(url, f"ALTER {place} SET session_replication_role = 'Replica'")
    wait_until(lambda: detector.state() is None)

    fault = f"{POST} is disabled by session_replication_role=replica"
    assert integrity.faults(opened) == [fault]
    assert schema.upgrade(opened) is True
    wait_until(lambda: detector.state() is not None)


def test_server_whose_sessions_are_those_of_a_replica_turns_the_cache_off(
    detector: ChangeDetector, postgresql: Cluster, url: str
) -> None:
    change(url, USUAL)
    with configured(postgresql, "session_replication_role", "replica"):
        wait_until(lambda: detector.state() is None)
    wait_until(lambda: detector.state() is not None)


def test_usual_trigger_works_unless_a_setting_disables_it(opened: Database, url: str) -> None:
    change(url, USUAL)

    assert integrity.faults(opened) == []


def test_table_that_logical_replication_writes_turns_the_cache_off(
    detector: ChangeDetector, opened: Database, url: str
) -> None:
    change(
        url,
        "INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate) "
        "VALUES (1, 'post'::regclass, 'r')",
    )

    wait_until(lambda: detector.state() is None)
    fault = "a subscription writes to the table post, which fires no trigger"
    assert integrity.faults(opened) == [fault]


def test_role_that_does_not_own_the_tables_leaves_the_triggers_alone(
    postgresql: Cluster, url: str
) -> None:
    reader = postgresql.role("reader", "IN ROLE pg_read_all_data")
    change(url, "DROP TRIGGER tell_of_write ON post")

    with reader, closing(Database(url.replace("//blog@", "//reader@"))) as opened:
        assert schema.upgrade(opened) is False
        assert integrity.faults(opened) == [f"{POST} is missing"]


class Deaf(psycopg.Connection[Any]):
    """A connection that delivers no notifications, as one to a pooler may do."""

    def add_notify_handler(self, callback: object) -> None:
        """Forget it."""


def test_server_that_does_not_echo_turns_the_cache_off(
    postgresql: Cluster, url: str, said: Callable[[], list[str]]
) -> None:
    def connect() -> psycopg.Connection[Any]:
        return Deaf.connect(postgresql.dsn(database_of(url)), autocommit=True)

    with closing(NotificationListener(connect, ChangeToken(), PUBLIC_TABLES)) as detector:
        wait_until(lambda: bool(said()))
        assert detector.state() is None
    assert said()[0].endswith(": the server does not deliver notifications")


def test_connection_for_which_the_server_stops_listening_is_replaced(
    postgresql: Cluster, url: str, said: Callable[[], list[str]]
) -> None:
    connections: list[psycopg.Connection[Any]] = []

    def connect() -> psycopg.Connection[Any]:
        dsn = postgresql.dsn(database_of(url))
        connections.append(psycopg.connect(dsn, autocommit=True))
        return connections[-1]

    with closing(NotificationListener(connect, ChangeToken(), PUBLIC_TABLES)) as detector:
        before = known(detector)
        # As a pooler does before it gives the connection to another client.
        connections[0].execute("DISCARD ALL")
        wait_until(lambda: len(connections) == 2)

        assert known(detector) != before
    assert said()[0].endswith(": the server has stopped listening for this connection")


def known(detector: ChangeDetector) -> Hashable:
    """The state, once there is one."""
    wait_until(lambda: detector.state() is not None)
    return detector.state()


def test_database_without_a_schema_is_no_fault_of_the_triggers(
    postgresql_blogs: PostgreSQLBlogs, tmp_path: Path
) -> None:
    with postgresql_blogs.empty(tmp_path) as url, closing(Database(url)) as opened:
        assert schema.upgrade(opened) is True
        assert schema.upgrade(opened) is False


def test_new_listener_does_not_change_the_state_of_another(
    detector: ChangeDetector, opened: Database
) -> None:
    before = detector.state()
    with closing(opened.change_detector(PUBLIC_TABLES)) as other:
        wait_until(lambda: other.state() is not None)

    assert detector.state() == before
