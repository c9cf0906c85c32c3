"""A PostgreSQL database holds a moment that no calendar has: that is a state, and no mistake."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.contract import Clock, assert_problem, path_of, write_post
from tests.gateway.cached import served
from tests.people import RICK
from tests.rivals import change

pytestmark = pytest.mark.databases("postgresql")


@pytest.mark.parametrize("path", ["/post", "{}", "{}/revision", "/change?fields=title"])
def test_a_date_that_is_infinite_is_503(
    client: FlaskClient, database_url: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    post = path_of(write_post(client).headers["Location"])
    for table in ("post", "revision"):
        change(database_url, f"UPDATE {table} SET updated_date = 'infinity'")

    assert_problem(client.get(path.format(post), auth=RICK), 503)
    assert (
        "storage unavailable: the database is temporarily unavailable: timestamp too large"
        in caplog.text
    )


def test_a_cache_passes_on_that_a_date_is_infinite(database_url: str) -> None:
    with served(Clock(), database_url=database_url) as cached:
        post = cached.write()
        change(database_url, "UPDATE post SET updated_date = 'infinity'")

        assert [cached.get(path).status for path in ("/post", post)] == [503, 503]
