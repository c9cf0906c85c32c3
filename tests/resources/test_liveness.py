"""Liveness: whether the server answers, whatever its database does."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import assert_problem
from tests.people import RICK
from tests.rivals import connected


def test_a_server_that_answers_is_live(client: FlaskClient) -> None:
    response = client.get("/health/live")

    assert response.status_code == 200
    assert response.json == {
        "_links": {"self": "http://localhost/health/live"},
        "status": "live",
    }


def test_it_is_live_without_a_table_to_read(client: FlaskClient, database_url: str) -> None:
    with connected(database_url) as rival:
        rival.execute("DROP TABLE alembic_version")
    response = client.get("/health/live")

    assert response.status_code == 200


@cases("method", ["GET", "HEAD"])
def test_no_cache_keeps_it(client: FlaskClient, method: str) -> None:
    etag = client.get("/health/live").headers["ETag"]
    response = client.open("/health/live", method=method, headers={"If-None-Match": etag})

    assert response.headers["Cache-Control"] == "no-store"


@cases("auth", [None, RICK])
def test_the_root_does_not_lead_there(client: FlaskClient, auth: tuple[str, str] | None) -> None:
    assert "health" not in client.get("/", auth=auth).text


def test_it_takes_no_writes(client: FlaskClient) -> None:
    response = client.post("/health/live", json={}, auth=RICK)

    assert_problem(response, 405)
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
