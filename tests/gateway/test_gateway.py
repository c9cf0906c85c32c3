"""The gateway: a thread is taken for a request that is here whole, and for no other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from blog.http.application import Application
from tests.gateway.gateways import (
    BOUNDS,
    GONE,
    Heard,
    Large,
    Tell,
    ask,
    asked,
    gateway,
    part,
    scope,
)

POST = {"content_type": "application/json", "authorization": "Basic cmljazpwYXNzd29yZA=="}
CHUNKED = {**POST, "transfer_encoding": "chunked"}
REQUEST = scope("POST", "/post", **CHUNKED)
LARGE = replace(BOUNDS, max_body=2**23, request_bytes=2**23, response_bytes=2**23)


def told(of: str, asking: dict[str, Any], says: Iterable[dict[str, Any]] = ()) -> str:
    """What an application is told of a request under a name."""
    return asked(gateway(Tell(of)), asking, says).body.decode("latin-1")


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
def test_an_application_is_told_what_was_asked(name: str, expected: str) -> None:
    request = scope("PUT", "/a%20b/%C3%A9?q=%20", if_match="*", content_type="text/plain")

    assert told(name, request) == expected


def test_a_header_given_twice_is_told_once() -> None:
    request = scope(accept="text/html")
    request["headers"].append((b"accept", b"text/plain"))

    assert told("HTTP_ACCEPT", request) == "text/html,text/plain"


def test_a_header_with_an_underscore_is_not_taken_for_one_with_a_hyphen() -> None:
    request = scope()
    request["headers"].append((b"x_forwarded_for", b"192.0.2.9"))

    assert told("HTTP_X_FORWARDED_FOR", request) == "nothing"


@pytest.mark.parametrize("framing", [{"content_length": "6"}, {"transfer_encoding": "chunked"}])
def test_a_body_is_handed_over_whole(framing: dict[str, str]) -> None:
    request = scope("POST", "/", **POST, **framing)
    parts = [part(b"abc"), part(b""), part(b"def", more=False)]

    assert told("wsgi.input", request, parts) == "abcdef"


def test_a_chunked_body_is_told_with_its_length() -> None:
    request = scope("POST", "/", **CHUNKED)

    assert told("CONTENT_LENGTH", request, [part(b"abc"), part(b"", more=False)]) == "3"


def test_a_body_without_credentials_is_read_and_not_kept() -> None:
    request = scope("POST", "/", transfer_encoding="chunked")

    assert told("wsgi.input", request, [part(b"abc", more=False)]) == ""


def test_a_request_without_a_body_is_not_asked_for_one() -> None:
    assert told("wsgi.input", scope("POST", "/", content_length="0")) == ""


@pytest.fixture
def refused(app: Application) -> Callable[..., Heard]:
    """Asks the application through a gateway that must not need a thread of it."""

    def ask_for(*args: Any, **bounds: Any) -> Heard:
        return asked(gateway(app, replace(BOUNDS, **bounds)), *args)

    return ask_for


def test_a_body_that_is_too_long_is_413(refused: Callable[..., Heard]) -> None:
    heard = refused(
        scope("POST", "/post", **CHUNKED), [part(b"a" * 60_000)] * 2 + [part(b"", False)]
    )

    assert heard.status == 413
    assert heard.headers["content-type"] == "application/problem+json"


def test_a_body_without_end_is_413(refused: Callable[..., Heard]) -> None:
    endless = iter(lambda: part(b"a" * 10_000), None)

    assert refused(scope("POST", "/post", **CHUNKED), endless).status == 413


def test_a_body_that_stalls_is_408_and_ends_the_connection(refused: Callable[..., Heard]) -> None:
    heard = refused(scope("POST", "/post", **CHUNKED), [part(b"a")], transfer_timeout=0.05)

    assert (heard.status, heard.headers["connection"]) == (408, "close")


def test_a_body_that_nobody_wants_is_408_too_when_it_stalls(
    refused: Callable[..., Heard],
) -> None:
    request = scope("POST", "/post", content_length="5")

    assert refused(request, [part(b"a")], transfer_timeout=0.05).status == 408


def test_a_body_that_ends_early_is_400_and_reaches_nobody(refused: Callable[..., Heard]) -> None:
    whole = b'{"title": "Cut", "body": ""}'

    assert refused(scope("POST", "/post", **CHUNKED), [part(whole), GONE]).status == 400


@pytest.mark.parametrize(
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
    refused: Callable[..., Heard], request_: dict[str, Any], status: int
) -> None:
    heard = refused(request_)

    assert heard.status == status
    assert heard.headers["content-type"] == "application/problem+json"


class Gate:
    """An application that answers once it is let, and knows how many it works for."""

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
        """Wait until so many requests have a thread."""
        for _ in range(times):
            await asyncio.to_thread(self.entered.acquire)


async def fill(gate: Gate, **bounds: float) -> tuple[list[asyncio.Task[Heard]], Any]:
    """Have every thread of a gateway work."""
    to = gateway(gate, replace(BOUNDS, **bounds))
    working = [asyncio.create_task(ask(to, scope())) for _ in range(BOUNDS.threads)]
    await gate.is_entered(BOUNDS.threads)
    return working, to


def test_a_request_that_gets_no_thread_in_time_is_503() -> None:
    async def crowd() -> list[Heard]:
        gate = Gate()
        working, to = await fill(gate, queue_timeout=0.05)
        late = await ask(to, scope())
        gate.opened.set()
        return [late, *await asyncio.gather(*working)]

    assert [heard.status for heard in asyncio.run(crowd())] == [503, 200, 200]


class Early:
    """An application that wants to be asked again, so many times."""

    def __init__(self, times: int) -> None:
        self._times = times
        self.heard: list[bytes] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        refusal = environ.get("blog.refusal")
        if refusal is None:
            self.heard.append(environ["wsgi.input"].read())
            environ["blog.retry"] = len(self.heard) <= self._times
        start(f"{refusal.code if refusal else 200} said", [])
        return [b"done"]


def test_a_request_that_came_too_early_is_asked_again_whole() -> None:
    early = Early(times=2)
    heard = asked(gateway(early), REQUEST, [part(b"abc", more=False)])

    assert (heard.status, early.heard) == (200, [b"abc"] * 3)


def test_a_request_that_comes_too_early_for_too_long_is_503() -> None:
    heard = asked(gateway(Early(times=100), replace(BOUNDS, queue_timeout=0.2)), scope())

    assert heard.status == 503


def test_whether_the_process_lives_is_answered_however_busy_it_is() -> None:
    async def crowd() -> list[int]:
        gate = Gate()
        working, to = await fill(gate)
        live = await ask(to, scope(target="/health/live"))
        gate.opened.set()
        return [live.status, len(await asyncio.gather(*working))]

    assert asyncio.run(crowd()) == [200, 2]


def test_whose_credentials_have_to_be_looked_up_needs_a_thread_for_liveness_too() -> None:
    async def crowd() -> list[int]:
        gate = Gate()
        working, to = await fill(gate, queue_timeout=0.05)
        live = await ask(to, scope(target="/health/live", authorization="Basic x"))
        gate.opened.set()
        return [live.status, len(await asyncio.gather(*working))]

    assert asyncio.run(crowd()) == [503, 2]


def test_a_body_on_its_way_takes_no_thread() -> None:
    async def slow() -> list[int]:
        gate = Gate()
        gate.opened.set()
        to = gateway(gate)
        request = scope("POST", "/", **CHUNKED)
        stalled = [asyncio.create_task(ask(to, request, [part(b"a")])) for _ in range(20)]
        answered = [await ask(to, scope()) for _ in range(3)]
        for task in stalled:
            task.cancel()
        await asyncio.gather(*stalled, return_exceptions=True)
        return [heard.status for heard in answered]

    assert asyncio.run(slow()) == [200, 200, 200]


def long_body(more: bool = False) -> list[dict[str, Any]]:
    """A body that takes up more than half of the room that there is for all."""
    return [part(b"a" * 100_000, more)]


@pytest.mark.parametrize(("length", "status"), [(100_000, 503), (60_000, 400)])
def test_more_long_bodies_than_there_is_room_for_are_503(
    app: Application, length: int, status: int
) -> None:
    """What is short has room always; that it is not JSON is another matter."""

    async def crowd() -> int:
        to = gateway(app)
        first = asyncio.create_task(ask(to, REQUEST, long_body(more=True)))
        await asyncio.sleep(0)
        second = await ask(to, REQUEST, [part(b"a" * length, more=False)])
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        return second.status

    assert asyncio.run(crowd()) == status


def test_there_is_room_again_once_a_long_body_has_left(app: Application) -> None:
    async def one_after_the_other() -> list[int]:
        to = gateway(app)
        return [(await ask(to, REQUEST, long_body())).status for _ in range(3)]

    assert asyncio.run(one_after_the_other()) == [400, 400, 400]


def test_a_client_has_time_for_each_mebibyte_that_it_sends() -> None:
    parts = [part(b"a" * 1024 * 1024) for _ in range(4)] + [part(b"", more=False)]
    to = gateway(Tell("CONTENT_LENGTH"), replace(LARGE, transfer_timeout=0.5))

    assert asked(to, REQUEST, parts, pause=0.2).body == b"4194304"


def test_a_client_has_time_for_each_mebibyte_that_it_is_sent() -> None:
    to = gateway(Large(2 * 1024 * 1024), replace(LARGE, transfer_timeout=0.5))

    assert len(asked(to, scope(), pause=0.03).body) == 2 * 1024 * 1024
