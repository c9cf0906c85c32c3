"""`scripts/failover-test --short`: what it claims is held against each change of the code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from blog.app import create_app
from blog.settings import Settings
from tests.blogs import PostgreSQLBlogs
from tests.contract import write_post
from tests.scenarios.failover import Pair, compare
from tests.scenarios.failover_clients import Ledger, Promise
from tests.servers.outages import configured
from tests.servers.postgresql import directory, is_installed
from tests.servers.serving import TIMEOUT, environment

ROOT = Path(__file__).parents[2]
PROMISES = {"/post/1": Promise("writer 1 1", "2026-11-22T09:47:45.746058Z", 5)}


@pytest.mark.long
@pytest.mark.skipif(not is_installed(), reason="PostgreSQL is not installed")
def test_nothing_acknowledged_is_lost_and_no_read_fails_over_a_failover() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.scenarios.failover", "--short"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=5 * TIMEOUT,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "none missing" in ended.stdout


@pytest.mark.parametrize(
    ("rows", "claim"),
    [
        ([], "/post/1 has None, and 5 was acknowledged"),
        ([("1", "writer 1 1", 4)], "/post/1 has 4, and 5 was acknowledged"),
        ([("1", "writer 1 1", 5), ("2", "writer 1 1", 5)], "a post was created twice"),
        (
            [("1", "writer 1 1", 5), ("3", "writer 1 9", 9)],
            "answered 503 and done: {'writer 1 9'}",
        ),
    ],
)
def test_broken_promise_is_found(rows: list[tuple[str, str, int]], claim: str) -> None:
    ledger = Ledger(promises=PROMISES, unacknowledged={"writer 1 9": True})

    compare(ledger, rows)

    assert ledger.broken == [claim]


def test_kept_promises_are_found_to_be_kept() -> None:
    # A later number may be there: its write was not acknowledged, and may have been done.
    ledger = Ledger(promises=PROMISES, unacknowledged={"writer 1 9": False})

    compare(ledger, [("1", "writer 1 1", 7), ("3", "writer 1 9", 9)])

    assert ledger.broken == []


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A primary, and a standby that it waits for."""
    if not is_installed():
        pytest.skip("PostgreSQL is not installed")
    with directory() as place:
        made = Pair(place)
        try:
            made.start()
            yield made
        finally:
            made.stop()


def test_write_after_the_old_primary_was_fenced_goes_to_the_new_one(pair: Pair) -> None:
    """The old primary still accepts connections and refuses writes."""
    PostgreSQLBlogs(pair.primary)
    url = make_url(pair.url()).set(database="filled").render_as_string()
    app = create_app(Settings(database_url=url))
    with closing(app.extensions["blog"].database):
        client = app.test_client()
        write_post(client, title="Before")
        with configured(pair.primary, "default_transaction_read_only", "on"):
            pair.standby.promote()
            write_post(client, title="After")
            read = [post["title"] for post in client.get("/post").json["data"]]

    written = pair.standby.execute("SELECT title FROM post ORDER BY title", "filled")
    assert (written, sorted(read)) == ([("After",), ("Before",)], ["After", "Before"])
