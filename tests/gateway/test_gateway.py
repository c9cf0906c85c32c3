"""The gateway: the environ, the body, the threads, and what is refused without one of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from blog.http.application import Application
from tests.cases import cases
from tests.gateway.gateways import (
    BOUNDS,
    GONE,
    Echo,
    Large,
    Received,
    fetch,
    fetch_async,
    gateway,
    part,
    scope,
)

POST = {"content_type": "application/json", "authorization": "Basic cmljazpwYXNzd29yZA=="}
CHUNKED = {**POST, "transfer_encoding": "chunked"}
REQUEST = scope("POST", "/post", **CHUNKED)
LARGE = replace(BOUNDS, max_body=2**23, request_bytes=2**23, response_bytes=2**23)


def echo(key: str, request: dict[str, Any], sends: Iterable[dict[str, Any]] = ()) -> str:
    """The value that an application gets in the environ of a request."""
    return fetch(gateway(Echo(key)), request, sends).body.decode("latin-1")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("REQUEST_METHOD", "PUT"),
        ("PATH_INFO", "/a b/\xc3\xa9"),
        ("QUERY_STRING", "q=%20"),
        ("REMOTE_ADDR", "192.0.2.1"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", "127.0.0.1"),
        ("SERVER_PORT", "5000"),
        ("HTTP_HOST", "localhost"),
        ("HTTP_IF_MATCH", "*"),
        ("CONTENT_TYPE", "text/plain"),
        ("HTTP_CONTENT_TYPE", "nothing"),
        ("wsgi.url_scheme", "http"),
    ],
)
def test_the_environ_describes_the_request(name: str, expected: str) -> None:
    request = scope("PUT", "/a%20b/%C3%A9?q=%20", if_match="*", content_type="text/plain")

    assert echo(name, request) == expected


def test_a_header_given_twice_is_joined() -> None:
    request = scope(accept="text/html")
    request["headers"].append((b"accept", b"text/plain"))

    assert echo("HTTP_ACCEPT", request) == "text/html,text/plain"


def test_a_header_with_an_underscore_is_not_taken_for_one_with_a_hyphen() -> None:
    request = scope()
    request["headers"].append((b"x_forwarded_for", b"192.0.2.9"))

    assert echo("HTTP_X_FORWARDED_FOR", request) == "nothing"


@pytest.mark.parametrize("framing", [{"content_length": "6"}, {"transfer_encoding": "chunked"}])
def test_a_body_is_passed_on_whole(framing: dict[str, str]) -> None:
    request = scope("POST", "/", **POST, **framing)
    parts = [part(b"abc"), part(b""), part(b"def", more=False)]

    assert echo("wsgi.input", request, parts) == "abcdef"


def test_a_chunked_body_gets_a_content_length() -> None:
    request = scope("POST", "/", **CHUNKED)

    assert echo("CONTENT_LENGTH", request, [part(b"abc"), part(b"", more=False)]) == "3"


def test_a_body_without_credentials_is_drained() -> None:
    request = scope("POST", "/", transfer_encoding="chunked")

    assert echo("wsgi.input", request, [part(b"abc", more=False)]) == ""


def test_no_body_is_read_where_none_is_announced() -> None:
    assert echo("wsgi.input", scope("POST", "/", content_length="0")) == ""


@pytest.fixture
def refused(app: Application) -> Callable[..., Received]:
    """Sends requests to the application through a gateway with some bounds."""

    def send(*args: Any, **bounds: Any) -> Received:
        return fetch(gateway(app, replace(BOUNDS, **bounds)), *args)

    return send


def test_a_body_that_is_too_long_is_413(refused: Callable[..., Received]) -> None:
    received = refused(
        scope("POST", "/post", **CHUNKED), [part(b"a" * 60_000)] * 2 + [part(b"", False)]
    )

    assert received.status == 413
    assert received.headers["content-type"] == "application/problem+json"


def test_a_body_without_end_is_413(refused: Callable[..., Received]) -> None:
    endless = iter(lambda: part(b"a" * 10_000), None)

    assert refused(scope("POST", "/post", **CHUNKED), endless).status == 413


def test_a_body_that_stalls_is_408_and_ends_the_connection(
    refused: Callable[..., Received],
) -> None:
    received = refused(scope("POST", "/post", **CHUNKED), [part(b"a")], transfer_timeout=0.05)

    assert (received.status, received.headers["connection"]) == (408, "close")


def test_a_body_that_is_drained_is_408_too_when_it_stalls(
    refused: Callable[..., Received],
) -> None:
    request = scope("POST", "/post", content_length="5")

    assert refused(request, [part(b"a")], transfer_timeout=0.05).status == 408


def test_a_body_that_ends_early_is_400_and_not_passed_on(
    refused: Callable[..., Received],
) -> None:
    whole = b'{"title": "Cut", "body": ""}'

    assert refused(scope("POST", "/post", **CHUNKED), [part(whole), GONE]).status == 400


@pytest.mark.slow
@cases(
    ("request_", "status"),
    [
        (scope(target=""), 400),
        (scope(target="/" + "a" * 8192), 414),
        (scope(target="/post?q=" + "a" * 8192), 414),
        (scope(x_filler="a" * 32768), 431),
        (scope("POST", "/post", x_filler="a" * 32768, **CHUNKED), 431),
    ],
)
def test_a_head_that_is_too_long_is_refused(
    refused: Callable[..., Received], request_: dict[str, Any], status: int
) -> None:
    received = refused(request_)

    assert received.status == status
    assert received.headers["content-type"] == "application/problem+json"


class Gate:
    """An application that responds when its gate is opened, and tells when it has been called."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        refusal = environ.get("blog.refusal")
        if refusal is None and environ["PATH_INFO"] != "/health/live":
            self.entered.release()
            assert self.opened.wait(60)
        start(f"{refusal.code if refusal else 200} said", [])
        return [b"done"]

    async def is_entered(self, times: int) -> None:
        """Wait until this many requests have a thread."""
        for _ in range(times):
            await asyncio.to_thread(self.entered.acquire)


