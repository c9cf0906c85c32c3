"""Bodies that are framed and expected as they should not be: none is taken for what it is not."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests

from tests.scenarios import codings
from tests.servers.serving import TIMEOUT, Server, add_author, eventually, serve

TIMES = 300
SEED = 20260101


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with short timeouts, so that a request that hangs is noticed."""
    directory = tmp_path_factory.mktemp("blog")
    add_author(directory, role="editor")
    with serve(directory, env={"BLOG_TRANSFER_TIMEOUT": "0.2"}) as running:
        yield running


def statuses(server: Server, raw: bytes, half_close: bool = False) -> list[int]:
    """All final statuses of what the server says, until it ends the connection."""
    said = b""
    with server.connect() as connection, suppress(ConnectionError):
        connection.sendall(raw)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65536):
            said += part
    found = [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", said)]
    return [status for status in found if status >= 200]


def count(server: Server) -> int:
    """How many posts there are, as far as one page tells."""
    page = requests.get(f"{server.url}/post?limit=100&fields=slug", timeout=TIMEOUT)
    return len(page.json()["data"])


def test_no_transfer_coding_but_chunked_is_taken(server: Server) -> None:
    chance, refused = random.Random(SEED), 0
    while refused < TIMES // 4:
        coding = codings.coding(chance)
        if codings.is_taken(coding):
            continue
        refused += 1
        answers = statuses(server, codings.creation(chance, [f"Transfer-Encoding: {coding}"]))
        # Nothing that comes after such a body is read as another request.
        assert answers in ([400], [501]), coding

    assert count(server) == 0


@pytest.mark.parametrize("half_close", [False, True])
def test_no_framing_and_no_expectation_breaks_anything(server: Server, half_close: bool) -> None:
    chance, workers = random.Random(SEED), server.workers()
    answered: list[int] = []
    for _ in range(TIMES):
        fields = [
            f"Transfer-Encoding: {codings.coding(chance)}",
            f"Content-Length: {codings.length(chance)}",
            f"Content-Encoding: {codings.coding(chance)}",
            f"Expect: {codings.expectation(chance)}",
        ]
        chosen = chance.sample(fields, chance.randrange(1, 4))
        version = chance.choice(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"])
        raw = codings.creation(chance, [*chosen, "Connection: close"], version)
        answered += statuses(server, raw, half_close)

    assert {status for status in answered if status >= 500} <= {501}
    assert half_close or len(answered) > TIMES / 2
    assert server.workers() == workers


def test_what_comes_after_is_served_as_ever(server: Server) -> None:
    eventually(
        lambda: requests.get(f"{server.url}/post", timeout=TIMEOUT).status_code == 200,
        server.stderr_text,
    )

    assert "Traceback" not in server.stderr_text()
