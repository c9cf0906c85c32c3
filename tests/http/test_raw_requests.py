"""Requests that no HTTP library would send, byte by byte to a running server."""

from __future__ import annotations

import http.client
import re
from base64 import b64encode
from collections.abc import Iterator

import pytest
import requests

from tests.servers.serving import Server, add_author, eventually, serve

CREDENTIALS = f"Authorization: Basic {b64encode(b'rick:password').decode()}"
POST = "POST /post HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + CREDENTIALS
CONTENT = '{"title":"Cut","body":"","slug":"cut"}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a low limit for bodies, which has to log no error."""
    directory = tmp_path_factory.mktemp("blog")
    # A server without an editor would say so in its log.
    add_author(directory, role="editor")
    with serve(directory, env={"BLOG_MAX_BODY": "10000"}) as running:
        yield running
        assert [line for line in running.log() if line["level"] != "INFO"] == []
        assert [line for line in running.requests() if line["status"] in (500, 502, 503)] == []


def ask(server: Server, *lines: str, body: str = "") -> http.client.HTTPResponse:
    """Send the lines of a head, and a body, on a new connection; return the response."""
    with server.connect() as connection:
        connection.sendall("\r\n".join([*lines, "", body]).encode("latin-1"))
        with http.client.HTTPResponse(connection) as response:
            response.begin()
            response.read()
            return response


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["GET / HTTP/1.1"], 400),
        (["GET / HTTP/1.1", "Host:"], 400),
        (["GET / HTTP/1.1", "Host: a b"], 400),
        (["GET / HTTP/1.1", "Host: a", "Host: b"], 400),
        (["GET / HTTP/1.1", "Host: a", "Authorization: Basic \xff"], 401),
        (["GET / HTTP/1.1", "Host: a", "Accept: \xff"], 406),
        (["GET / HTTP/1.1", "Host: a", "If-None-Match: \xff"], 200),
        (["GET /%00 HTTP/1.1", "Host: a"], 404),
        (["GET /post/%00 HTTP/1.1", "Host: a"], 404),
        (["GET /author/%00 HTTP/1.1", "Host: a"], 404),
        (["GET /author/%ff HTTP/1.1", "Host: a"], 404),
        (["GET /post?author=%00 HTTP/1.1", "Host: a"], 400),
        (["GET /post?author=%ff HTTP/1.1", "Host: a"], 400),
        (["GET /\xff HTTP/1.1", "Host: a"], 400),
        (["OPTIONS * HTTP/1.1", "Host: a"], 404),
        (["TRACE / HTTP/1.1", "Host: a"], 405),
        (["BREW / HTTP/1.1", "Host: a"], 501),
        (["get / HTTP/1.1", "Host: a"], 501),
        (["GET //post HTTP/1.1", "Host: a"], 404),
        (["GET /%2fpost HTTP/1.1", "Host: a"], 404),
        (["GET /author%2Frick HTTP/1.1", "Host: a"], 404),
        (["GET /post?#post HTTP/1.1", "Host: a"], 200),
        (["GET /? HTTP/1.1", "Host: a"], 200),
        (["GET /a b HTTP/1.1", "Host: a"], 400),
        (["GET /a\x01b HTTP/1.1", "Host: a"], 400),
        (["GET post HTTP/1.1", "Host: a"], 400),
        (["CONNECT a:80 HTTP/1.1", "Host: a"], 400),
        (["CONNECT / HTTP/1.1", "Host: a"], 405),
        (["\x16\x03\x01"], 400),
        ([POST, "Content-Length: 5", "Content-Length: 6"], 400),
        ([POST, "Content-Length: -5"], 400),
        ([POST, "Content-Length: five"], 400),
    ],
)
def test_an_odd_request_gets_a_response(lines: list[str], status: int, server: Server) -> None:
    response = ask(server, *lines)

    assert response.status == status


def test_two_framings_at_once_are_no_server_error(server: Server) -> None:
    response = ask(
        server,
        POST,
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        body='1b\r\n{"title":"Two","body":"…"}\r\n0\r\n\r\n'.replace("…", "two"),
    )

    # The length does not count then, and the connection must not be used again (RFC 9112,
    # section 6.3).
    assert response.status in (201, 400)
    assert response.will_close


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Content-Length: 500", CONTENT),
        ("Content-Length: 500", CONTENT[:9]),
        ("Transfer-Encoding: chunked", f"40\r\n{CONTENT[:9]}"),
    ],
)
def test_client_that_leaves_in_the_middle_of_its_body_changes_nothing(
    framing: str, body: str, server: Server
) -> None:
    before = len(server.requests())
    with server.connect() as connection:
        connection.sendall("\r\n".join([POST, framing, "Expect: 100-continue", "", ""]).encode())
        asked = connection.recv(1000)
        connection.sendall(body.encode())

    assert asked.startswith(b"HTTP/1.1 100 ")
    eventually(lambda: len(server.requests()) > before, server.stderr_text)
    logged = server.requests()[-1]
    assert (logged.get("author"), logged["message"]) == (None, "POST /post 400")
    assert requests.get(f"{server.url}/post?slug=cut").json()["data"] == []


@pytest.mark.parametrize("path", ["/post", "/", "/nowhere"])
@pytest.mark.parametrize("chunked", [True, False])
def test_connection_outlives_a_body_that_is_too_long(
    chunked: bool, path: str, server: Server
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    chunks = [b" " * 1000] * 15
    headers = {"Content-Type": "application/json", "Authorization": CREDENTIALS.split(": ")[1]}
    body = iter(chunks) if chunked else b"".join(chunks)

    connection.request("POST", path, body, headers, encode_chunked=chunked)
    refused = connection.getresponse()
    refused.read()
    used = connection.sock
    connection.request("GET", "/")
    answered = connection.getresponse().status
    kept = connection.sock is used
    connection.close()

    assert (refused.status, answered, kept) == (413, 200, True)


def test_pipelined_requests_get_responses_in_order(server: Server) -> None:
    with server.connect() as connection:
        for path in ("/", "/nowhere", "/post"):
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        with connection.makefile("rb") as reader:
            statuses = []
            for _ in range(3):
                statuses.append(int(reader.readline().split()[1]))
                reader.read(int(http.client.parse_headers(reader)["Content-Length"]))

    assert statuses == [200, 404, 200]


def test_head_has_no_body_on_the_wire(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        raw = b"".join(iter(lambda: connection.recv(4096), b""))

    assert raw.startswith(b"HTTP/1.1 200 ")
    assert raw.endswith(b"\r\n\r\n")
    assert re.search(rb"content-length: [1-9]", raw)
