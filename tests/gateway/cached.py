"""A gateway with a response cache, in front of an application that counts its calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from time import monotonic, sleep
from typing import Any

from blog.app import create_app, create_cache
from blog.gateway.gateway import Gateway
from blog.gateway.response_cache import ResponseCache
from blog.http.application import Application
from blog.http.wsgi import Environ
from blog.settings import Settings
from tests.contract import Clock
from tests.gateway.gateways import BOUNDS, Received, fetch, fetch_async, scope
from tests.people import RICK
from tests.servers.serving import TIMEOUT
from tests.sign_in.passwords import checker


class Counting:
    """Middleware that counts the requests that reach an application."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self.calls = 0
        # Set when a response has been made; while `gate` is cleared, readers do not get theirs.
        self.entered, self.gate = Event(), Event()
        self.gate.set()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        self.calls += 1
        response = self._application(environ, start_response)
        self.entered.set()
        if environ["REQUEST_METHOD"] == "GET":
            self.gate.wait(TIMEOUT)
        return response


@dataclass
class Served:
    """An application behind a gateway that caches its responses."""

    app: Application
    counting: Counting
    cache: ResponseCache
    gateway: Gateway

    @property
    def calls(self) -> int:
        """The number of calls of the application."""
        return self.counting.calls

    def get(self, target: str = "/post", method: str = "GET", **headers: str) -> Received:
        """Send a request, and return its response."""
        return fetch(self.gateway, scope(method, target, **headers))

    def get_at_once(self, targets: Iterable[str]) -> list[Received]:
        """Send requests at the same moment, and return their responses."""

        async def crowd() -> list[Received]:
            return await asyncio.gather(
                *(fetch_async(self.gateway, scope("GET", t)) for t in targets)
            )

        return asyncio.run(crowd())

    def write(self, **fields: Any) -> str:
        """Create a post, wait until the cache knows of it, and return its path."""
        body = {"title": "Kept", "body": "Hello.", **fields}
        before = self.cache.state()
        written = self.app.test_client().post("/post", json=body, auth=RICK)
        assert written.status_code == 201, written.text
        wait_until(lambda: _database_state(self.cache.state()) != _database_state(before))
        return written.headers["Location"].removeprefix("http://localhost")


@contextmanager
def served(clock: Clock, **given: Any) -> Iterator[Served]:
    """An application with these settings, behind a gateway."""
    settings = Settings(**given)
    app = create_app(settings, now=clock, checker=checker())
    counting = Counting(app.wsgi_app)
    app.wsgi_app = counting
    cache = create_cache(app, settings)
    made = Served(app, counting, cache, Gateway(app, BOUNDS, cache))
    try:
        # PostgreSQL has to be listened to first.
        wait_until(lambda: cache.state() is not None)
        yield made
    finally:
        cache.close()
        app.extensions["blog"].database.close()


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = monotonic() + TIMEOUT / 2
    while not holds():
        assert monotonic() < deadline
        sleep(0.01)


def _database_state(state: Any) -> Any:
    """The part of a state that comes from the database, not from the process that writes."""
    number, more = state
    return number if isinstance(more, bytes) else more


def same(one: Received, other: Received) -> bool:
    """Whether two responses differ only in their request ids."""
    return (one.status, one.body, _without_id(one)) == (
        other.status,
        other.body,
        _without_id(other),
    )


def _without_id(received: Received) -> dict[str, str]:
    return {name: value for name, value in received.headers.items() if name != "x-request-id"}
