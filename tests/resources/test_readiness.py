"""Readiness: whether the database answers and has the schema of this program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url

from blog.app import create_app, create_gateway
from blog.database.database import Database
from blog.errors import NotReady
from blog.maintenance.schema_watch import SchemaWatch
from blog.settings import Settings
from tests.blogs import PostgreSQLBlogs
from tests.cases import cases
from tests.contract import assert_problem
from tests.people import RICK
from tests.rivals import change, connected
from tests.servers.postgresql import FAST, Cluster, catch_up, is_installed, replicated

READY = "/health/ready"
AWAY = "the database can't be read now"
NOT_WHOLE = "the schema of the database has faults"


def test_a_server_whose_database_answers_is_ready(client: FlaskClient) -> None:
    response = client.get(READY)

    assert response.status_code == 200
    assert response.json == {
        "_links": {"self": f"http://localhost{READY}"},
        "status": "ready",
        "database": "primary",
        "writes": "working",
    }


def test_no_cache_keeps_it(client: FlaskClient) -> None:
    etag = client.get(READY).headers["ETag"]
    response = client.get(READY, headers={"If-None-Match": etag})

    assert response.headers["Cache-Control"] == "no-store"


@cases(
    ("statement", "detail"),
    [
        ("UPDATE alembic_version SET version_num = '0001'", "0001"),
        ("UPDATE alembic_version SET version_num = '9999'", "9999"),
        ("DELETE FROM alembic_version", "no schema"),
    ],
)
def test_another_schema_is_503_that_names_the_check(
    client: FlaskClient, database_url: str, statement: str, detail: str
) -> None:
    with connected(database_url) as rival:
        rival.execute(statement)
    response = client.get(READY)

    problem = assert_problem(response, 503)
    assert (problem["failed"], response.headers["Retry-After"]) == ("schema", "5")
    assert detail in problem["detail"]


@pytest.mark.settings(secret_key=None)
@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("DROP INDEX ix_post_title_id", "index ix_post_title_id is missing"),
        ("DROP TABLE idempotency_key", "table idempotency_key is missing"),
        ("DELETE FROM setting WHERE name = 'secret_key'", "the secret key is missing"),
    ],
)
def test_a_schema_that_is_not_whole_is_503_and_the_log_names_what_is_missing(
    client: FlaskClient,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
    damage: str,
    fault: str,
) -> None:
    change(database_url, damage)

    problem = assert_problem(client.get(READY), 503)
    assert (problem["failed"], problem["detail"]) == ("schema", NOT_WHOLE)
    assert f"not ready: {fault}" in caplog.messages


@pytest.mark.settings(secret_key="k" * 32)
def test_a_secret_key_in_the_settings_need_not_be_in_the_database(client: FlaskClient) -> None:
    assert client.get(READY).status_code == 200


def test_the_schema_is_compared_once_a_minute(database: Database, database_url: str) -> None:
    seconds = [0.0]
    watch = SchemaWatch(needs_secret_key=False, clock=lambda: seconds[0])
    with database.session() as session:
        watch.require_whole(session)
    change(database_url, "DROP INDEX ix_post_title_id")
    seconds[0] = 59.9
    with database.session() as session:
        watch.require_whole(session)

        seconds[0] = 60.0
        with pytest.raises(NotReady):
            watch.require_whole(session)


@pytest.mark.parametrize(
    "damage", ["ALTER TABLE tag RENAME TO label", "ALTER TABLE tag RENAME COLUMN key TO folded"]
)
@pytest.mark.parametrize("path", ["/tag", "/post?tag=a"])
def test_a_request_that_misses_something_has_the_schema_compared_at_once(
    client: FlaskClient, database_url: str, damage: str, path: str
) -> None:
    before = client.get(READY).status_code
    change(database_url, damage)
    unaware = client.get(READY).status_code

    assert_problem(client.get(path), 503)
    problem = assert_problem(client.get(READY), 503)

    assert (before, unaware, problem["failed"]) == (200, 200, "schema")


def test_a_broken_schema_is_compared_again_after_five_seconds(
    database: Database, database_url: str
) -> None:
    seconds = [0.0]
    watch = SchemaWatch(needs_secret_key=False, clock=lambda: seconds[0])
    change(database_url, "DROP INDEX ix_post_title_id")
    with database.session() as session, pytest.raises(NotReady):
        watch.require_whole(session)
    change(database_url, "CREATE INDEX ix_post_title_id ON post (title, id)")
    with database.session() as session, pytest.raises(NotReady):
        watch.require_whole(session)

    seconds[0] = 5.0
    with database.session() as session:
        watch.require_whole(session)


def test_a_worker_that_starts_on_a_broken_schema_logs_what_is_missing(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    change(database_url, "DROP INDEX ix_post_title_id")

    create_gateway(Settings(database_url=database_url, cache_bytes=0))

    assert f"{NOT_WHOLE}: index ix_post_title_id is missing" in caplog.messages


def test_a_write_to_a_missing_table_is_503(client: FlaskClient, database_url: str) -> None:
    change(database_url, "DROP TABLE idempotency_key")

    response = client.post(
        "/post", json={"title": "T", "body": ""}, auth=RICK, headers={"Idempotency-Key": '"k"'}
    )

    assert_problem(response, 503)


def test_what_fails_is_in_the_log_and_its_text_stays_there(
    client: FlaskClient, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(database_url) as rival:
        rival.execute("DROP TABLE alembic_version")
    problem = assert_problem(client.get(READY), 503)

    (record,) = [record for record in caplog.records if record.name == "blog.errors"]
    assert (record.levelname, record.requestId) == ("WARNING", problem["requestId"])
    assert "contains tables of another program" in record.getMessage()
    assert (problem["failed"], problem["detail"]) == ("database", AWAY)


@pytest.fixture(scope="module")
def servers() -> Iterator[Sequence[Cluster]]:
    """A primary and its replicas, which the tests of this file may bring down."""
    if not is_installed():
        pytest.skip("PostgreSQL is not installed")
    with replicated(FAST) as made:
        yield made


@pytest.fixture(scope="module")
def copies(servers: Sequence[Cluster]) -> PostgreSQLBlogs:
    """Databases on the primary."""
    return PostgreSQLBlogs(servers[0])


@pytest.fixture
def url(servers: Sequence[Cluster], copies: PostgreSQLBlogs, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own, on all of the servers."""
    with copies.copy(tmp_path) as made:
        catch_up(servers[0], servers[1:])
        yield made


