"""What a clock that was wrong leaves behind: dates in the future, none of which counts for long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from time import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from limits.storage import MemoryStorage, Storage
from sqlalchemy import Column, Table, select

from blog.database.database import Database
from blog.database.session import Session
from blog.http.application import Application
from blog.sign_in.failure_counts import FailureCounts
from blog.sign_in.redis import open_redis
from blog.storage import known_addresses
from blog.storage.tables import access_token, attempt, idempotency_key, sign_in
from tests.contract import Clock, assert_problem, path_of, write_post
from tests.people import RICK
from tests.servers.redis import is_installed, server
from tests.sign_in.guessing import ELSEWHERE, HOME, MOST, guess, guess_from_everywhere
from tests.sign_in.guessing import sign_in as ask
from tests.tokens import issue, me

YEAR = 365
KEY = {"Idempotency-Key": '"key"'}
POST = {"title": "First!", "body": "First post!"}


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.session() as opened:
        yield opened


@pytest.fixture
def strict(make_app: Callable[..., Application]) -> FlaskClient:
    """A client of a blog where few sign-ins may fail."""
    return make_app(sign_in_failures=MOST).test_client()


def dates(session: Session, table: Table, column: Column[Any]) -> list[Any]:
    """All dates in a column, sorted."""
    session.close()
    return sorted(session.reading().scalars(select(column).select_from(table)))


def test_failures_while_the_clock_was_ahead_lock_no_author_out(
    strict: FlaskClient, clock: Clock
) -> None:
    clock.advance(days=YEAR)
    guess(strict)
    locked = ask(strict).status_code
    clock.advance(days=-YEAR)

    assert (locked, ask(strict).status_code) == (429, 200)


def test_failures_after_the_clock_was_ahead_count(strict: FlaskClient, clock: Clock) -> None:
    clock.advance(days=YEAR)
    guess(strict)
    clock.advance(days=-YEAR)
    guess(strict)

    assert_problem(ask(strict), 429)


def test_failures_by_a_clock_that_is_a_little_ahead_count(
    strict: FlaskClient, clock: Clock
) -> None:
    clock.advance(seconds=30)
    guess(strict)
    clock.advance(seconds=-30)

    assert_problem(ask(strict), 429)


def test_an_address_noted_while_the_clock_was_ahead_is_not_known(
    client: FlaskClient, strict: FlaskClient, clock: Clock
) -> None:
    clock.advance(days=YEAR)
    ask(client)
    clock.advance(days=-YEAR)
    guess_from_everywhere(strict)

    assert_problem(ask(strict), 429)


def test_an_address_noted_while_the_clock_was_ahead_is_noted_anew(
    client: FlaskClient, strict: FlaskClient, clock: Clock, session: Session
) -> None:
    clock.advance(days=YEAR)
    ask(client, address=HOME)
    ask(client, address=ELSEWHERE)
    clock.advance(days=-YEAR)
    ask(strict, address=HOME)

    assert dates(session, sign_in, sign_in.c.date) == [clock()]


@pytest.mark.parametrize("days", [-YEAR, -31, -1, 1, 31, YEAR])
def test_an_address_is_known_and_a_sign_in_due_by_dates_that_are_near(
    clock: Clock, days: int
) -> None:
    noted = clock() + timedelta(days=days)

    assert known_addresses.is_known(noted, clock()) is (abs(days) < 31)
    assert known_addresses.is_due(noted, clock()) is True


def test_failures_in_the_future_are_swept(
    strict: FlaskClient, clock: Clock, session: Session
) -> None:
    clock.advance(days=YEAR)
    guess(strict)
    clock.advance(days=-YEAR)
    guess(strict, times=1)

    assert set(dates(session, attempt, attempt.c.date)) == {clock()}


def test_a_key_of_a_request_while_the_clock_was_ahead_holds_no_longer(
    client: FlaskClient, clock: Clock, session: Session
) -> None:
    clock.advance(days=YEAR)
    first = client.post("/post", json=POST, auth=RICK, headers=KEY)
    clock.advance(days=-YEAR)
    second = client.post("/post", json=POST, auth=RICK, headers=KEY)
    again = client.post("/post", json=POST, auth=RICK, headers=KEY)

    locations = [response.headers["Location"] for response in (first, second, again)]
    assert locations[0] != locations[1] == locations[2]
    assert dates(session, idempotency_key, idempotency_key.c.created_date) == [clock()]


def test_a_key_by_a_clock_that_was_an_hour_ahead_holds(client: FlaskClient, clock: Clock) -> None:
    clock.advance(hours=1)
    first = client.post("/post", json=POST, auth=RICK, headers=KEY)
    clock.advance(hours=-1)
    again = client.post("/post", json=POST, auth=RICK, headers=KEY)

    assert first.headers["Location"] == again.headers["Location"]


def test_keys_in_the_future_are_swept(client: FlaskClient, clock: Clock, session: Session) -> None:
    clock.advance(days=YEAR)
    for number in range(3):
        client.post("/post", json=POST, auth=RICK, headers={"Idempotency-Key": f'"{number}"'})
    clock.advance(days=-YEAR)
    client.post("/post", json=POST, auth=RICK, headers=KEY)

    assert dates(session, idempotency_key, idempotency_key.c.created_date) == [clock()]


def test_a_token_made_while_the_clock_was_ahead_is_not_good_for_longer(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    made = clock()
    auth = issue(database, expiry=made + timedelta(days=30))
    clock.advance(days=-YEAR)
    early = me(client, auth)
    clock.now = made - timedelta(days=1)

    assert (early, me(client, auth)) == (None, "rick")


def test_a_use_of_a_token_in_the_future_is_noted_anew(
    client: FlaskClient, database: Database, clock: Clock, session: Session
) -> None:
    auth = issue(database)
    clock.advance(days=YEAR)
    me(client, auth)
    clock.advance(days=-YEAR)
    me(client, auth)

    assert dates(session, access_token, access_token.c.last_used) == 4 * [clock().date()]


@pytest.mark.parametrize("target", ["post", "author"])
def test_last_modified_is_never_later_than_the_answer(
    client: FlaskClient, clock: Clock, target: str
) -> None:
    clock.advance(days=YEAR)
    path = path_of(write_post(client).headers["Location"])
    client.patch("/author/rick", json={"bio": "Ahead."}, auth=RICK)
    clock.advance(days=-YEAR)
    response = client.get(path if target == "post" else "/author/rick", auth=RICK)

    assert response.headers["Last-Modified"] == "Sun, 22 Nov 2026 09:47:45 GMT"


def test_what_was_changed_while_the_clock_was_ahead_is_not_304_by_date(
    client: FlaskClient, clock: Clock
) -> None:
    clock.advance(days=YEAR)
    client.patch("/author/rick", json={"bio": "Ahead."}, auth=RICK)
    clock.advance(days=-YEAR)
    seen = client.get("/author/rick").headers["Last-Modified"]

    assert client.get("/author/rick", headers={"If-Modified-Since": seen}).status_code == 200


def test_versions_after_a_clock_that_was_ahead_are_not_lost(
    client: FlaskClient, clock: Clock
) -> None:
    clock.advance(days=YEAR)
    path = path_of(write_post(client).headers["Location"])
    seen = client.get(path).headers["Last-Modified"]
    clock.advance(days=-YEAR)
    for title in ("Second!", "Third!"):
        client.patch(path, json={"title": title}, auth=RICK)
    headers = {"If-Unmodified-Since": seen}

    assert_problem(client.patch(path, json={"title": "M"}, auth=RICK, headers=headers), 412)


@pytest.fixture(params=["memory", "redis"])
def shared(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """A storage of the limits library, which has the time of this machine."""
    if request.param == "memory":
        yield MemoryStorage(wrap_exceptions=True)
        return
    if not is_installed():
        pytest.skip("Redis is not installed")
    with server() as redis:
        yield open_redis(redis.url)


def fill_ahead(storage: Any, key: str, ahead: float) -> None:
    """Keep as many failures as there is room for, as if this machine's clock had been ahead."""
    if isinstance(storage, MemoryStorage):
        for entry in storage.events[key]:
            entry.atime += ahead
            entry.expiry += ahead
        return
    name, connection = storage.prefixed_key(key), storage.get_connection()
    connection.delete(name)
    connection.rpush(name, *[time() + ahead] * MOST)


@pytest.mark.parametrize(("ahead", "locked"), [(YEAR * 86400.0, False), (30.0, True)])
def test_failures_that_the_library_has_counted_ahead_lock_no_author_out_for_long(
    session: Session, clock: Clock, shared: Storage, ahead: float, locked: bool
) -> None:
    counts = FailureCounts(MOST, 300, shared)
    for _ in range(MOST):
        counts.add(session, ["key"], clock())
    fill_ahead(shared, counts._limit.key_for("key"), ahead)

    assert (counts.wait(session, ["key"], clock()) > 0) is locked
    counts.add(session, ["key"], clock())
    assert (counts.wait(session, ["key"], clock()) > 0) is locked
