"""The throttle: after some failures no more sign-ins are verified, by address and by author."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from secrets import token_hex

import pytest
from flask.testing import FlaskClient

from blog.content.tokens import digest, new_secret
from blog.database.database import Database
from blog.http.application import Application
from blog.sign_in import passwords
from blog.storage import tokens
from blog.storage.tokens import AccessToken
from tests.contract import Clock, assert_problem, headers_of
from tests.people import ANN_PASSWORD, JOE_PASSWORD, RICK_PASSWORD
from tests.sign_in.guessing import (
    ELSEWHERE,
    HOME,
    MOST,
    OFFICE,
    WRONG,
    MakeClient,
    guess,
    guess_from_everywhere,
    kept,
    sign_in,
)

pytestmark = pytest.mark.settings(sign_in_failures=MOST)


@pytest.mark.settings()
def test_ten_failures_are_verified_and_no_more(make_app: Callable[..., Application]) -> None:
    client = make_app().test_client()
    guess(client, times=10)

    assert_problem(sign_in(client, WRONG), 429)


def test_a_429_has_retry_after_and_no_challenge(
    client: FlaskClient,
) -> None:
    guess(client)
    response = sign_in(client, WRONG)

    assert assert_problem(response, 429)["detail"].endswith("try again in 300 seconds")
    assert response.headers["Retry-After"] == "300"
    assert "WWW-Authenticate" not in response.headers


def test_past_the_limit_the_right_password_is_429_too(client: FlaskClient) -> None:
    guess(client)

    assert_problem(sign_in(client, RICK_PASSWORD), 429)


def test_past_the_limit_a_write_is_429_and_has_no_effect(client: FlaskClient) -> None:
    guess(client)
    written = {"title": "First!", "body": ""}
    response = client.post(
        "/post", json=written, auth=RICK_PASSWORD, environ_overrides={"REMOTE_ADDR": HOME}
    )

    assert_problem(response, 429)
    assert client.get("/post").json["data"] == []


def test_past_the_limit_nothing_is_hashed(client: FlaskClient) -> None:
    guess(client)
    with ExitStack() as places:
        for _ in range(2):
            places.enter_context(passwords._HASHING)
        response = sign_in(client, RICK_PASSWORD)

    assert_problem(response, 429)


def test_past_the_limit_nothing_is_stored(client: FlaskClient, database_url: str) -> None:
    guess(client)
    before = kept(database_url, "attempt")
    sign_in(client, WRONG)

    assert kept(database_url, "attempt") == before


def test_reading_without_credentials_stays_free(client: FlaskClient) -> None:
    guess(client)

    response = client.get("/post", environ_overrides={"REMOTE_ADDR": HOME})

    assert response.status_code == 200


@pytest.mark.parametrize("authorization", ["Bearer token", "Basic ?", "Basic", ""])
def test_unreadable_credentials_are_401_and_not_counted(
    client: FlaskClient, database_url: str, authorization: str
) -> None:
    for _ in range(MOST + 1):
        response = client.get("/", headers={"Authorization": authorization})

        assert_problem(response, 401)
    assert kept(database_url, "attempt") == []


def test_after_retry_after_sign_ins_are_verified(client: FlaskClient, clock: Clock) -> None:
    guess(client)
    clock.advance(seconds=299)
    early = sign_in(client, RICK_PASSWORD)
    clock.advance(seconds=1)

    assert (early.status_code, early.headers["Retry-After"]) == (429, "1")
    assert sign_in(client, RICK_PASSWORD).status_code == 200


def test_the_window_moves(client: FlaskClient, clock: Clock) -> None:
    for _ in range(MOST):
        guess(client, times=1)
        clock.advance(seconds=100)
    # The first has just left the window, and this one takes its place.
    guess(client, times=1)

    response = sign_in(client, RICK_PASSWORD)

    assert (response.status_code, response.headers["Retry-After"]) == (429, "100")


def test_an_author_is_counted_over_all_addresses(client: FlaskClient) -> None:
    guess_from_everywhere(client)

    assert_problem(sign_in(client, RICK_PASSWORD, ELSEWHERE), 429)
    assert sign_in(client, JOE_PASSWORD, ELSEWHERE).status_code == 200


def test_an_address_is_counted_over_all_authors(client: FlaskClient) -> None:
    for name in ("joe", "ann", "nobody"):
        guess(client, (name, "wrong password"), ELSEWHERE, times=1)

    assert_problem(sign_in(client, RICK_PASSWORD, ELSEWHERE), 429)
    assert sign_in(client, RICK_PASSWORD, HOME).status_code == 200


def test_an_unknown_author_is_counted_like_any(client: FlaskClient) -> None:
    guess_from_everywhere(client, "nobody")

    assert_problem(sign_in(client, ("nobody", "wrong password"), ELSEWHERE), 429)


def test_a_name_counts_however_it_is_composed(client: FlaskClient) -> None:
    guess(client, ("zo\u00eb", "wrong password"), HOME, times=2)
    guess(client, ("zoe\u0308", "wrong password"), OFFICE, times=1)

    assert_problem(sign_in(client, ("zo\u00eb", "wrong password"), ELSEWHERE), 429)


def test_a_refusal_does_not_reveal_which_limit_is_reached(client: FlaskClient) -> None:
    guess_from_everywhere(client)
    guess(client, ("nobody", "wrong password"), OFFICE)
    author = sign_in(client, RICK_PASSWORD, ELSEWHERE)
    address = sign_in(client, JOE_PASSWORD, OFFICE)

    assert author.data == address.data
    assert headers_of(author) == headers_of(address)


def test_no_one_is_locked_out_at_a_known_address(make_client: MakeClient) -> None:
    assert sign_in(make_client(), RICK_PASSWORD, HOME).status_code == 200
    another = make_client()
    guess_from_everywhere(another)

    assert sign_in(another, RICK_PASSWORD, HOME).status_code == 200
    assert sign_in(another, RICK_PASSWORD, OFFICE).status_code == 429


@pytest.mark.parametrize(("days", "status"), [(30, 200), (32, 429)])
def test_an_address_is_known_for_30_days(
    make_client: MakeClient, clock: Clock, days: int, status: int
) -> None:
    sign_in(make_client(), RICK_PASSWORD, HOME)
    clock.advance(days=days)
    another = make_client()
    guess_from_everywhere(another)

    assert sign_in(another, RICK_PASSWORD, HOME).status_code == status


def test_an_address_is_known_for_30_days_after_the_last_sign_in(
    make_client: MakeClient, clock: Clock
) -> None:
    for _ in range(3):
        sign_in(make_client(), RICK_PASSWORD, HOME)
        clock.advance(days=30)
    another = make_client()
    guess_from_everywhere(another)

    assert sign_in(another, RICK_PASSWORD, HOME).status_code == 200


def test_an_address_is_known_for_one_author(make_client: MakeClient) -> None:
    sign_in(make_client(), JOE_PASSWORD, HOME)
    another = make_client()
    guess_from_everywhere(another)

    assert_problem(sign_in(another, RICK_PASSWORD, HOME), 429)


def test_a_wrong_sign_in_makes_no_address_known(client: FlaskClient, database_url: str) -> None:
    guess(client)

    assert kept(database_url, "sign_in") == []


def test_a_success_does_not_clear_the_count_of_the_address(client: FlaskClient) -> None:
    guess(client, times=MOST - 1)
    assert sign_in(client, JOE_PASSWORD).status_code == 200
    guess(client, times=1)

    assert_problem(sign_in(client, ANN_PASSWORD), 429)


def test_failures_at_a_known_address_do_not_count_elsewhere(client: FlaskClient) -> None:
    sign_in(client, RICK_PASSWORD, HOME)
    guess(client, WRONG, HOME)

    assert_problem(sign_in(client, WRONG, HOME), 429)
    assert sign_in(client, RICK_PASSWORD, OFFICE).status_code == 200


def test_a_remembered_author_is_refused_once_others_guess_there(client: FlaskClient) -> None:
    """A comparison with the cache would allow unlimited guesses."""
    assert sign_in(client, RICK_PASSWORD).status_code == 200
    guess(client)

    assert_problem(sign_in(client, RICK_PASSWORD), 429)


def test_no_one_is_let_in_by_a_sign_in_from_elsewhere(client: FlaskClient) -> None:
    assert sign_in(client, RICK_PASSWORD, HOME).status_code == 200
    guess(client, WRONG, ELSEWHERE)

    assert_problem(sign_in(client, RICK_PASSWORD, ELSEWHERE), 429)


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

    assert sign_in(client, RICK_PASSWORD, other).status_code == status


def test_the_address_is_what_a_trusted_proxy_says(make_client: MakeClient) -> None:
    client = make_client(trusted_proxies=1)
    for _ in range(MOST):
        sign_in(client, WRONG, headers={"X-Forwarded-For": ELSEWHERE})

    held = sign_in(client, JOE_PASSWORD, headers={"X-Forwarded-For": f"{HOME}, {ELSEWHERE}"})
    free = sign_in(client, JOE_PASSWORD, headers={"X-Forwarded-For": f"{ELSEWHERE}, {HOME}"})

    assert (held.status_code, free.status_code) == (429, 200)


def test_the_address_is_not_what_a_client_says(client: FlaskClient) -> None:
    for number in range(MOST):
        sign_in(client, WRONG, headers={"X-Forwarded-For": f"203.0.113.{number}"})

    assert_problem(sign_in(client, JOE_PASSWORD, headers={"X-Forwarded-For": OFFICE}), 429)


def test_a_wrong_token_counts_as_a_wrong_password(client: FlaskClient) -> None:
    guess(client, ("rick", new_secret()))

    assert_problem(sign_in(client), 429)


def test_a_valid_token_is_never_throttled(client: FlaskClient, database: Database) -> None:
    secret = new_secret()
    with database.session() as session:
        tokens.add(session, "rick", AccessToken("bot", "write", Clock().now), digest(secret))
    guess(client)

    assert sign_in(client, ("rick", secret)).status_code == 200


def test_a_thread_is_left_to_readers_however_many_sign_in(make_client: MakeClient) -> None:
    """A gateway that can retry the request gets a response at once."""
    client = make_client(threads=2, sign_in_failures=100)
    values = [{"blog.retry": False}, {"blog.retry": False}]
    # A password that was never compared before, because that takes a turn.
    wrong = (RICK_PASSWORD[0], token_hex())
    with ExitStack() as places, ThreadPoolExecutor(2) as others:
        for _ in range(passwords.MAX_CONCURRENT):
            places.enter_context(passwords._HASHING)
        asked = [
            others.submit(client.get, "/", auth=wrong, environ_overrides=environ)
            for environ in values
        ]
        refused = next(as_completed(asked)).result()
        places.close()

    assert_problem(refused, 503)
    assert sorted(each.result().status_code for each in asked) == [401, 503]
