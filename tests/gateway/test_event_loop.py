"""The event loop, on which all clients wait: nothing runs there that grows with a request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from blog.app import create_gateway
from blog.gateway.cache_keys import CacheKeys
from blog.gateway.gateway import Gateway
from blog.http.application import Application
from blog.http.middleware.proxies import rewriter
from blog.http.request import current_request
from blog.settings import Settings
from tests.cases import cases
from tests.gateway.gateways import BOUNDS, GONE, Received, fetch, gateway, part, scope

pytestmark = pytest.mark.databases("sqlite")

POST = {"content_type": "application/json", "authorization": "Basic cmljazpwYXNzd29yZA=="}
CHUNKED = {**POST, "transfer_encoding": "chunked"}
LIVENESS = scope(target="/health/live")


class Threads:
    """An application that notes the threads in which it runs."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        self.names.append(threading.current_thread().name)
        refusal = environ.get("blog.refusal")
        start(f"{refusal.code if refusal else 200} said", [])
        return [b"done"]


def endless() -> Iterable[dict[str, Any]]:
    """An endless body."""
    return iter(lambda: part(b"a" * 10_000), None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("request_", "sends", "status"),
    [
        (LIVENESS, (), 200),
        (scope("HEAD", "/health/live"), (), 200),
        (scope(), (), 200),
        (scope(target="/" + "a" * 9000), (), 414),
        (scope(x_filler="a" * 32768), (), 431),
        (scope(target="/health/live", accept="a/b," * 7900), (), 431),
        (scope(accept="a/b," * 7900), (), 431),
        (scope("POST", "/", transfer_encoding="gzip, chunked"), (), 501),
        (scope("POST", "/", expect="foo"), (), 417),
        (scope("POST", "/", **CHUNKED), [part(b"a"), GONE], 400),
        (scope("POST", "/", **CHUNKED), [part(b"a")], 408),
        (scope("POST", "/", **CHUNKED), endless(), 413),
        (scope("POST", "/", **CHUNKED, expect="100-continue"), endless(), 200),
        (scope("POST", "/", **POST, expect="100-continue", content_length="9" * 9), (), 413),
    ],
)
def test_no_response_is_made_on_the_event_loop(
    request_: dict[str, Any], sends: Iterable[dict[str, Any]], status: int
) -> None:
    threads = Threads()
    bounds = replace(BOUNDS, transfer_timeout=0.2)
    received = fetch(gateway(threads, bounds), request_, sends)

    assert received.status == status
    assert threads.names and threading.main_thread().name not in threads.names


@pytest.mark.parametrize(
    ("request_", "sends", "bound"),
    [
        (scope(), (), {"queue_timeout": 0}),
        (scope("POST", "/", **CHUNKED, expect="100-continue"), (), {"queue_timeout": 0}),
        (scope("POST", "/", **CHUNKED), [part(b"a" * 70_000)], {"request_bytes": 0}),
    ],
)
def test_an_overload_response_is_not_made_on_the_event_loop(
    request_: dict[str, Any], sends: Iterable[dict[str, Any]], bound: dict[str, int]
) -> None:
    threads = Threads()
    received = fetch(gateway(threads, replace(BOUNDS, **bound)), request_, sends)

    assert received.status == 503
    assert threads.names == ["quick_0"]


@pytest.fixture
def served(database_url: str) -> Iterable[Gateway]:
    """The gateway that a worker serves."""
    made = create_gateway(Settings(database_url=database_url, metrics=True))
    yield made
    made._cache.close()
    made._application.extensions["blog"].database.close()


@pytest.fixture
def counted(served: Gateway) -> list[str]:
    """The paths for which the application is called."""
    paths: list[str] = []
    app: Any = served._application
    app.before_request(lambda: paths.append(current_request().path))
    return paths


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_liveness_response_is_made_once(served: Gateway, counted: list[str], method: str) -> None:
    received = [fetch(served, scope(method, "/health/live", accept="*/*")) for _ in range(5)]

    assert [response.status for response in received] == [200] * 5
    assert len(counted) == 1
    assert len({response.headers.pop("x-request-id") for response in received}) == 5
    assert all(response == received[0] for response in received)


def test_a_liveness_response_is_negotiated(served: Gateway) -> None:
    def probe(**headers: str) -> Received:
        return fetch(served, scope(target="/health/live", **headers))

    hal = "application/hal+json"
    assert probe(accept=hal).headers["content-type"] == hal
    assert probe(accept="*/*").headers["content-type"] == "application/json"
    assert probe(accept="image/png").status == 406
    assert probe(authorization="Basic x").status == 401


def test_an_error_is_not_stored_as_liveness_response(served: Gateway, counted: list[str]) -> None:
    request = scope(target="/health/live?unknown=1")

    assert [fetch(served, request).status for _ in range(2)] == [400, 400]
    assert len(counted) == 2


def test_liveness_is_logged_and_counted_each_time(
    served: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="blog.access")
    for _ in range(3):
        fetch(served, LIVENESS)
    counts = fetch(served, scope(target="/metrics")).body.decode()

    assert [record.getMessage() for record in caplog.records[:3]] == ["GET /health/live 200"] * 3
    assert 'route="/health/live",status="200"} 3.0' in counts


@cases(
    "headers",
    [
        {"accept": "a/b," * 65 + "*/*"},
        {"accept": "application/json;a=" + "a" * 1024},
        {"accept_encoding": "br," * 65},
        {"if_none_match": '"a",' * 65},
        {"forwarded": "for=192.0.2.1;proto=http," * 50},
        {"x_forwarded_for": "192.0.2.1," * 99},
        {"x_forwarded_host": "a" * 2000},
    ],
)
@cases("family", ["forwarded", "x-forwarded"])
def test_headers_that_take_long_to_read_get_no_cache_key(
    app: Application, headers: dict[str, str], family: str
) -> None:
    """Only for a cache key are headers parsed on the event loop, those of proxies too."""
    rewritten = []
    keys = CacheKeys(app, lambda environ: rewritten.append(rewriter(family, 1)(environ)))
    named = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/post",
        "QUERY_STRING": "",
        "HTTP_HOST": "localhost",
        "SCRIPT_NAME": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
    }

    assert keys.make({**environ, **named}) is None
    assert rewritten == []
    assert keys.make(environ) is not None
    assert keys.make({**environ, "HTTP_HOST": ""}) is None


@pytest.mark.parametrize("separator", ["&", ";", ",", "/"])
def test_a_query_with_many_parts_gets_no_cache_key(app: Application, separator: str) -> None:
    query = f"a{separator}" * 70
    received = fetch(gateway(app), scope(target=f"/post?{query}"))

    assert received.status == 400


@pytest.mark.slow
def test_a_target_that_is_too_long_is_decoded_to_its_beginning_only() -> None:
    class Environs(Threads):
        def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
            self.environ = environ
            return super().__call__(environ, start)

    environs = Environs()
    fetch(gateway(environs), scope(target="/" + "%41" * 20_000 + "?" + "a&" * 30_000))

    assert len(environs.environ["PATH_INFO"]) + len(environs.environ["QUERY_STRING"]) < 16_384


def test_without_constants_the_application_confirms_liveness(app: Application) -> None:
    assert fetch(gateway(app), LIVENESS).status == 200
