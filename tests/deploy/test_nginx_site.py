"""One node behind nginx, with the site as it is shipped: what each of the two takes and answers."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

import pytest
from urllib3 import BaseHTTPResponse, HTTPSConnectionPool, make_headers

from tests.deploy import deployment
from tests.servers.serving import TIMEOUT, Server, add_author, free_port, serve

NAME = "blog.example.org"
RICK = make_headers(basic_auth="rick:password")
SETTINGS = {"BLOG_TRUSTED_PROXIES": "1", "BLOG_THREADS": "2"}
HTML, PROBLEM = "text/html", "application/problem+json"


@dataclass
class Site:
    """The blog as the internet sees it, and the server behind."""

    node: Server
    pool: HTTPSConnectionPool
    plain_port: int

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> BaseHTTPResponse:
        """Send a request for the site's name, as Rick."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        named = {"Host": NAME, **RICK, **given}
        return self.pool.urlopen(method, path, body or None, named, redirect=False)

    def connect(self) -> ssl.SSLSocket:
        """A connection to write to as a client should not."""
        context = ssl.create_default_context(cafile=self.pool.ca_certs)
        context.check_hostname = False
        plain = socket.create_connection(("127.0.0.1", self.pool.port or 0), timeout=TIMEOUT)
        return context.wrap_socket(plain, server_hostname=NAME)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A node with two threads, and nginx before it."""
    place = tmp_path_factory.mktemp("site")
    port, plain_port = free_port(), free_port()
    # Where there is no nginx the tests are skipped before anything is started.
    deployment.require("nginx")
    add_author(place)
    with serve(place, "--workers", "1", env=SETTINGS) as node:
        command = deployment.nginx_site(place, port, plain_port, node.port)
        pool = HTTPSConnectionPool(
            "127.0.0.1",
            port,
            timeout=TIMEOUT,
            retries=False,
            ca_certs=str(deployment.certificate(place)),
            assert_hostname=False,
            server_hostname=NAME,
        )
        with deployment.run(command, port, place / "nginx.output"), closing(pool):
            yield Site(node, pool, plain_port)


def test_a_post_is_written_and_linked_by_the_name_of_the_site(site: Site) -> None:
    new = b'{"title": "First!", "body": "Text"}'

    written = site.ask("POST", "/post", new, content_type="application/json")

    assert written.status == 201
    assert written.headers["Location"].startswith(f"https://{NAME}/post/")


def test_what_a_client_says_of_its_own_way_is_not_believed(site: Site) -> None:
    forged = {
        "x_forwarded_for": "192.0.2.99",
        "x_forwarded_host": "evil.example",
        "x_forwarded_proto": "http",
        "x_forwarded_prefix": "/evil",
        "x_forwarded_port": "666",
        "forwarded": "for=192.0.2.99;host=evil.example",
    }

    answer = site.ask("GET", "/author", **forged)

    assert answer.json()["_links"]["self"] == f"https://{NAME}/author"
    assert "192.0.2.99" not in site.node.stderr_text()


def test_plain_http_is_sent_to_https(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.plain_port), timeout=TIMEOUT) as plain:
        plain.sendall(b"POST /post?a=b HTTP/1.0\r\n\r\n")
        head = plain.recv(4096).decode()

    assert head.startswith("HTTP/1.1 308 ")
    assert f"\r\nLocation: https://{NAME}/post?a=b\r\n" in head


@pytest.mark.parametrize(
    "path", ["/metrics", "/health/live", "/health/ready", "/%68ealth/live", "/x/../metrics"]
)
def test_what_is_for_the_operator_is_not_for_the_outside(path: str, site: Site) -> None:
    with site.connect() as client:
        client.sendall(f"GET {path} HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode())
        head = client.recv(4096).decode()

    assert head.startswith("HTTP/1.1 404 ")
    assert f"\r\nContent-Type: {HTML}\r\n" in head


@pytest.mark.parametrize(
    ("size", "by"), [(8_500_000, PROBLEM), (10_000_000, HTML)], ids=["blog", "nginx"]
)
def test_a_body_that_is_too_large_is_refused(size: int, by: str, site: Site) -> None:
    answer = site.ask("POST", "/post", b" " * size, content_type="application/json")

    assert answer.status == 413
    assert answer.headers["Content-Type"] == by


def test_a_url_reaches_the_blog_as_it_was_sent(site: Site) -> None:
    answer = site.ask("GET", "/author//rick")

    assert answer.status == 404
    assert answer.headers["Content-Type"] == PROBLEM


def test_clients_that_send_their_bodies_slowly_keep_nobody_waiting(site: Site) -> None:
    head = f"POST /post HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 100\r\n\r\n{{"
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(site.connect()).sendall(head.encode())

        assert site.ask("GET", "/post").status == 200