@pytest.fixture
def node(servers: Sequence[Cluster], url: str) -> Iterator[FlaskClient]:
    """A client of a node that reads from the replicas, too."""
    hosts = "&".join(f"host=127.0.0.1:{replica.port}" for replica in servers[1:])
    read_url = f"postgresql+psycopg://blog@/{make_url(url).database}?{hosts}"
    app = create_app(Settings(database_url=url, database_read_url=read_url))
    yield app.test_client()
    app.extensions["blog"].database.close()


@pytest.fixture
def without_primary(servers: Sequence[Cluster], node: FlaskClient) -> Iterator[None]:
    """Have the primary be away, as after a power failure, once the node has served."""
    assert node.get(READY).json["database"] == "primary"
    servers[0].kill()
    yield
    servers[0].start()


def test_a_node_that_only_reads_is_ready_and_says_so(
    node: FlaskClient, without_primary: None
) -> None:
    response = node.get(READY)

    assert (response.status_code, response.json["database"]) == (200, "replica")


@pytest.fixture
def without_servers(servers: Sequence[Cluster], without_primary: None) -> Iterator[None]:
    """Have every server be away."""
    for replica in servers[1:]:
        replica.kill()
    yield
    for replica in servers[1:]:
        replica.start()


@pytest.mark.long
@pytest.mark.parametrize("auth", [None, RICK])
def test_a_database_that_is_away_is_503_that_names_the_check(
    node: FlaskClient, without_servers: None, auth: tuple[str, str] | None
) -> None:
    response = node.get(READY, auth=auth)

    problem = assert_problem(response, 503)
    assert (problem["failed"], response.headers["Retry-After"]) == ("database", "5")
    assert problem["detail"] == AWAY


@pytest.mark.long
def test_a_node_is_live_while_its_database_is_away(
    node: FlaskClient, without_servers: None
) -> None:
    assert node.get("/health/live").status_code == 200


@pytest.mark.long
def test_a_node_is_ready_again_once_its_database_is_back(
    servers: Sequence[Cluster], node: FlaskClient
) -> None:
    before = node.get(READY).status_code
    servers[0].kill()
    servers[0].start()

    assert (before, node.get(READY).json["database"]) == (200, "primary")
