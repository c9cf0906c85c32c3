"""Every error is a problem document (RFC 9457) that helps the client and leaks nothing."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any, NoReturn
from weakref import ref

import pytest
from flask import Response
from flask.testing import FlaskClient
from werkzeug.exceptions import TooManyRequests
from werkzeug.test import TestResponse

from blog.http.application import Application
from blog.http.request import Request, current_request
from tests.cases import cases
from tests.contract import assert_problem, faults, path_of, write_post
from tests.people import JOE, RICK
from tests.rivals import Rival, connected

pytestmark = pytest.mark.databases("sqlite")

NOBODY = ("rick", "wrong password")
NOWHERE = "/post/" + "0" * 32
WRITTEN = {"title": "Second!", "body": ""}


@pytest.fixture
def uncollected() -> Iterator[None]:
    """What refers to itself stays in memory."""
    gc.disable()
    yield
    gc.enable()


def on_a_post(client: FlaskClient, method: str, **request: Any) -> TestResponse:
    """Send a request for a post of RICK, which has the slug ``first``."""
    path = path_of(write_post(client, slug="first").headers["Location"])
    return client.open(path, method=method, **request)


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """The errors in the log: the beginning of the message, and the request id."""
    records = [record for record in caplog.records if record.name == "blog.errors"]
    return [(record.getMessage().partition(":")[0], record.requestId) for record in records]


def clash(client: FlaskClient) -> TestResponse:
    """Choose a slug that is taken."""
    write_post(client, slug="first")
    return client.post("/post", json={**WRITTEN, "slug": "first"}, auth=RICK)


@pytest.mark.parametrize(
    ("ask", "status", "title"),
    [
        (lambda c: c.get("/post?limit=0"), 400, "Bad Request"),
        (lambda c: c.post("/post", json=WRITTEN), 401, "Unauthorized"),
        (lambda c: c.get("/", auth=NOBODY), 401, "Unauthorized"),
        (lambda c: on_a_post(c, "DELETE", auth=JOE), 403, "Forbidden"),
        (lambda c: c.get("/nowhere"), 404, "Not Found"),
        (lambda c: c.get(NOWHERE), 404, "Not Found"),
        (lambda c: c.delete("/"), 405, "Method Not Allowed"),
        (lambda c: c.get("/", headers={"Accept": "image/png"}), 406, "Not Acceptable"),
        (clash, 409, "Conflict"),
        (
            lambda c: on_a_post(c, "DELETE", auth=RICK, headers={"If-Match": '"a"'}),
            412,
            "Precondition Failed",
        ),
        (
            lambda c: c.post("/post", data=b" " * 9_000_000, content_type="application/json",
                             auth=RICK),
            413,
            "Content Too Large",
        ),
        (lambda c: c.post("/post", data={"title": "x"}), 415, "Unsupported Media Type"),
        (lambda c: c.post("/post", json={}, auth=RICK), 422, "Unprocessable Content"),
    ],
)  # fmt: skip
def test_each_error_is_a_problem_document(
    client: FlaskClient, ask: Callable[[FlaskClient], TestResponse], status: int, title: str
) -> None:
    response = ask(client)
    problem = assert_problem(response, status)

    assert (problem["type"], problem["title"]) == ("about:blank", title)
    assert response.status == f"{status} {title}"
    assert problem["instance"] == response.request.path
    assert not problem["detail"][0].isupper(), "a sentence of our own, not of a library"


def test_two_faults_of_a_body_are_reported_at_once(client: FlaskClient) -> None:
    response = client.post("/post", json={"title": "", "body": 1, "titel": ""}, auth=RICK)

    assert faults(response, 422) == {
        "#/title": "must have 1 to 300 characters, not 0",
        "#/body": "must be a string, not a number",
        "#/titel": "is not a known field; did you mean 'title'?",
    }


def test_two_faults_of_a_query_are_reported_at_once(client: FlaskClient) -> None:
    response = client.get("/post?limit=0&limt=1")

    assert faults(response, 400) == {
        "limit": "must be a whole number from 1 to 100, not '0'",
        "limt": "is not a known parameter; did you mean 'limit'?",
    }


def test_a_parameter_without_a_name_is_reported_as_such(client: FlaskClient) -> None:
    assert faults(client.get("/post?=1"), 400) == {"": "is not a known parameter"}


def test_a_member_with_an_odd_name_has_an_escaped_pointer(client: FlaskClient) -> None:
    response = client.post("/post", json={**WRITTEN, "a/b~c é\ud800%": 1}, auth=RICK)

    assert faults(response, 422) == {"#/a~1b~0c%20%C3%A9%3F%25": "is not a known field"}


@cases(
    ("path", "instance"),
    [
        ("/a%0D%0ASet-Cookie:x", "/a%0D%0ASet-Cookie%3Ax"),
        ("/%00", "/%00"),
        ("/%22%3Cscript%3E", "/%22%3Cscript%3E"),
        ("/caf%C3%A9", "/caf%C3%A9"),
        ("/%E2%80%A8", "/%E2%80%A8"),
        ("/%FF", "/%EF%BF%BD"),
        ("/post/..%2F..%2Fetc", "/post/../../etc"),
        ("/post/" + "g" * 32, "/post/" + "g" * 32),
        ("/author/%00", "/author/%00"),
        ("/author/" + "a" * 3000, "/author/" + "a" * 3000),
    ],
)
def test_a_path_with_odd_characters_is_404(client: FlaskClient, path: str, instance: str) -> None:
    assert assert_problem(client.get(path), 404)["instance"] == instance


def fail() -> NoReturn:
    """A view with a mistake in it."""
    raise RuntimeError("SELECT secret FROM /etc/passwd")


@pytest.mark.parametrize("testing", [True, False])
def test_a_500_names_the_request_id_that_the_log_has(
    app: Application, caplog: pytest.LogCaptureFixture, testing: bool
) -> None:
    app.testing = testing
    app.add_url_rule("/fail", view_func=fail)
    response = app.test_client().get("/fail")
    problem = assert_problem(response, 500)

    (record,) = [record for record in caplog.records if record.name == "blog.errors"]
    assert problem["requestId"] == response.headers["X-Request-Id"] == record.requestId
    assert record.exc_info
    assert "SELECT secret" in str(record.exc_info[1])


def test_a_500_reveals_nothing_of_what_happened(app: Application) -> None:
    app.add_url_rule("/fail", view_func=fail)
    response = app.test_client().get("/fail")

    assert response.headers["Cache-Control"] == "no-store"
    assert not [word for word in ("SELECT", "passwd", "Runtime", "Trace") if word in response.text]


def test_two_500s_have_ids_of_their_own(app: Application) -> None:
    app.add_url_rule("/fail", view_func=fail)
    client = app.test_client()

    assert client.get("/fail").json["requestId"] != client.get("/fail").json["requestId"]


@pytest.fixture
def rival(client: FlaskClient, database_url: str) -> Iterator[Rival]:
    """Another program on the database of the client's blog."""
    with connected(database_url) as rival:
        yield rival


