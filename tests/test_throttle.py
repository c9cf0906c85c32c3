"""Guessing: after some wrong sign-ins no more are heard, from an address and for an author."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from blog.content.tokens import digest, new_secret
from blog.http.application import Application
from blog.storage import accounts, passwords, tokens
from blog.storage.engine import Database
from blog.storage.tokens import AccessToken
from tests.contract import Clock, assert_problem, headers_of, write_post
from tests.people import ANN, JOE, RICK
from tests.rivals import connected
from tests.serving import PATIENCE, add_author, serve

WRONG = ("rick", "wrong password")
HOME, OFFICE, ELSEWHERE = "192.0.2.1", "192.0.2.2", "203.0.113.9"
# How many sign-ins may fail, where a test does not say.
MOST = 3

MakeClient = Callable[..., FlaskClient]


@pytest.fixture
def make_client(make_app: Callable[..., Application]) -> MakeClient:
    """Makes clients, each of a process of its own, which has verified nobody yet."""
    return lambda **settings: make_app(**{"sign_in_failures": MOST, **settings}).test_client()


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    """A client of one of the processes."""
    return make_client()


def sign_in(
    client: FlaskClient, auth: tuple[str, str] = RICK, address: str = HOME, **options: Any
) -> TestResponse:
    """Ask for the root, as somebody and from somewhere."""
    return client.get("/", auth=auth, environ_overrides={"REMOTE_ADDR": address}, **options)


def guess(
    client: FlaskClient, auth: tuple[str, str] = WRONG, address: str = HOME, times: int = MOST
) -> None:
    """Sign in wrongly, so often, and be heard each time."""
    for _ in range(times):
        assert sign_in(client, auth, address).status_code == 401


def guess_from_everywhere(client: FlaskClient, name: str = "rick") -> None:
    """Sign in wrongly as an author until no more is heard, each time from another address."""
    for number in range(MOST):
        guess(client, (name, "wrong password"), f"203.0.113.{100 + number}", times=1)


def kept(url: str, table: str) -> list[tuple[Any, ...]]:
    """All that is in a table."""
    with connected(url) as rival:
        return rival.execute(f"SELECT * FROM {table}")


def test_ten_failures_are_heard_and_no_more(make_app: Callable[..., Application]) -> None:
    client = make_app().test_client()
    guess(client, times=10)

    assert_problem(sign_in(client, WRONG), 429)


def test_a_429_says_when_to_come_again_and_asks_for_no_other_credentials(
    client: FlaskClient,
) -> None:
    guess(client)
    response = sign_in(client, WRONG)

    assert assert_problem(response, 429)["detail"].endswith("try again in 300 seconds")
    assert response.headers["Retry-After"] == "300"
    assert "WWW-Authenticate" not in response.headers


def test_past_the_limit_the_right_password_is_429_too(client: FlaskClient) -> None:
    guess(client)

    assert_problem(sign_in(client, RICK), 429)


def test_past_the_limit_a_write_is_429_and_has_no_effect(client: FlaskClient) -> None:
    guess(client)
    written = {"title": "First!", "body": ""}
    response = client.post(
        "/post", json=written, auth=RICK, environ_overrides={"REMOTE_ADDR": HOME}
    )

    assert_problem(response, 429)
    assert client.get("/post").json["data"] == []


def test_past_the_limit_nothing_is_hashed(client: FlaskClient) -> None:
    guess(client)
    with ExitStack() as places:
        for _ in range(2):
            places.enter_context(passwords._GATE)
        response = sign_in(client, RICK)

    assert_problem(response, 429)


def test_past_the_limit_nothing_is_kept(client: FlaskClient, database_url: str) -> None:
    guess(client)
    before = kept(database_url, "attempt")
    sign_in(client, WRONG)

    assert kept(database_url, "attempt") == before


def test_reading_without_credentials_stays_free(client: FlaskClient) -> None:
    guess(client)

    response = client.get("/post", environ_overrides={"REMOTE_ADDR": HOME})

    assert response.status_code == 200


@pytest.mark.parametrize("authorization", ["Bearer token", "Basic ?", "Basic", ""])
def test_what_can_not_be_read_is_401_and_not_counted(
    client: FlaskClient, database_url: str, authorization: str
) -> None:
    for _ in range(MOST + 1):
        response = client.get("/", headers={"Authorization": authorization})

        assert_problem(response, 401)
    assert kept(database_url, "attempt") == []


def test_after_the_time_that_was_told_sign_ins_are_heard(client: FlaskClient, clock: Clock) -> None:
    guess(client)
    clock.advance(seconds=299)
    early = sign_in(client, RICK)
    clock.advance(seconds=1)

    assert (early.status_code, early.headers["Retry-After"]) == (429, "1")
    assert sign_in(client, RICK).status_code == 200


def test_the_window_moves(client: FlaskClient, clock: Clock) -> None:
    for _ in range(MOST):
        guess(client, times=1)
        clock.advance(seconds=100)
    # The first has just left the window, and this one takes its place.
    guess(client, times=1)

    response = sign_in(client, RICK)

    assert (response.status_code, response.headers["Retry-After"]) == (429, "100")


def test_an_author_is_counted_over_all_addresses(client: FlaskClient) -> None:
    guess_from_everywhere(client)

    assert_problem(sign_in(client, RICK, ELSEWHERE), 429)
    assert sign_in(client, JOE, ELSEWHERE).status_code == 200


def test_an_address_is_counted_over_all_authors(client: FlaskClient) -> None:
    for name in ("joe", "ann", "nobody"):
        guess(client, (name, "wrong password"), ELSEWHERE, times=1)

    assert_problem(sign_in(client, RICK, ELSEWHERE), 429)
    assert sign_in(client, RICK, HOME).status_code == 200


def test_an_unknown_author_is_counted_like_any(client: FlaskClient) -> None:
    guess_from_everywhere(client, "nobody")

    assert_problem(sign_in(client, ("nobody", "wrong password"), ELSEWHERE), 429)


def test_a_name_counts_however_it_is_composed(client: FlaskClient) -> None:
    guess(client, ("zo\u00eb", "wrong password"), HOME, times=2)
    guess(client, ("zoe\u0308", "wrong password"), OFFICE, times=1)

    assert_problem(sign_in(client, ("zo\u00eb", "wrong password"), ELSEWHERE), 429)


def test_what_is_refused_does_not_say_for_whose_sake(client: FlaskClient) -> None:
    guess_from_everywhere(client)
    guess(client, ("nobody", "wrong password"), OFFICE)
    author, address = sign_in(client, RICK, ELSEWHERE), sign_in(client, JOE, OFFICE)

    assert author.data == address.data
    assert headers_of(author) == headers_of(address)


def test_nobody_is_locked_out_of_where_they_have_signed_in(make_client: MakeClient) -> None:
    assert sign_in(make_client(), RICK, HOME).status_code == 200
    another = make_client()
    guess_from_everywhere(another)

    assert sign_in(another, RICK, HOME).status_code == 200
    assert sign_in(another, RICK, OFFICE).status_code == 429


@pytest.mark.parametrize(("days", "status"), [(30, 200), (32, 429)])
def test_an_address_is_known_for_30_days(
    make_client: MakeClient, clock: Clock, days: int, status: int
) -> None:
    sign_in(make_client(), RICK, HOME)
    clock.advance(days=days)
    another = make_client()
    guess_from_everywhere(another)

    assert sign_in(another, RICK, HOME).status_code == status


def test_an_address_is_known_for_30_days_after_the_last_sign_in(
    make_client: MakeClient, clock: Clock
) -> None:
    for _ in range(3):
        sign_in(make_client(), RICK, HOME)
        clock.advance(days=30)
    another = make_client()
    guess_from_everywhere(another)

    assert sign_in(another, RICK, HOME).status_code == 200


def test_an_address_is_known_for_one_author(make_client: MakeClient) -> None:
    sign_in(make_client(), JOE, HOME)
    another = make_client()
    guess_from_everywhere(another)

    assert_problem(sign_in(another, RICK, HOME), 429)


def test_a_wrong_sign_in_makes_no_address_known(client: FlaskClient, database_url: str) -> None:
    guess(client)

    assert kept(database_url, "sign_in") == []


def test_a_success_does_not_clear_the_count_of_the_address(client: FlaskClient) -> None:
    guess(client, times=MOST - 1)
    assert sign_in(client, JOE).status_code == 200
    guess(client, times=1)

    assert_problem(sign_in(client, ANN), 429)


def test_failures_at_a_known_address_do_not_count_elsewhere(client: FlaskClient) -> None:
    sign_in(client, RICK, HOME)
    guess(client, WRONG, HOME)

    assert_problem(sign_in(client, WRONG, HOME), 429)
    assert sign_in(client, RICK, OFFICE).status_code == 200


def test_who_has_just_signed_in_is_held_too_once_others_guess_there(client: FlaskClient) -> None:
    """To be let in for what is remembered would tell a guesser, as often as they like."""
    assert sign_in(client, RICK).status_code == 200
    guess(client)

    assert_problem(sign_in(client, RICK), 429)


def test_nobody_is_let_in_by_a_sign_in_from_elsewhere(client: FlaskClient) -> None:
    assert sign_in(client, RICK, HOME).status_code == 200
    guess(client, WRONG, ELSEWHERE)

    assert_problem(sign_in(client, RICK, ELSEWHERE), 429)


@pytest.mark.parametrize(
    ("one", "other", "status"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", 429),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", 200),
        ("fe80::1%eth0", "fe80::2%eth0", 429),
        ("::ffff:192.0.2.1", "192.0.2.1", 429),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", 200),
        ("unix:", "unix:", 429),
        ("", "", 429),
        ("\u00e9 \u20ac", "\u00e9", 200),
    ],
)
def test_an_address_stands_for_its_network(
    client: FlaskClient, one: str, other: str, status: int
) -> None:
    guess(client, ("nobody", "wrong password"), one)

    assert sign_in(client, RICK, other).status_code == status


def test_the_address_is_what_a_trusted_proxy_says(make_client: MakeClient) -> None:
    client = make_client(trusted_proxies=1)
    for _ in range(MOST):
        sign_in(client, WRONG, headers={"X-Forwarded-For": ELSEWHERE})

    held = sign_in(client, JOE, headers={"X-Forwarded-For": f"{HOME}, {ELSEWHERE}"})
    free = sign_in(client, JOE, headers={"X-Forwarded-For": f"{ELSEWHERE}, {HOME}"})

    assert (held.status_code, free.status_code) == (429, 200)


def test_the_address_is_not_what_a_client_says(client: FlaskClient) -> None:
    for number in range(MOST):
        sign_in(client, WRONG, headers={"X-Forwarded-For": f"203.0.113.{number}"})

    assert_problem(sign_in(client, JOE, headers={"X-Forwarded-For": OFFICE}), 429)


def test_processes_count_together(make_client: MakeClient) -> None:
    for _ in range(MOST):
        guess(make_client(), times=1)

    assert_problem(sign_in(make_client(), RICK), 429)


def test_guesses_that_come_together_are_counted_before_the_next_are_heard(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(sign_in_failures=MOST)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: sign_in(app.test_client(), WRONG), range(12)))

    heard = [answer.status_code for answer in answers].count(401)
    assert MOST <= heard <= MOST + 1


@pytest.mark.parametrize("name", ["rick", "nobody"])
def test_a_failure_is_two_rows_whoever_it_is(
    client: FlaskClient, database_url: str, name: str
) -> None:
    guess(client, (name, "wrong password"), times=1)

    assert len(kept(database_url, "attempt")) == 2


def test_neither_names_nor_addresses_are_kept_in_clear(
    client: FlaskClient, database_url: str
) -> None:
    sign_in(client, RICK, HOME)
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
    guess(client, ("my password", "rick"), "\u20ac\n" + "x" * 200)
    with caplog.at_level(logging.WARNING, "blog.auth"):
        sign_in(client, ("my password", "rick"), "\u20ac\n" + "x" * 200)

    (message,) = (r.getMessage() for r in caplog.records if r.name == "blog.auth")
    assert message.startswith("too many sign-ins from '\\u20ac\\nxxx")
    assert len(message) < 150 and "my password" not in message


def test_an_author_who_is_refused_keeps_a_weak_hash(
    client: FlaskClient, database: Database
) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("password")
    with database.session() as session:
        accounts.set_password(session, "rick", weak)
    guess(client)
    sign_in(client, RICK)

    with database.session() as session:
        account = accounts.find(session, "rick")
    assert account and account.password_hash == weak


class Statements(list[str]):
    """The statements that an application runs, but for those that begin and end transactions."""

    def __init__(self, app: Application) -> None:
        super().__init__()
        event.listen(app.extensions["blog"].database.engine, "before_cursor_execute", self._note)

    def _note(self, _c: object, _cursor: object, text: str, *_: object) -> None:
        if not text.startswith("BEGIN"):
            self.append(text.split()[0])


def test_a_sign_in_costs_one_read_more_and_no_write(
    make_app: Callable[..., Application],
) -> None:
    sign_in(make_app().test_client())
    app = make_app()
    statements = Statements(app)
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
    statements = Statements(app)
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
        sign_in(make_client(), RICK)
        dates.append(kept(database_url, "sign_in"))

    assert dates[0] == dates[1] != dates[2]
    assert [len(rows) for rows in dates] == [1, 1, 1]


def test_a_write_goes_on_after_a_sign_in_was_noted(client: FlaskClient, database_url: str) -> None:
    write_post(client)

    assert len(kept(database_url, "sign_in")) == 1


def test_nobody_needs_the_database_to_be_written_to_sign_in(
    make_client: MakeClient, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(database_lock_timeout=0.1)
    with connected(database_url) as rival:
        rival.begin_writing()
        response = sign_in(client)

    assert response.status_code == 200
    assert kept(database_url, "sign_in") == []
    assert "the sign-in of 'rick' was not noted" in caplog.text


def test_failures_count_while_the_database_can_not_be_written(
    make_client: MakeClient, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(database_lock_timeout=0.1)
    with connected(database_url) as rival:
        rival.begin_writing()
        if "postgresql" in database_url:
            rival.execute("LOCK TABLE attempt IN EXCLUSIVE MODE")
        guess(client)
        held = sign_in(client, RICK)

    assert_problem(held, 429)
    assert held.headers["Retry-After"] == "300"
    assert caplog.text.count("failed sign-ins are counted by each process for itself") == 1


def test_what_was_counted_meanwhile_still_counts_afterwards(
    make_client: MakeClient, database_url: str
) -> None:
    client = make_client(database_lock_timeout=0.1)
    with connected(database_url) as rival:
        rival.begin_writing()
        if "postgresql" in database_url:
            rival.execute("LOCK TABLE attempt IN EXCLUSIVE MODE")
        guess(client)

    assert_problem(sign_in(client, RICK), 429)
    assert sign_in(make_client(), RICK).status_code == 200


def test_worker_processes_count_together(tmp_path: Path, empty_url: str) -> None:
    env = {"BLOG_DATABASE_URL": empty_url}
    add_author(tmp_path, env=env)
    with serve(tmp_path, "--workers", "2", env=env) as server:

        def sign_in_live(auth: tuple[str, str]) -> int:
            status = 503
            while status == 503:  # Too many at once: it asks again.
                status = requests.get(server.url, auth=auth, timeout=PATIENCE).status_code
            return status

        with ThreadPoolExecutor(8) as pool:
            heard = list(pool.map(sign_in_live, [WRONG] * 40)).count(401)
        right = sign_in_live(RICK)

    # Each of the two may judge two at once, which do not know of each other.
    assert 10 <= heard <= 13
    assert right == 429


def test_a_wrong_token_counts_as_a_wrong_password(client: FlaskClient) -> None:
    guess(client, ("rick", new_secret()))

    assert_problem(sign_in(client), 429)


def test_a_right_token_is_heard_past_the_limit(client: FlaskClient, database: Database) -> None:
    secret = new_secret()
    with database.session() as session:
        tokens.add(session, "rick", AccessToken("bot", "write", Clock().now), digest(secret))
    guess(client)

    assert sign_in(client, ("rick", secret)).status_code == 200


def test_a_thread_is_left_to_readers_however_many_sign_in(make_client: MakeClient) -> None:
    client = make_client(threads=2, sign_in_failures=100)
    with ExitStack() as places, ThreadPoolExecutor(2) as others:
        for _ in range(passwords.AT_ONCE):
            places.enter_context(passwords._GATE)
        asked = [others.submit(sign_in, client, WRONG) for _ in range(2)]
        refused = next(as_completed(asked)).result()
        places.close()

    assert_problem(refused, 503)
    assert sorted(each.result().status_code for each in asked) == [401, 503]
