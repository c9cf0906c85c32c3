"""Access tokens in place of a password: what they open, for how long, and for whom."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from blog.content.authors import Caller
from blog.content.tokens import digest, new_secret
from blog.database.database import Database
from blog.http.application import Application
from blog.sign_in.passwords import hash_password
from blog.storage import accounts
from tests.cases import cases
from tests.contract import Clock, assert_problem, create, headers_of, path_of, write_post
from tests.people import ANN, RICK_PASSWORD
from tests.rivals import after_statement, change, connected
from tests.storage.plans import statement_events
from tests.tokens import NOW, WRITES, issue, kept, me, revoke

CHALLENGE = 'Basic realm="blog", charset="UTF-8"'


@contextmanager
def counted(app: Application) -> Iterator[list[str]]:
    """The first word of every statement that an application runs meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if not text.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            seen.append(text.split()[0])

    database = app.extensions["blog"].database
    event.listen(database.engine, "before_cursor_execute", note)
    with statement_events(database):
        yield seen
    event.remove(database.engine, "before_cursor_execute", note)


def test_a_token_signs_in_in_place_of_the_password(client: FlaskClient, database: Database) -> None:
    assert me(client, issue(database)) == "rick"
    assert me(client, RICK_PASSWORD) == "rick"


def test_what_is_written_with_a_token_is_its_authors(
    client: FlaskClient, database: Database
) -> None:
    response = write_post(client, issue(database))

    assert response.json["authorName"] == "rick"


def test_a_token_of_an_editor_is_one_of_an_editor(client: FlaskClient, database: Database) -> None:
    path = create(client)
    response = client.patch(path, json={"title": "Second!"}, auth=issue(database, "ann"))

    assert response.status_code == 200


@pytest.mark.slow
def test_nothing_but_the_exact_secret_signs_in(
    make_app: Callable[..., Application], database: Database
) -> None:
    client = make_app(sign_in_failures=1000).test_client()
    name, secret = issue(database)
    _, others = issue(database, "joe")
    changed = [
        secret[:place] + ("x" if letter != "x" else "y") + secret[place + 1 :]
        for place, letter in enumerate(secret)
    ]
    near = [*changed, *(secret[:length] for length in (8, 43, 49)), secret + "0", f"{secret} "]
    far = [f" {secret}", secret * 2, secret.swapcase(), digest(secret), others, new_secret()]

    assert {attempt for attempt in (*near, *far) if me(client, (name, attempt))} == set()
    assert me(client, (name, secret)) == "rick"


@pytest.mark.parametrize("name", ["joe", "Rick", "nobody", "", "rick ", "ri"])
def test_a_token_is_for_its_author_alone(
    client: FlaskClient, database: Database, name: str
) -> None:
    _, secret = issue(database)

    assert me(client, (name, secret)) is None


def test_a_token_is_neither_a_name_nor_a_bearer_token(
    client: FlaskClient, database: Database
) -> None:
    name, secret = issue(database)
    both = b64encode(f"{name}:{secret}".encode()).decode()
    bearers = [
        client.get("/", headers={"Authorization": f"Bearer {text}"}) for text in (secret, both)
    ]

    assert [me(client, (secret, "")), me(client, (secret, "x-oauth-basic"))] == [None, None]
    assert [response.status_code for response in bearers] == [401, 401]


