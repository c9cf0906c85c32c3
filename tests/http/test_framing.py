"""Framing of bodies, and connections that end early, byte by byte over TCP."""

from __future__ import annotations

import http.client
import json
import socket
from base64 import b64encode
from collections.abc import Iterator

import pytest
import requests
from flask.testing import FlaskClient

from blog.http.application import Application
from blog.http.request_head import find_fault
from tests.cases import cases
from tests.gateway.gateways import fetch, gateway, part, scope
from tests.servers.serving import Server, add_author, eventually, serve

pytestmark = pytest.mark.databases("sqlite")

CREDENTIALS = f"Authorization: Basic {b64encode(b'rick:password').decode()}"
POST = f"POST /post HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{CREDENTIALS}\r\n"
CONTENT = '{"title": "Framed", "body": ""}'
CHUNKED = f"{len(CONTENT):x}\r\n{CONTENT}\r\n0\r\n\r\n"
SMUGGLED = "DELETE /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has to log no error."""
    directory = tmp_path_factory.mktemp("blog")
    add_author(directory, role="editor")
    with serve(directory) as running:
        yield running
        assert [line for line in running.log() if line["level"] != "INFO"] == []


def said(server: Server, raw: str) -> bytes:
    """Everything that the server sends until it ends the connection."""
    with server.connect() as connection:
        connection.sendall(raw.encode("latin-1"))
        return b"".join(iter(lambda: connection.recv(65536), b""))


def count(server: Server) -> int:
    """The number of posts."""
    return len(requests.get(f"{server.url}/post?limit=100").json()["data"])


@pytest.mark.parametrize(
    ("coding", "status"),
    [
        ("x-foo, chunked", 501),
        ("gzip, chunked", 501),
        ("deflate,chunked", 501),
        ("x-foo\r\nTransfer-Encoding: chunked", 501),
        ("chunked, chunked", 400),
        ("chunked\r\nTransfer-Encoding: chunked", 400),
        ("identity, chunked", 400),
        (",chunked", 400),
        # The server below refuses these by itself.
        ("identity", 400),
        ("chunked, identity", 400),
        ("gzip", 400),
        ("chunked;x=y", 400),
        ("", 400),
    ],
)
def test_a_transfer_coding_that_is_not_chunked_is_refused(
    server: Server, coding: str, status: int
) -> None:
    before = count(server)
    answer = said(server, f"{POST}Transfer-Encoding: {coding}\r\n\r\n{CHUNKED}{SMUGGLED}")

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    # The connection ends with it, so what follows is not read as another request.
    assert answer.count(b"HTTP/1.1 ") == 1
    assert count(server) == before


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "CHUNKED", " chunked\t"])
def test_chunked_is_read_in_any_case(server: Server, coding: str) -> None:
    framing = f"Transfer-Encoding: {coding}\r\nConnection: close\r\n\r\n"

    assert said(server, f"{POST}{framing}{CHUNKED}").startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize(
    "lengths",
    ["5\r\nContent-Length: 6", "5, 5", "+5", "-5", "five", "5 5", "0x5", "9" * 30, ""],
)
def test_a_length_that_is_not_one_number_is_400(server: Server, lengths: str) -> None:
    answer = said(server, f"{POST}Content-Length: {lengths}\r\n\r\n{CONTENT}{SMUGGLED}")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


@cases(("coding", "status"), [("gzip, chunked", 501), ("chunked, chunked", 400), ("", 400)])
def test_a_coding_that_another_server_passes_on_is_refused(
    client: FlaskClient, coding: str, status: int
) -> None:
    assert client.get("/post", headers={"Transfer-Encoding": coding}).status_code == status


@pytest.mark.parametrize("length", ["5,5", "+5", "-5", "five", "9" * 30, "\xb2"])
def test_a_length_that_another_server_passes_on_is_400(length: str) -> None:
    error = find_fault({"SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_LENGTH": length})

    assert error is not None and error.code == 400


def test_a_body_with_two_framings_ends_the_connection(server: Server) -> None:
    """Granian shows the coding only; RFC 9112 section 6.1 lets it count if nothing follows."""
    framing = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = said(server, f"{POST}{framing}{CHUNKED}{SMUGGLED}")

    assert answer.startswith(b"HTTP/1.1 201 ")
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.slow
@cases("framing", [{"content_length": "5"}, {"transfer_encoding": "chunked"}])
@cases(
    ("target", "headers"),
    [
        ("/" + "a" * 9000, {}),
        ("/post", {"x_filler": "a" * 32768}),
        ("/post", {"accept": "a" * 5000}),
        ("/post", {"expect": "foo"}),
    ],
)
def test_a_body_that_is_not_taken_ends_the_connection(
    app: Application, framing: dict[str, str], target: str, headers: dict[str, str]
) -> None:
    request = scope("POST", target, **headers, **framing)
    received = fetch(gateway(app), request, [part(b"GET /", more=False)])

    assert (received.status >= 400, received.headers["connection"]) == (True, "close")


@pytest.mark.parametrize("target", ["/" + "a" * 9000, "/nowhere", "/health/live?a=1"])
def test_a_refusal_without_a_body_leaves_the_connection_open(app: Application, target: str) -> None:
    assert "connection" not in fetch(gateway(app), scope("GET", target)).headers


def half_close(server: Server, request: str) -> bytes:
    """Send a request, and shut down the connection for writing; return the response."""
    with server.connect() as connection:
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_creation_that_a_half_close_cut_off_can_be_repeated(server: Server) -> None:
    """The server below takes a half-close for the end of the client; the post is made all the same.

    Should it answer some day, the answer is the same as that of the repetition.
    """
    before, written = count(server), json.dumps({"title": "Half", "body": ""})
    key = f'Idempotency-Key: "half-closed"\r\nContent-Length: {len(written)}\r\n'
    half_close(server, f"{POST}{key}\r\n{written}")
    eventually(lambda: count(server) == before + 1, server.stderr_text)
    repeated = said(server, f"{POST}{key}Connection: close\r\n\r\n{written}")

    assert repeated.startswith(b"HTTP/1.1 201 ")
    assert count(server) == before + 1


@pytest.mark.parametrize("framing", ["Content-Length: 31", "Transfer-Encoding: chunked"])
def test_a_half_close_within_a_body_changes_nothing(server: Server, framing: str) -> None:
    before, logged = count(server), len(server.requests())
    half_close(server, f"{POST}{framing}\r\n\r\n{CHUNKED[:9]}")
    eventually(lambda: len(server.requests()) > logged, server.stderr_text)

    assert count(server) == before


def test_a_server_goes_on_after_half_closes(server: Server) -> None:
    for _ in range(5):
        half_close(server, "GET /post HTTP/1.1\r\nHost: a\r\n\r\n")
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/")

    assert connection.getresponse().status == 200
    connection.close()
