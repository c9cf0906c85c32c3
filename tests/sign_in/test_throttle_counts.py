"""The counts of failed sign-ins: over all processes, as digests, at a known cost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import event

from blog.database.database import Database
from blog.http.application import Application
from blog.storage import accounts
from tests.contract import Clock, assert_problem, write_post
from tests.people import RICK_PASSWORD
from tests.rivals import connected
from tests.servers.serving import TIMEOUT, add_author, serve
from tests.sign_in.guessing import (
    HOME,
    MOST,
    WRONG,
    MakeClient,
    guess,
    kept,
    sign_in,
)
from tests.storage.plans import statement_events

pytestmark = pytest.mark.settings(sign_in_failures=MOST)


def test_processes_count_together(make_client: MakeClient) -> None:
    for _ in range(MOST):
        guess(make_client(), times=1)

    assert_problem(sign_in(make_client(), RICK_PASSWORD), 429)


def test_concurrent_guesses_are_counted_before_the_next_are_verified(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(sign_in_failures=MOST)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: sign_in(app.test_client(), WRONG), range(12)))

    heard = [answer.status_code for answer in answers].count(401)
    assert MOST <= heard <= MOST + 1


@pytest.mark.parametrize("name", ["rick", "nobody"])
def test_a_failure_is_two_rows_for_any_author(
    client: FlaskClient, database_url: str, name: str
) -> None:
    guess(client, (name, "wrong password"), times=1)

    assert len(kept(database_url, "attempt")) == 2


def test_neither_names_nor_addresses_are_stored_in_clear(
    client: FlaskClient, database_url: str
) -> None:
    sign_in(client, RICK_PASSWORD, HOME)
    guess(client, ("my password", "rick"), HOME)
    text = str([*kept(database_url, "attempt"), *kept(database_url, "sign_in")])

    assert "my password" not in text
    assert HOME not in text


def test_another_key_makes_other_digests(make_client: MakeClient, database_url: str) -> None:
    for key in ("a key of enough characters", "another key, of as many"):
        guess(make_client(secret_key=key), times=1)

    assert len({row[1] for row in kept(database_url, "attempt")}) == 4


def test_a_refusal_is_logged_with_the_address_and_without_the_name(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    guess(client, ("my password", "rick"), "\u20ac\n" + "y" * 200)
    with caplog.at_level(logging.WARNING, "blog.auth"):
        sign_in(client, ("my password", "rick"), "\u20ac\n" + "y" * 200)

    (message,) = (r.getMessage() for r in caplog.records if r.name == "blog.auth")
    assert message.startswith("too many sign-ins from '\\u20ac\\nyyy")
    assert len(message) < 150 and "my password" not in message


def test_an_author_who_is_refused_is_not_rehashed(client: FlaskClient, database: Database) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("password")
    with database.session() as session:
        accounts.set_password(session, "rick", weak)
    guess(client)
    sign_in(client, RICK_PASSWORD)

    with database.session() as session:
        account = accounts.find(session, "rick")
    assert account and account.password_hash == weak


@contextmanager
def watched(app: Application) -> Iterator[list[str]]:
    """The statements that an application runs, but for those that begin and end transactions."""
    statements: list[str] = []

    def note(_c: object, _cursor: object, text: str, *_: object) -> None:
        if not text.startswith("BEGIN"):
            statements.append(text.split()[0])

    database = app.extensions["blog"].database
    event.listen(database.engine, "before_cursor_execute", note)
    with statement_events(database):
        yield statements


def test_a_sign_in_costs_one_read_more_and_no_write(
    make_app: Callable[..., Application],
) -> None:
    sign_in(make_app().test_client())
    app = make_app()
    with watched(app) as statements:
        first, seen = sign_in(app.test_client()), list(statements)
        statements.clear()
        second = sign_in(app.test_client())

    assert (first.status_code, second.status_code) == (200, 200)
    assert seen == ["SELECT", "SELECT"]
    assert statements == ["SELECT"]


def test_a_wrong_password_costs_what_an_unknown_author_does(
    make_app: Callable[..., Application],
) -> None:
    app = make_app()
    with watched(app) as statements:
        guess(app.test_client(), ("rick", "wrong password"), times=1)
        wrong = list(statements)
        statements.clear()
        guess(app.test_client(), ("nobody", "wrong password"), times=1)

    assert statements == wrong


def test_a_sign_in_is_noted_once_a_day(
    make_client: MakeClient, clock: Clock, database_url: str
) -> None:
    dates = []
    for hours in (0, 23, 1):
        clock.advance(hours=hours)
        sign_in(make_client(), RICK_PASSWORD)
        dates.append(kept(database_url, "sign_in"))

    assert dates[0] == dates[1] != dates[2]
    assert [len(rows) for rows in dates] == [1, 1, 1]


def test_a_write_goes_on_after_a_sign_in_was_noted(client: FlaskClient, database_url: str) -> None:
    write_post(client, RICK_PASSWORD)
    assert len(kept(database_url, "sign_in")) == 1


def test_sign_ins_need_no_writable_database(
    make_client: MakeClient, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(database_lock_timeout=0.1)
    with connected(database_url) as rival:
        rival.begin_writing()
        response = sign_in(client)

    assert response.status_code == 200
    assert kept(database_url, "sign_in") == []
    assert "the sign-in of 'rick' was not noted" in caplog.text


@contextmanager
def nothing_can_be_noted(url: str) -> Iterator[None]:
    """Block all other writes of counts."""
    with connected(url) as rival:
        rival.begin_writing()
        if "postgresql" in url:
            rival.execute("LOCK TABLE attempt IN EXCLUSIVE MODE")
        yield


def test_failures_count_while_the_database_can_not_be_written(
    make_client: MakeClient, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(database_lock_timeout=0.1)
    with nothing_can_be_noted(database_url):
        guess(client)
        held = sign_in(client, RICK_PASSWORD)

    assert_problem(held, 429)
    assert held.headers["Retry-After"] == "300"
    assert caplog.text.count("failed sign-ins are counted by each process for itself") == 1


def test_what_was_counted_meanwhile_still_counts_afterwards(
    make_client: MakeClient, database_url: str
) -> None:
    client = make_client(database_lock_timeout=0.1)
    with nothing_can_be_noted(database_url):
        guess(client)

    assert_problem(sign_in(client, RICK_PASSWORD), 429)
    assert sign_in(make_client(), RICK_PASSWORD).status_code == 200


@pytest.mark.long
def test_worker_processes_count_together(tmp_path: Path, empty_url: str) -> None:
    env = {"BLOG_DATABASE_URL": empty_url}
    add_author(tmp_path, env=env)
    with serve(tmp_path, "--workers", "2", env=env) as server:

        def sign_in_live(auth: tuple[str, str]) -> int:
            return requests.get(server.url, auth=auth, timeout=TIMEOUT).status_code

        with ThreadPoolExecutor(8) as pool:
            heard = list(pool.map(sign_in_live, [WRONG] * 40)).count(401)
        right = sign_in_live(RICK_PASSWORD)

    # Each of the two may verify two at once, which are not counted yet.
    assert 10 <= heard <= 13
    assert right == 429