def test_a_name_may_be_sent_decomposed(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    with database.session() as session:
        accounts.add(session, "zoë", "author", hash_password("password"), now=clock.now)
    _, secret = issue(database, "zoë")

    assert me(client, ("zoe\u0308", secret)) == "zo%C3%AB"


def test_a_wrong_token_has_the_response_of_a_wrong_password(
    client: FlaskClient, database: Database
) -> None:
    wrong = client.get("/", auth=("rick", new_secret()))
    expected = client.get("/", auth=("rick", "wrong password"))

    assert_problem(wrong, 401)
    assert (wrong.data, headers_of(wrong)) == (expected.data, headers_of(expected))


def test_a_write_with_a_wrong_token_is_401(client: FlaskClient) -> None:
    response = client.post("/post", json={}, auth=("rick", new_secret()))

    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"] == CHALLENGE


def test_a_token_costs_one_index_lookup_and_no_write(
    app: Application, client: FlaskClient, database: Database
) -> None:
    auth = issue(database)
    me(client, auth)
    with counted(app) as statements:
        me(client, auth)

    assert statements == ["SELECT"]


def test_a_token_is_good_until_it_expires(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    auth = issue(database, expiry=NOW + timedelta(days=30))
    clock.advance(days=30, microseconds=-1)
    before = me(client, auth)
    clock.advance(microseconds=1)

    assert (before, me(client, auth)) == ("rick", None)


def test_a_token_without_an_expiry_does_not_expire(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    auth = issue(database)
    clock.advance(days=36_500)

    assert me(client, auth) == "rick"


def test_a_token_is_revoked_at_once_in_every_process(
    make_app: Callable[..., Application], database: Database
) -> None:
    clients = [make_app().test_client() for _ in range(2)]
    auth = issue(database)
    before = [me(client, auth) for client in clients]
    revoke(database)

    assert before == ["rick", "rick"]
    assert [me(client, auth) for client in clients] == [None, None]


def test_a_revoked_token_leaves_the_others(client: FlaskClient, database: Database) -> None:
    auth, others = issue(database), issue(database, label="other")
    revoke(database)

    assert (me(client, auth), me(client, others)) == (None, "rick")


def test_a_new_token_of_an_old_label_is_another(client: FlaskClient, database: Database) -> None:
    old = issue(database)
    revoke(database)
    new = issue(database)

    assert (me(client, old), me(client, new)) == (None, "rick")


def test_a_token_of_a_removed_author_stays_useless_when_they_come_back(
    client: FlaskClient, database: Database
) -> None:
    write_post(client)
    auth = issue(database)
    with database.session() as session:
        accounts.remove(session, "rick")
        removed = me(client, auth)
        accounts.set_password(session, "rick", hash_password("password"))

    assert (removed, me(client, auth), me(client, RICK_PASSWORD)) == (None, None, "rick")


def test_a_token_of_a_closed_account_is_401(
    client: FlaskClient, database: Database, database_url: str
) -> None:
    auth = issue(database)
    with connected(database_url) as rival:
        rival.execute("UPDATE author SET password_hash = NULL")

    assert me(client, auth) is None


def test_a_token_of_a_deleted_author_is_gone(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    auth = issue(database)
    with database.session() as session:
        accounts.remove(session, "rick")
        accounts.add(session, "rick", "author", hash_password("password"), now=clock.now)

    assert me(client, auth) is None
    assert kept(database) == []


def test_a_new_password_leaves_tokens_alone(client: FlaskClient, database: Database) -> None:
    auth = issue(database)
    with database.session() as session:
        accounts.set_password(session, "rick", hash_password("another password"))

    assert (me(client, auth), me(client, RICK_PASSWORD)) == ("rick", None)


def test_a_changed_role_counts_at_once(client: FlaskClient, database: Database) -> None:
    path, auth = create(client), issue(database, "ann")
    assert client.patch(path, json={"title": "Second!"}, auth=auth).status_code == 200
    with database.session() as session:
        accounts.set_role(session, "ann", "author", force=True)

    assert_problem(client.patch(path, json={"title": "Third!"}, auth=auth), 403)


@cases(("method", "path", "body"), WRITES)
def test_a_token_that_is_revoked_before_the_write_writes_nothing(
    app: Application, client: FlaskClient, database: Database, method: str, path: str, body: object
) -> None:
    post, auth = create(client), issue(database)
    client.patch(post, json={"title": "Second!"}, auth=auth)
    before = client.get("/change", auth=ANN).json, client.get("/author/rick").json
    # The first statement finds the token.
    with after_statement(app, 1, lambda: revoke(database)):
        response = client.open(path.format(post=post), method=method, json=body, auth=auth)

    assert_problem(response, 403)
    assert (client.get("/change", auth=ANN).json, client.get("/author/rick").json) == before


def test_the_day_of_the_last_use_is_stored(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    auth = issue(database)
    me(client, auth)
    first = kept(database)[0].last_used
    clock.advance(days=2)
    me(client, auth)

    assert first == date(2026, 11, 22)
    assert kept(database)[0].last_used == date(2026, 11, 24)


def test_the_last_use_is_written_once_a_day(
    app: Application, client: FlaskClient, database: Database, clock: Clock
) -> None:
    auth = issue(database)
    with counted(app) as statements:
        for _ in range(3):
            me(client, auth)
            clock.advance(hours=1)

    assert statements.count("UPDATE") == 1


def test_a_use_that_is_refused_is_none(client: FlaskClient, database: Database) -> None:
    name, secret = issue(database, expiry=NOW)
    me(client, (name, secret))
    me(client, ("joe", secret))

    assert kept(database)[0].last_used is None


def test_a_sign_in_does_not_need_the_use_to_be_written(
    make_app: Callable[..., Application],
    database: Database,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    auth = issue(database)
    client = make_app(database_lock_timeout=0.1).test_client()
    with connected(database_url) as rival:
        rival.begin_writing()
        found = me(client, auth)

    assert found == "rick"
    assert kept(database)[0].last_used is None
    assert "the use of a token of 'rick' was not noted: " in caplog.text


@pytest.mark.databases("postgresql")
def test_a_request_goes_on_when_its_connection_breaks_as_the_use_is_written(
    client: FlaskClient, database: Database, database_url: str
) -> None:
    auth = issue(database)
    change(
        database_url,
        "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$",
        "CREATE TRIGGER meddle BEFORE UPDATE ON access_token "
        "FOR EACH ROW EXECUTE FUNCTION meddle()",
    )
    path = path_of(write_post(client, auth).headers["Location"])

    assert client.get(path, auth=auth).status_code == 200
    assert kept(database)[0].last_used is None


def test_no_part_of_a_token_is_logged(
    make_app: Callable[..., Application],
    database: Database,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    name, secret = issue(database)
    client = make_app(database_lock_timeout=0.1).test_client()
    with connected(database_url) as rival:
        rival.begin_writing()
        client.post("/post", json={"title": "First!", "body": ""}, auth=(name, secret))
    for credentials in ((name, secret), (secret, ""), (secret, secret), ("joe", secret)):
        client.get("/", auth=credentials)
    client.get("/", headers={"Authorization": f"Bearer {secret}"})

    parts = (secret, secret[8:20], secret[-12:], digest(secret)[:12])
    assert len(caplog.records) > 6
    assert [part for part in parts if part in caplog.text] == []


def test_a_caller_is_written_without_what_they_came_by() -> None:
    caller = Caller("rick", "author", token_digest="d" * 64, may_write=False)

    assert repr(caller) == repr(Caller("rick", "author"))