async def fill(gate: Gate, **bounds: float) -> tuple[list[asyncio.Task[Received]], Any]:
    """Occupy every thread of a gateway."""
    to = gateway(gate, replace(BOUNDS, **bounds))
    working = [asyncio.create_task(fetch_async(to, scope())) for _ in range(BOUNDS.threads)]
    await gate.is_entered(BOUNDS.threads)
    return working, to


def test_a_request_that_gets_no_thread_in_time_is_503() -> None:
    async def crowd() -> list[Received]:
        gate = Gate()
        working, to = await fill(gate, queue_timeout=0.05)
        late = await fetch_async(to, scope())
        gate.opened.set()
        return [late, *await asyncio.gather(*working)]

    assert [received.status for received in asyncio.run(crowd())] == [503, 200, 200]


class Retrying:
    """An application that asks for a number of retries."""

    def __init__(self, times: int) -> None:
        self._times = times
        self.received: list[bytes] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        refusal = environ.get("blog.refusal")
        if refusal is None:
            self.received.append(environ["wsgi.input"].read())
            environ["blog.retry"] = len(self.received) <= self._times
        start(f"{refusal.code if refusal else 200} said", [])
        return [b"done"]


def test_a_retried_request_has_its_whole_body() -> None:
    retrying = Retrying(times=2)
    received = fetch(gateway(retrying), REQUEST, [part(b"abc", more=False)])

    assert (received.status, retrying.received) == (200, [b"abc"] * 3)


def test_a_request_that_is_retried_for_too_long_is_503() -> None:
    received = fetch(gateway(Retrying(times=100), replace(BOUNDS, queue_timeout=0.2)), scope())

    assert received.status == 503


def test_liveness_is_confirmed_while_all_threads_are_busy() -> None:
    async def crowd() -> list[int]:
        gate = Gate()
        working, to = await fill(gate)
        live = await fetch_async(to, scope(target="/health/live"))
        gate.opened.set()
        return [live.status, len(await asyncio.gather(*working))]

    assert asyncio.run(crowd()) == [200, 2]


def test_a_liveness_probe_with_credentials_needs_a_thread() -> None:
    async def crowd() -> list[int]:
        gate = Gate()
        working, to = await fill(gate, queue_timeout=0.05)
        live = await fetch_async(to, scope(target="/health/live", authorization="Basic x"))
        gate.opened.set()
        return [live.status, len(await asyncio.gather(*working))]

    assert asyncio.run(crowd()) == [503, 2]


def test_a_body_that_is_being_received_takes_no_thread() -> None:
    async def slow() -> list[int]:
        gate = Gate()
        gate.opened.set()
        to = gateway(gate)
        request = scope("POST", "/", **CHUNKED)
        stalled = [asyncio.create_task(fetch_async(to, request, [part(b"a")])) for _ in range(20)]
        responses = [await fetch_async(to, scope()) for _ in range(3)]
        for task in stalled:
            task.cancel()
        await asyncio.gather(*stalled, return_exceptions=True)
        return [received.status for received in responses]

    assert asyncio.run(slow()) == [200, 200, 200]


def long_body(more: bool = False) -> list[dict[str, Any]]:
    """A body of more than half of the capacity for all bodies."""
    return [part(b"a" * 100_000, more)]


@pytest.mark.parametrize(("length", "status"), [(100_000, 503), (60_000, 400)])
def test_long_bodies_beyond_the_capacity_are_503(
    app: Application, length: int, status: int
) -> None:
    """Short bodies are always accepted; that this one is not JSON is another error."""

    async def crowd() -> int:
        to = gateway(app)
        first = asyncio.create_task(fetch_async(to, REQUEST, long_body(more=True)))
        await asyncio.sleep(0)
        second = await fetch_async(to, REQUEST, [part(b"a" * length, more=False)])
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        return second.status

    assert asyncio.run(crowd()) == status


def test_a_body_gives_its_capacity_back(app: Application) -> None:
    async def one_after_the_other() -> list[int]:
        to = gateway(app)
        return [(await fetch_async(to, REQUEST, long_body())).status for _ in range(3)]

    assert asyncio.run(one_after_the_other()) == [400, 400, 400]


@pytest.mark.slow
def test_a_client_has_time_for_each_mebibyte_that_it_sends() -> None:
    parts = [part(b"a" * 1024 * 1024) for _ in range(4)] + [part(b"", more=False)]
    to = gateway(Echo("CONTENT_LENGTH"), replace(LARGE, transfer_timeout=0.5))

    assert fetch(to, REQUEST, parts, pause=0.2).body == b"4194304"


@pytest.mark.slow
def test_a_client_has_time_for_each_mebibyte_that_it_is_sent() -> None:
    to = gateway(Large(2 * 1024 * 1024), replace(LARGE, transfer_timeout=0.5))

    assert len(fetch(to, scope(), pause=0.03).body) == 2 * 1024 * 1024
