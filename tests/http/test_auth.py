"""Basic authentication: the caller of a request, by its credentials."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Literal
from unicodedata import normalize

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blog.database.database import Database
from blog.http.application import Application
from blog.sign_in.passwords import hash_password
from blog.storage import accounts
from tests.cases import cases
from tests.contract import Clock, assert_problem, headers_of, path_of, write_post
from tests.people import ANN_PASSWORD, JOE_PASSWORD, RICK_PASSWORD
from tests.rivals import connected

CHALLENGE = 'Basic realm="blog", charset="UTF-8"'
RICKS = b64encode(b"rick:password").decode()


def basic(text: str | bytes) -> str:
    """An Authorization header with this in it, right or wrong."""
    data = text.encode() if isinstance(text, str) else text
    return f"Basic {b64encode(data).decode()}"


def ask(client: FlaskClient, authorization: str) -> TestResponse:
    """Request the root."""
    return client.get("/", headers={"Authorization": authorization})


def me(response: TestResponse) -> str | None:
    """The caller, by the link `me` of the root."""
    assert response.status_code == 200, response.text
    link: str | None = response.json["_links"].get("me")
    return link


def test_without_credentials_a_reader_is_anonymous(client: FlaskClient) -> None:
    assert me(client.get("/")) is None


@cases("scheme", ["Basic", "basic", "BASIC", "bAsIc"])
def test_the_scheme_is_known_in_any_case(client: FlaskClient, scheme: str) -> None:
    assert me(ask(client, f"{scheme} {RICKS}")) == "http://localhost/author/rick"


@cases(
    "authorization",
    [
        f"Bearer {RICKS}",
        f"Foo {RICKS}",
        f"Basics {RICKS}",
        RICKS,
        "",
        "Basic",
        "Basic ",
        "Digest username=rick",
    ],
)
def test_another_scheme_is_401(client: FlaskClient, authorization: str) -> None:
    response = ask(client, authorization)

    assert_problem(response, 401)
    assert response.headers.getlist("WWW-Authenticate") == [CHALLENGE]


@cases(
    "authorization",
    [
        f"Basic {RICKS}!",
        f"Basic !{RICKS}",
        f"Basic {RICKS[:4]} {RICKS[4:]}",
        f"Basic {RICKS[:4]}\t{RICKS[4:]}",
        f"Basic {RICKS}, Basic {RICKS}",
        f"Basic {RICKS}é",
        f"Basic {RICKS.rstrip('=')[:-1]}",
    ],
)
def test_junk_in_base64_is_401(client: FlaskClient, authorization: str) -> None:
    assert_problem(ask(client, authorization), 401)


@cases(
    "credentials",
    ["", ":", "rick", "rickpassword", ":password", "rick:", b"rick:\xff", b"\xff:password"],
)
def test_credentials_that_make_no_sense_are_401(
    client: FlaskClient, credentials: str | bytes
) -> None:
    assert_problem(ask(client, basic(credentials)), 401)


@cases(
    "credentials",
    ["rick:wrong", "rick:Password", "rick: password", "rick:password ", "rick:password:",
     "RICK:password", " rick:password", "rick\0:password", "joe:password", "nobody:password"],
)  # fmt: skip
def test_wrong_credentials_are_never_anonymous(client: FlaskClient, credentials: str) -> None:
    assert_problem(ask(client, basic(credentials)), 401)


def test_an_unknown_author_and_a_wrong_password_are_answered_alike(client: FlaskClient) -> None:
    unknown = ask(client, basic("nobody:password"))
    wrong = ask(client, basic("rick:wrong"))

    assert unknown.data == wrong.data
    assert headers_of(unknown) == headers_of(wrong)


def test_missing_credentials_are_distinguished_from_wrong_ones(client: FlaskClient) -> None:
    missing = client.post("/post", json={})
    wrong = client.post("/post", json={}, auth=("rick", "wrong"))

    assert "missing" in assert_problem(missing, 401)["detail"]
    assert "wrong" in assert_problem(wrong, 401)["detail"]


def test_a_403_asks_for_no_other_credentials(client: FlaskClient) -> None:
    path = path_of(write_post(client).headers["Location"])
    response = client.delete(path, auth=JOE_PASSWORD)

    assert_problem(response, 403)
    assert "WWW-Authenticate" not in response.headers


def test_a_password_may_hold_colons(client: FlaskClient, database: Database, clock: Clock) -> None:
    with database.session() as session:
        accounts.add(session, "eve", "author", hash_password("a:b::secret:"), now=clock.now)

    assert me(ask(client, basic("eve:a:b::secret:"))) == "http://localhost/author/eve"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_and_passwords_are_compared_composed(
    client: FlaskClient, database: Database, clock: Clock, form: Literal["NFC", "NFD"]
) -> None:
    with database.session() as session:
        accounts.add(session, "zoë", "author", hash_password("pässwörter"), now=clock.now)
    sent = normalize(form, "zoë:pässwörter")

    assert me(ask(client, basic(sent))) == "http://localhost/author/zo%C3%AB"


@cases("charset", ["utf-8", "latin-1"])
def test_other_letters_than_ascii_are_read_as_utf_8_or_latin_1(
    client: FlaskClient, charset: str
) -> None:
    response = ask(client, basic("ann:pässwort".encode(charset)))

    assert me(response) == "http://localhost/author/ann"


def test_a_401_for_credentials_in_latin_1_says_that_utf_8_is_expected(client: FlaskClient) -> None:
    problem = assert_problem(ask(client, basic("ann:fälsch".encode("latin-1"))), 401)

    assert problem["detail"] == "the credentials are wrong; they are not UTF-8, which is expected"


def test_a_401_for_credentials_in_utf_8_does_not(client: FlaskClient) -> None:
    problem = assert_problem(ask(client, basic("ann:fälsch".encode())), 401)

    assert problem["detail"] == "the credentials are wrong"


def test_a_removed_author_is_refused_at_once(client: FlaskClient, database: Database) -> None:
    write_post(client)
    with database.session() as session:
        accounts.remove(session, "rick")

    assert_problem(client.get("/", auth=RICK_PASSWORD), 401)


def test_a_deleted_author_is_refused_at_once(client: FlaskClient, database: Database) -> None:
    assert client.get("/", auth=JOE_PASSWORD).status_code == 200
    with database.session() as session:
        accounts.remove(session, "joe")

    assert_problem(client.get("/", auth=JOE_PASSWORD), 401)


def test_a_changed_password_is_refused_at_once(client: FlaskClient, database: Database) -> None:
    assert client.get("/", auth=RICK_PASSWORD).status_code == 200
    with database.session() as session:
        accounts.set_password(session, "rick", hash_password("another password"))

    assert_problem(client.get("/", auth=RICK_PASSWORD), 401)
    assert client.get("/", auth=("rick", "another password")).status_code == 200


def test_a_changed_role_counts_at_once(client: FlaskClient, database: Database) -> None:
    path = path_of(write_post(client).headers["Location"])
    assert client.patch(path, json={"title": "Second!"}, auth=ANN_PASSWORD).status_code == 200
    with database.session() as session:
        accounts.set_role(session, "ann", "author", force=True)

    assert_problem(client.patch(path, json={"title": "Third!"}, auth=ANN_PASSWORD), 403)


def weaken(database: Database) -> str:
    """Store Rick's password with the parameters of an older version."""
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("password")
    with database.session() as session:
        accounts.set_password(session, "rick", weak)
    return weak


