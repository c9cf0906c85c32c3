"""Thousands of malformed requests, the same at every run: no 5xx, no hang, no growth."""

from __future__ import annotations

import json
import random
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.scenarios import spellings
from tests.servers.serving import TIMEOUT, Server, add_author, eventually, serve

pytestmark = pytest.mark.long

REQUESTS = 6000
SEED = 20260101
BASIC = b"Authorization: Basic cmljazpwYXNzd29yZA=="
METHODS = [b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"BREW"]
TARGETS = [
    *(b"/", b"/post", b"/author", b"/author/rick", b"/tag", b"/change", b"/nowhere", b"*", b"//"),
    b"/post/00000000000000000000000000000000",
    b"/post/00000000000000000000000000000000/revision",
    b"/post/00000000000000000000000000000000/revision/1/diff",
    b"/post?limit=1&cursor=x&author=a&tag=b&status=draft&slug=s&sort=title&fields=title",
    b"/post?since=2026-01-01&until=2026-13-01&limit=%00",
    b"http://example.org/post",
]
HEADERS = [
    *(b"Host: a", b"Accept: */*", b"Accept: image/png;q=0", b"Connection: close", BASIC),
    b"Content-Type: application/json",
    b"Content-Type: application/merge-patch+json; charset=utf-16",
    *(b"Content-Length: 40", b"Content-Length: 7", b"Transfer-Encoding: chunked"),
    b"Transfer-Encoding: gzip, chunked",
    *(b'If-Match: "1.abcdefgh-abcdefghijkl"', b"If-Match: *", b"If-None-Match: W/,\x22"),
    b"If-Modified-Since: Thu, 99 Foo 99999 00:00:00 GMT",
    *(b"Prefer: return=minimal, handling=lenient;;", b"Idempotency-Key: \x22k", b"Range: bytes=0-"),
    *(b"Expect: 100-continue", b"Upgrade: h2c", b"Upgrade: websocket", b"Cookie: a=b; =; c"),
    *(b"X-Forwarded-For: \xff", b"Forwarded: for=;;by=", b"Origin: null", b"Sec-Fetch-Site: x"),
]
BODIES = [
    b'{"title": "Fuzz", "body": "b"}',
    b'{"title": "\\ud800", "body": null, "tags": [[[]]]}',
    b"[" * 5000,
    b"5\r\n{}{}{\r\n0\r\n\r\n",
    b"fffffffffffffffff\r\n",
    b"-1\r\n\r\n",
    b'[{"op": "add", "path": "/-/~2", "value": NaN}]',
    b"",
]

RANGES = [
    *(b"application/json", b"application/hal+json", b"application/*", b"*/*", b"*", b"*/json"),
    *(b"text/html", b"APPLICATION/JSON", b"gzip", b"x-gzip", b"identity", b"/", b"", b'"'),
]
PARAMETERS = [
    *(b"q=.2", b"q=1", b"q=0", b"Q=0.5", b"q=", b"q=-1", b"q=2", b"q=nan", b'q="0.5"', b"q=1e9"),
    *(b"charset=utf-8", b'note="a, b;q=0"', b'note="', b"\\", b"=", b""),
]


def accept(chance: random.Random) -> bytes:
    """A list of what a client prefers, right or wrong."""
    members = [
        b";".join([chance.choice(RANGES), *chance.choices(PARAMETERS, k=chance.randrange(3))])
        for _ in range(chance.choice([0, 1, 2, 5, 60]))
    ]
    name = chance.choice([b"Accept", b"Accept-Encoding"])
    return name + b": " + chance.choice([b",", b" , "]).join(members)