@pytest.mark.databases("postgresql")
def test_a_damaged_row_is_500_and_its_text_stays_here(client: FlaskClient, rival: Rival) -> None:
    path = path_of(write_post(client).headers["Location"])
    rival.execute("UPDATE post SET tags = '123454321'")
    response = client.get(path)

    assert_problem(response, 500)
    assert "123454321" not in response.text


@pytest.mark.databases("sqlite", "postgresql")
def test_a_missing_table_is_503_and_no_sql_leaves(
    client: FlaskClient, rival: Rival, caplog: pytest.LogCaptureFixture
) -> None:
    rival.execute("DROP TABLE tag")
    response = client.get("/tag")
    problem = assert_problem(response, 503)

    assert "SELECT" not in response.text
    assert not [word for word in ("table", "relation") if word in response.text]
    ((message, request_id),) = logged(caplog)
    assert "storage unavailable" in message and request_id == problem["requestId"]


@pytest.mark.slow
@pytest.mark.databases("sqlite", "postgresql")
def test_a_database_locked_for_long_is_503_with_retry_after(
    client: FlaskClient, rival: Rival, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get("/", auth=RICK).status_code == 200
    rival.begin_writing()
    response = client.post("/post", json=WRITTEN, auth=RICK)
    problem = assert_problem(response, 503)
    rival.commit()

    assert response.headers["Retry-After"] == "5"
    assert (problem["title"], "locked" in response.text) == ("Service Unavailable", False)
    assert logged(caplog) == [("storage unavailable", problem["requestId"])]
    assert client.post("/post", json=WRITTEN, auth=RICK).status_code == 201


@pytest.mark.parametrize("body", [{}, WRITTEN])
def test_a_request_is_not_in_memory_after_its_response(
    app: Application, body: dict[str, str], uncollected: None
) -> None:
    requests: list[ref[Request]] = []

    @app.after_request
    def note(response: Response) -> Response:
        requests.append(ref(current_request()))
        return response

    app.test_client().post("/post", json=body, auth=RICK)

    assert requests and not any(request() for request in requests)


def test_the_clients_mistakes_are_not_logged_as_errors(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/nowhere")
    client.post("/post", json={}, auth=RICK)

    assert logged(caplog) == []


def too_many() -> NoReturn:
    """A view that refuses for a while."""
    raise TooManyRequests("come back later", retry_after=17)


def test_an_exception_of_the_framework_has_its_headers_and_its_detail(
    app: Application,
) -> None:
    app.add_url_rule("/busy", view_func=too_many)
    response = app.test_client().get("/busy")

    assert assert_problem(response, 429)["detail"] == "come back later"
    assert response.headers["Retry-After"] == "17"
