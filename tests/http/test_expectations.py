"""`Expect: 100-continue`: a request is refused, if possible, before its body is sent."""

from __future__ import annotations

import http.client
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import assert_problem
from tests.gateway.gateways import fetch, gateway, part, scope
from tests.people import RICK_PASSWORD
from tests.servers.serving import Server, add_author, run_blog, serve

pytestmark = pytest.mark.databases("sqlite")

CONTENT = b'{"title": "Expected", "body": ""}'
JSON: dict[str, Any] = {"content_type": "application/json"}
FAILURES = 3


def basic(name: str, password: str) -> str:
    """The value of an Authorization header."""
    return f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for one host, with low limits for bodies and failed sign-ins."""
    directory = tmp_path_factory.mktemp("blog")
    add_author(directory, role="editor")
    env = {
        "BLOG_MAX_BODY": "10000",
        "BLOG_SIGN_IN_FAILURES": str(FAILURES),
        "BLOG_ALLOWED_HOSTS": "localhost,127.0.0.1",
    }
    with serve(directory, env=env) as running:
        yield running
        assert [line for line in running.requests() if line["status"] < 200] == []


HEADERS = {
    "Host": "localhost",
    "Content-Type": "application/json",
    "Authorization": basic(*RICK_PASSWORD),
    "Content-Length": str(len(CONTENT)),
    "Expect": "100-continue",
}


def ask(server: Server, line: str = "POST /post HTTP/1.1", **headers: str | None) -> bytes:
    """The response to a head, until the server waits for more or ends the connection."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {name: value for name, value in {**HEADERS, **named}.items() if value is not None}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with server.connect() as connection:
        connection.sendall(f"{line}\r\n{head}\r\n".encode())
        first = connection.recv(65536)
        if first.startswith(b"HTTP/1.1 100 "):
            return first
        return first + b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Length": "10001"}, 413),
        ({"Content_Length": "9" * 17}, 413),
        ({"Accept": "image/png"}, 406),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": None}, 415),
        ({"Content_Encoding": "gzip"}, 415),
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer unknown"}, 401),
        ({"Authorization": "Basic ???"}, 401),
        ({"Host": "example.org"}, 421),
        ({"Origin": "https://example.org"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Transfer_Encoding": "gzip, chunked", "Content_Length": None}, 501),
        ({"Accept": "a/b," * 101}, 431),
    ],
)
def test_a_request_that_is_refused_without_its_body_is_refused_before_it(
    server: Server, headers: dict[str, str | None], status: int
) -> None:
    said = ask(server, **headers)

    assert said.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nconnection: close\r\n" in said.lower()
    assert b"application/problem+json" in said


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("POST /nowhere HTTP/1.1", 404),
        ("POST / HTTP/1.1", 405),
        ("PUT /post HTTP/1.1", 405),
        ("POST /post?unknown=1 HTTP/1.1", 400),
    ],
)
def test_where_nothing_is_written_no_body_is_taken(server: Server, line: str, status: int) -> None:
    assert ask(server, line).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_wrong_password_is_refused_before_the_body_and_counts_once(server: Server) -> None:
    """All failures but one that are received, and then the right one."""
    add_author(server.stdout.parent, "joe")
    wrong = [ask(server, Authorization=basic("joe", "wrong word")) for _ in range(FAILURES - 1)]
    right = ask(server, Authorization=basic("joe", "password"))

    assert [said[9:12] for said in wrong] == [b"401"] * (FAILURES - 1)
    assert right.startswith(b"HTTP/1.1 100 ")


def test_a_token_that_may_only_read_is_refused_before_the_body(server: Server) -> None:
    made = run_blog(server.stdout.parent, "token", "add", "rick", "reader", "--scope", "read")
    secret = made.stdout.strip()

    assert ask(server, Authorization=basic("rick", secret)).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("expectation", ["foo", "100-continue, foo", "100-continue;x=1", "200-ok"])