def request(chance: random.Random) -> bytes:
    """A request that is nearly right, in which some bytes are then changed."""
    version = chance.choice([b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b""])
    target = chance.choice([*TARGETS, *[spellings.target(chance).encode("latin-1")] * 9])
    line = b" ".join([chance.choice(METHODS), target, version])
    headers = [*chance.sample(HEADERS, chance.randrange(8)), accept(chance)]
    raw = bytearray(b"\r\n".join([line, *headers, b"", chance.choice(BODIES)]))
    for _ in range(chance.choice([0, 0, 1, 2, 5])):
        place = chance.randrange(len(raw))
        change = chance.randrange(3)
        if change == 0:
            raw[place] = chance.randrange(256)
        elif change == 1:
            del raw[place : place + chance.randrange(1, 9)]
        else:
            raw[place:place] = chance.randbytes(chance.randrange(1, 9))
        raw = raw or bytearray(b"\0")
    return bytes(raw)


def statuses(server: Server, raw: bytes) -> list[int]:
    """What the server says to it: all its answers, until it or the client has had enough."""
    with server.connect() as connection:
        with suppress(OSError):
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
        said = b""
        with suppress(ConnectionResetError):
            said = b"".join(iter(lambda: connection.recv(65536), b""))
    return [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3})", said, re.MULTILINE)]


def said(server: Server, chance: random.Random, times: int) -> list[int]:
    """What the server says to so many requests."""
    return [status for _ in range(times) for status in statuses(server, request(chance))]


def memory(server: Server) -> int:
    """How much memory the workers have, in KiB."""
    sizes = [
        re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{worker}/status").read_text())
        for worker in server.workers()
    ]
    return sum(int(size) for (size,) in sizes)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with short timeouts, so that a request that hangs is noticed."""
    directory = tmp_path_factory.mktemp("blog")
    add_author(directory)
    env = {"BLOG_TRANSFER_TIMEOUT": "2", "BLOG_METRICS": "1"}
    with serve(directory, env=env) as running:
        yield running


def test_malformed_requests_break_nothing(server: Server) -> None:
    """Memory is measured once all that is kept on purpose, such as caches, is there."""
    chance, workers = random.Random(SEED), server.workers()
    answered = [*said(server, chance, REQUESTS * 2 // 3)]
    before = memory(server)
    answered += said(server, chance, REQUESTS // 3)
    grown = memory(server) - before

    # A method or a transfer coding that is not known is 501.
    assert [status for status in answered if status >= 500 and status != 501] == []
    assert len(answered) > REQUESTS / 2
    assert grown < 4096 and server.workers() == workers


def ask(server: Server, line: str, host: str) -> tuple[int, bytes]:
    """The status and the body of what is answered to a request line and a Host header."""
    head = f"{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    with server.connect() as connection:
        connection.sendall(head.encode("latin-1"))
        said = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_a_resource_is_found_by_one_spelling_of_its_address(server: Server) -> None:
    chance, found = random.Random(SEED), 0
    for _ in range(REQUESTS // 3):
        target = spellings.target(chance)
        status, _ = ask(server, f"GET {target}", "a")
        served = status == 200
        assert status < 500 and (not served or spellings.address(target) in spellings.ADDRESSES)
        found += served

    assert found > REQUESTS / 100


def test_a_method_is_known_in_one_spelling(server: Server) -> None:
    chance = random.Random(SEED)
    for _ in range(REQUESTS // 20):
        method = spellings.method(chance)
        status, _ = ask(server, f"{method} /tag", "a")
        assert (status == 501) == (method not in spellings.METHODS), method


def test_a_host_is_in_links_as_it_was_sent_or_is_refused(server: Server) -> None:
    chance, found = random.Random(SEED), 0
    for _ in range(REQUESTS // 5):
        host = spellings.host(chance)
        status, body = ask(server, "GET /", host)
        assert status in (200, 400), host
        if status == 200:
            found += 1
            assert spellings.is_told_alike(host.strip(), json.loads(body)["_links"]["self"])

    assert found > REQUESTS / 100


def test_what_comes_after_is_answered_as_ever(server: Server) -> None:
    eventually(
        lambda: requests.get(f"{server.url}/post", timeout=TIMEOUT).status_code == 200,
        server.stderr_text,
    )

    assert "Traceback" not in server.stderr_text()
