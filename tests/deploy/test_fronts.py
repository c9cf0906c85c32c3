"""What the shipped proxies let through: nothing that they hide, however spelt, and one host."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.deploy import deployment
from tests.servers.serving import TIMEOUT, Server, eventually, free_port, serve

NAME = "blog.example.org"
HOST = f"Host: {NAME}"
HIDDEN = ("metrics", "health/live", "health/ready")
SPELLINGS = [
    "/{}", "//{}", "///{}", "/%2f{}", "/%2F{}", "/./{}", "/%2e/{}", "/.//{}", "/x/../{}", "/../{}",
    "/x/%2e%2e/{}", "/x%2f..%2f{}", "/{}/", "/{}//", "/{}/.", "/{}%2f", "/{}?", "/{}?x=1", "/{}#x",
    "/{}%23", "/{};x", "/{}%00", "/{}%0a", "/{}%20", "/\\{}", "/%5c{}", "http://blog.example.org/{}",
    "http://blog.example.org//{}", "http://127.0.0.1/{}", "{}",
]  # fmt: skip


@dataclass
class Front:
    """A proxy before a server that has everything that is to be hidden."""

    node: Server
    port: int

    def ask(self, target: str, *headers: str, version: str = "1.1") -> bytes:
        """Send a request with a target as it is; give what is answered."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)
        with context.wrap_socket(plain, server_hostname=NAME) as connection:
            lines = [f"GET {target} HTTP/{version}", *headers, "Connection: close", "", ""]
            connection.sendall("\r\n".join(lines).encode())
            return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with metrics."""
    with serve(tmp_path_factory.mktemp("node"), env={"BLOG_METRICS": "1"}) as running:
        yield running


@pytest.fixture(scope="module", params=["nginx_site", "nginx", "haproxy"])
def front(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, node: Server
) -> Iterator[Front]:
    """Each of the proxies, as it is shipped."""
    place, port = tmp_path_factory.mktemp("front"), free_port()
    nodes = node.port if request.param == "nginx_site" else [node.port] * 3
    command = getattr(deployment, request.param)(place, port, free_port(), nodes)
    with deployment.run(command, port, place / "output"):
        yield Front(node, port)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_leads_to_what_is_hidden(front: Front, spelling: str, hidden: str) -> None:
    status = front.ask(spelling.format(hidden), HOST).split(b" ")[1]

    assert status in (b"400", b"404")


@pytest.mark.parametrize("target", ["/author//rick", "/./post", "/p%6Fst", "/post?x=/metrics"])
def test_any_other_address_reaches_the_blog(front: Front, target: str) -> None:
    before = len(front.node.requests())
    front.ask(target, HOST)

    def reaches() -> bool:
        logged = {line["target"].partition("?")[0] for line in front.node.requests()[before:]}
        return target.replace("%6F", "o").partition("?")[0] in logged

    eventually(reaches, front.node.stderr_text)


def test_a_name_that_begins_like_a_hidden_one_is_not_hidden(front: Front) -> None:
    before = len(front.node.requests())
    front.ask("/metricsandmore", HOST)

    eventually(
        lambda: "/metricsandmore" in str(front.node.requests()[before:]), front.node.stderr_text
    )


def test_the_host_of_a_target_wins_over_the_header(front: Front) -> None:
    answered = front.ask(f"http://{NAME}:8443/", "Host: evil.example")

    # HAProxy refuses what names two.
    assert f'"http://{NAME}:8443/post"'.encode() in answered or b" 400 " in answered
    assert b"evil.example" not in answered


@pytest.mark.parametrize("headers", [["Host: a", "Host: b"], ["Host: a b"], ["Host: a,b"], []])
def test_an_invalid_host_is_400_behind_a_front(front: Front, headers: list[str]) -> None:
    assert front.ask("/post", *headers).split(b" ")[1] == b"400"


def test_the_host_is_passed_on_with_its_port(front: Front) -> None:
    assert f'"http://{NAME}:8443/post"'.encode() in front.ask("/", f"{HOST}:8443")