@pytest.mark.parametrize("length", [None, str(len(CONTENT))])
def test_an_expectation_that_is_not_known_is_417(
    server: Server, expectation: str, length: str | None
) -> None:
    said = ask(server, Expect=expectation, Content_Length=length, Connection="close")

    assert said.startswith(b"HTTP/1.1 417 ")


@pytest.mark.parametrize("expectation", ["100-continue", "100-Continue"])
def test_a_body_that_can_be_taken_is_asked_for_and_logged_once(
    server: Server, expectation: str
) -> None:
    before = len(server.requests())
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    with server.connect() as connection:
        connection.sendall(f"POST /post HTTP/1.1\r\n{head}\r\n".encode())
        interim = connection.recv(1000)
        connection.sendall(CONTENT)
        with http.client.HTTPResponse(connection) as response:
            response.begin()

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert response.status == 201
    assert [line["status"] for line in server.requests()[before:]] == [201]


def test_a_client_of_http_1_0_expects_nothing(server: Server) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    with server.connect() as connection:
        connection.sendall(f"POST /post HTTP/1.0\r\n{head}\r\n".encode() + CONTENT)
        said = b"".join(iter(lambda: connection.recv(65536), b""))

    assert said.startswith(b"HTTP/1.0 201 ")


def test_a_body_that_is_refused_is_logged_once(server: Server) -> None:
    before = len(server.requests())
    ask(server, Accept="image/png")
    requests.get(f"{server.url}/", headers={"Host": "localhost"})

    assert [line["status"] for line in server.requests()[before:]] == [406, 200]


def test_an_unknown_expectation_is_417_behind_any_server(client: FlaskClient) -> None:
    assert_problem(client.get("/post", headers={"Expect": "foo"}), 417)


def test_an_expectation_of_http_1_0_is_ignored(client: FlaskClient) -> None:
    old = {"SERVER_PROTOCOL": "HTTP/1.0"}
    response = client.get("/post", headers={"Expect": "foo"}, environ_overrides=old)

    assert response.status_code == 200


@cases(("auth", "status"), [(RICK_PASSWORD, 100), (("rick", "wrong word"), 401), (None, 401)])
def test_an_admission_writes_nothing(
    client: FlaskClient, auth: tuple[str, str] | None, status: int
) -> None:
    asking = {"blog.expects_continue": True}
    response = client.post("/post", data=CONTENT, auth=auth, environ_overrides=asking, **JSON)

    assert response.status_code == status
    assert client.get("/post").json["data"] == []


class Admitting:
    """An application that accepts a request at its third try."""

    def __init__(self, last: str = "201 Created") -> None:
        self.received: list[tuple[bool, bytes]] = []
        self._last = last

    def __call__(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        if refusal := environ.get("blog.refusal"):
            start(f"{refusal.code} said", [])
            return [b""]
        asked = "blog.expects_continue" in environ
        self.received.append((asked, environ["wsgi.input"].read()))
        environ["blog.retry"] = len(self.received) < 3
        start("100 Continue" if asked else self._last, [])
        return [b""]


EXPECTING = {"expect": "100-continue", "authorization": "x", "transfer_encoding": "chunked"}


def test_a_sign_in_that_has_to_wait_is_retried_before_the_body() -> None:
    admitting = Admitting()
    received = fetch(
        gateway(admitting), scope("POST", "/", **EXPECTING), [part(b"abc", more=False)]
    )

    assert received.status == 201
    assert admitting.received == [*[(True, b"")] * 3, (False, b"abc")]


def test_nothing_is_taken_of_a_body_that_is_refused() -> None:
    def refuse(_: dict[str, Any], start: Any) -> list[bytes]:
        start("401 Unauthorized", [])
        return [b""]

    taken = []

    def says() -> Iterator[dict[str, Any]]:
        taken.append(1)
        yield part(b"abc", more=False)

    received = fetch(gateway(refuse), scope("POST", "/", **EXPECTING), says())

    assert (received.status, taken) == (401, [])
