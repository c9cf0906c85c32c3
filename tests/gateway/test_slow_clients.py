"""Slow clients, which delay no others, and are disconnected after a time."""

from __future__ import annotations

import http.client
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from time import sleep

import pytest

from blog.content.authors import Caller
from blog.content.dates import utc_now
from blog.content.posts import PostContent
from blog.database.database import Database
from blog.storage import post_writes
from tests.access import access_for
from tests.server.stalling import p99, stalled
from tests.servers.serving import Server, add_author, eventually, serve, start, wait_until_it_serves

pytestmark = pytest.mark.long

POST = (
    "POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    f"Authorization: Basic {b64encode(b'rick:password').decode()}\r\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with default settings, except a short transfer timeout."""
    directory = tmp_path_factory.mktemp("blog")
    add_author(directory)
    with serve(directory, env={"BLOG_TRANSFER_TIMEOUT": "1"}) as running:
        yield running


def test_a_hundred_stalled_clients_do_not_delay_others(tmp_path: Path) -> None:
    """Compares the best of several rounds with and without them, since machines differ."""
    add_author(tmp_path)
    alone, beside = [], []
    with start(tmp_path) as server:
        wait_until_it_serves(server)
        for _ in range(3):
            alone.append(p99(server, 200))
            with stalled(server, 100):
                beside.append(p99(server, 200))

    assert min(beside) <= 3 * min(alone)


def test_an_incomplete_head_ends_the_connection(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: ")

        assert b"".join(iter(lambda: connection.recv(1000), b"")) == b""


def test_an_incomplete_body_is_408_and_ends_the_connection(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(f"{POST}Content-Length: 5\r\n\r\n{{".encode())
        said = b"".join(iter(lambda: connection.recv(1000), b""))

    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in said


def test_a_response_that_is_not_read_ends_the_connection(tmp_path: Path) -> None:
    """The operating system buffers a few MiB, so the response is longer."""
    add_author(tmp_path)
    write_posts(tmp_path, 10)
    env = {"BLOG_TRANSFER_TIMEOUT": "0.1"}
    with start(tmp_path, "--workers", "1", env=env) as server:
        wait_until_it_serves(server)
        with server.connect() as connection:
            connection.sendall(b"GET /post HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with http.client.HTTPResponse(connection) as response:
                response.begin()
                sleep(3)

                with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                    response.read()


def is_established(connection: socket.socket) -> bool:
    """Whether a connection is established, by the first byte of `struct tcp_info`."""
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x01"


@pytest.mark.parametrize("path", ["/", "/post"])
def test_a_client_that_never_reads_is_disconnected(path: str, tmp_path: Path) -> None:
    """Only the operating system can detect that when the responses are short."""
    add_author(tmp_path)
    write_posts(tmp_path, 10)
    env = {"BLOG_TRANSFER_TIMEOUT": "0.1"}
    with start(tmp_path, "--workers", "1", env=env) as server:
        wait_until_it_serves(server)
        with server.connect() as connection:
            with suppress(ConnectionError):
                # More than the server reads: a client whose data was all taken gets no error.
                connection.sendall(
                    f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 200_000
                )

            eventually(lambda: not is_established(connection), server.stderr_text)


def write_posts(directory: Path, count: int) -> None:
    """Create posts of a MiB each."""
    content = PostContent(title="Long", body="a" * 1024 * 1024, format="text")
    with (
        closing(Database(f"sqlite:///{directory}/blog.db")) as database,
        database.session() as session,
    ):
        for _ in range(count):
            post_writes.create(access_for(session, Caller("rick", "author"), utc_now()), content)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (f"GET /{'a' * 9000} HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (f"GET / HTTP/1.1\r\nHost: a\r\nX-Filler: {'a' * 40_000}\r\n\r\n", 431),
        (f"GET / HTTP/1.1\r\nHost: a\r\nX-Filler: {'a' * 100_000}\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\n" + "X: a\r\n" * 150 + "\r\n", 431),
    ],
)
def test_a_head_that_is_too_long_is_refused(server: Server, head: str, status: int) -> None:
    with server.connect() as connection:
        connection.sendall(head.encode())

        assert connection.recv(100).startswith(f"HTTP/1.1 {status} ".encode())
