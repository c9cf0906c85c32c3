"""Another source of identities: who signs in by it, in which role, and its failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from blog.app import create_app
from blog.database.database import Database
from blog.settings import Settings
from blog.sign_in.authenticator import Authenticator, Identity
from blog.storage import accounts
from tests.commands import blog, done
from tests.contract import Clock, assert_problem
from tests.people import ANN_PASSWORD, RICK_PASSWORD
from tests.sign_in import passwords
from tests.sign_in.guessing import HOME, WRONG, sign_in

pytestmark = pytest.mark.databases("sqlite")

ALICE = ("alice", "wonderland")


class Directory:
    """An authenticator with a dict of people, which records its calls."""

    def __init__(self) -> None:
        self.people = {ALICE: Identity("alice")}
        self.asked: list[tuple[str, str]] = []

    def __call__(self, name: str, password: str) -> Identity | None:
        self.asked.append((name, password))
        return self.people.get((name, password))


@pytest.fixture
def directory() -> Directory:
    """The directory of the application."""
    return Directory()


@pytest.fixture
def make(database_url: str, clock: Clock) -> Iterator[Callable[..., FlaskClient]]:
    """Makes clients of applications with an authenticator."""
    databases: list[Database] = []

    def make_client(authenticator: Authenticator | None, **given: Any) -> FlaskClient:
        settings = Settings(**{"database_url": database_url, **given})
        app = create_app(settings, clock, passwords.checker(), authenticator)
        databases.append(app.extensions["blog"].database)
        return app.test_client()

    yield make_client
    for database in databases:
        database.close()


@pytest.fixture
def client(make: Callable[..., FlaskClient], directory: Directory) -> FlaskClient:
    """A client of an application with the directory."""
    return make(directory)


def post(client: FlaskClient, auth: tuple[str, str]) -> Any:
    return client.post("/post", json={"title": "First!", "body": ""}, auth=auth)


def test_author_of_the_directory_signs_in_and_writes(client: FlaskClient) -> None:
    response = post(client, ALICE)

    assert response.status_code == 201
    assert response.json["authorName"] == "alice"
    assert client.get("/author/alice").json["name"] == "alice"


def test_wrong_password_is_401_and_creates_no_account(client: FlaskClient) -> None:
    assert_problem(post(client, ("alice", "wrong password")), 401)
    assert_problem(client.get("/author/alice"), 404)


def test_role_is_that_of_the_directory_at_each_sign_in(
    client: FlaskClient, directory: Directory
) -> None:
    path = post(client, RICK_PASSWORD).json["_links"]["self"]
    statuses = []
    for role in ("author", "editor", "author"):
        directory.people = {("alice", role): Identity("alice", role)}
        statuses.append(client.patch(path, json={"tags": [role]}, auth=("alice", role)).status_code)

    assert statuses == [403, 200, 403]


def test_directory_is_asked_once_a_minute(client: FlaskClient, directory: Directory) -> None:
    for _ in range(3):
        assert sign_in(client, ALICE).status_code == 200

    assert directory.asked == [ALICE]


def test_cached_password_is_good_for_its_author_alone(
    client: FlaskClient, directory: Directory
) -> None:
    directory.people["bob", "secret of bob"] = Identity("bob")
    for person in (ALICE, ("bob", "secret of bob")):
        assert sign_in(client, person).status_code == 200

    assert_problem(sign_in(client, ("bob", ALICE[1])), 401)


def test_password_in_the_blog_comes_first(client: FlaskClient, directory: Directory) -> None:
    directory.people["rick", "in the directory"] = Identity("rick", "editor")

    assert sign_in(client, RICK_PASSWORD).status_code == 200
    assert_problem(sign_in(client, ("rick", "in the directory")), 401)
    assert directory.asked == []


@pytest.mark.parametrize("name", ["ann", "Ann", "no name"])
def test_identity_that_can_be_no_account_is_401(
    name: str, client: FlaskClient, directory: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    directory.people["someone", "password"] = Identity(name, "editor")

    assert_problem(sign_in(client, ("someone", "password")), 401)
    assert "the authenticator's identity can't be used" in caplog.text
    assert sign_in(client, ANN_PASSWORD).status_code == 200


def test_name_is_that_of_the_identity(client: FlaskClient, directory: Directory) -> None:
    directory.people["ALICE", "wonderland"] = Identity("alice")

    assert post(client, ("ALICE", "wonderland")).json["authorName"] == "alice"


@pytest.mark.parametrize("password", ["", "blogpat_" + "0" * 42])
def test_directory_is_not_asked_for_an_empty_password_or_a_token(
    password: str, client: FlaskClient, directory: Directory
) -> None:
    assert_problem(sign_in(client, ("alice", password)), 401)
    assert directory.asked == []


def test_removed_author_signs_in_again_while_the_directory_says_so(
    client: FlaskClient, directory: Directory, database: Database
) -> None:
    post(client, ALICE)
    with database.session() as session:
        assert accounts.remove(session, "alice") == "closed"

    assert sign_in(client, ALICE).status_code == 200
    assert directory.asked == [ALICE, ALICE]


def test_known_author_signs_in_to_a_new_process(
    client: FlaskClient, make: Callable[..., FlaskClient], directory: Directory
) -> None:
    sign_in(client, ALICE)

    assert sign_in(make(directory), ALICE).status_code == 200
    assert directory.asked == [ALICE, ALICE]


def test_token_of_an_author_of_the_directory_works(
    client: FlaskClient, directory: Directory, database_url: str
) -> None:
    sign_in(client, ALICE)
    secret = done(blog("token add alice laptop", BLOG_DATABASE_URL=database_url)).strip()
    directory.people = {}

    assert post(client, ("alice", secret)).status_code == 201
    assert done(blog("database check", BLOG_DATABASE_URL=database_url)) == "No faults found.\n"


def test_failures_are_counted(make: Callable[..., FlaskClient], directory: Directory) -> None:
    client = make(directory, sign_in_failures=2)
    for _ in range(2):
        assert_problem(sign_in(client, ("alice", "wrong password")), 401)

    assert_problem(sign_in(client, ALICE), 429)
    assert len(directory.asked) == 2


def test_known_address_is_not_locked_out(
    make: Callable[..., FlaskClient], directory: Directory
) -> None:
    client = make(directory, sign_in_failures=2)
    sign_in(client, ALICE)
    for number in range(2):
        sign_in(client, ("alice", "wrong password"), f"203.0.113.{number}")

    assert_problem(sign_in(client, ALICE, "203.0.113.9"), 429)
    assert sign_in(client, ALICE, HOME).status_code == 200


def test_directory_that_fails_is_503_and_no_failed_sign_in(
    make: Callable[..., FlaskClient], caplog: pytest.LogCaptureFixture
) -> None:
    def unavailable(name: str, password: str) -> Identity | None:
        raise ConnectionError("the directory is down")

    client = make(unavailable, sign_in_failures=1)
    for _ in range(3):
        response = post(client, ALICE)

    assert_problem(response, 503)
    assert response.headers["Retry-After"] == "5"
    assert "the directory is down" in caplog.text
    assert sign_in(client, RICK_PASSWORD).status_code == 200


@pytest.mark.parametrize("returned", [True, "alice", ("alice", "author")])
def test_authenticator_that_returns_something_else_is_503(
    returned: Any, make: Callable[..., FlaskClient]
) -> None:
    client = make(lambda name, password: returned)

    assert_problem(sign_in(client, ALICE), 503)


@pytest.mark.parametrize("name", [None, 5, b"alice"])
def test_identity_without_a_text_as_its_name_is_503(
    name: Any, make: Callable[..., FlaskClient]
) -> None:
    client = make(lambda *_: Identity(name))

    assert_problem(sign_in(client, ALICE), 503)


def test_password_is_cached_for_no_name_but_the_one_that_was_sent(
    client: FlaskClient, directory: Directory
) -> None:
    directory.people["someone", "password"] = Identity("mapped")
    assert sign_in(client, ("someone", "password")).status_code == 200

    assert_problem(sign_in(client, ("mapped", "password")), 401)


def test_unknown_role_is_refused() -> None:
    admin: Any = "admin"

    with pytest.raises(ValueError, match="'admin' is no role"):
        Identity("alice", admin)


def test_without_the_directory_its_authors_cannot_sign_in(
    client: FlaskClient, make: Callable[..., FlaskClient]
) -> None:
    sign_in(client, ALICE)
    other = make(None)

    assert_problem(sign_in(other, ALICE), 401)
    assert_problem(sign_in(other, WRONG), 401)