def kept_hash(database: Database) -> str | None:
    """The stored hash of Rick's password."""
    with database.session() as session:
        account = accounts.find(session, "rick")
    assert account
    return account.password_hash


def test_a_sign_in_strengthens_a_weak_hash(client: FlaskClient, database: Database) -> None:
    weak = weaken(database)
    first, second = client.get("/", auth=RICK_PASSWORD), client.get("/", auth=RICK_PASSWORD)

    assert (first.status_code, second.status_code) == (200, 200)
    strong = kept_hash(database)
    assert strong != weak
    assert strong and "$m=19456,t=2,p=1$" in strong


def test_a_wrong_password_strengthens_nothing(client: FlaskClient, database: Database) -> None:
    weak = weaken(database)
    response = client.get("/", auth=("rick", "wrong"))

    assert response.status_code == 401
    assert kept_hash(database) == weak


def test_a_sign_in_does_not_need_the_stronger_hash_to_be_written(
    make_app: Callable[..., Application], database: Database, database_url: str
) -> None:
    weak = weaken(database)
    client = make_app(database_lock_timeout=0.1).test_client()
    with connected(database_url) as rival:
        rival.begin_writing()
        response = client.get("/", auth=RICK_PASSWORD)

    assert me(response) == "http://localhost/author/rick"
    assert kept_hash(database) == weak


def test_a_stored_hash_that_is_invalid_lets_no_one_in(
    client: FlaskClient, database: Database
) -> None:
    with database.session() as session:
        accounts.set_password(session, "rick", "password")

    assert_problem(client.get("/", auth=RICK_PASSWORD), 401)


def test_a_caller_is_known_for_one_request_only(client: FlaskClient) -> None:
    assert me(client.get("/", auth=RICK_PASSWORD)) == "http://localhost/author/rick"

    assert me(client.get("/")) is None


def test_credentials_longer_than_any_can_be_are_401(client: FlaskClient) -> None:
    name = "a" + "\u0301" * 10_000 + "\u0316" * 10_000
    response = client.get("/", auth=(name, "password"))

    assert_problem(response, 401)
