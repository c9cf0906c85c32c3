"""A gateway with a cache, and how often the application behind it was asked."""

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
from tests.gateway.gateways import BOUNDS, Heard, ask, asked, scope
from tests.people import RICK
from tests.servers.serving import PATIENCE
from tests.sign_in.passwords import checker


class Counting:
    """Middleware that counts the requests that reach an application."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self.asked = 0
        # Whether anybody has come, and whether a reader may go on once the answer is there.
        self.entered, self.gate = Event(), Event()
        self.gate.set()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        self.asked += 1
        answer = self._application(environ, start_response)
        self.entered.set()
        if environ["REQUEST_METHOD"] == "GET":
            self.gate.wait(PATIENCE)
        return answer


@dataclass
class Served:
    """An application behind a gateway that keeps its answers."""

    app: Application
    counting: Counting
    cache: ResponseCache
    gateway: Gateway

    @property
    def asked(self) -> int:
        """How often the application was asked."""
        return self.counting.asked

    def get(self, target: str = "/post", method: str = "GET", **headers: str) -> Heard:
        """What a client is answered."""
        return asked(self.gateway, scope(method, target, **headers))

    def get_at_once(self, targets: Iterable[str]) -> list[Heard]:
        """What clients are answered that ask at the same moment."""

        async def crowd() -> list[Heard]:
            return await asyncio.gather(*(ask(self.gateway, scope("GET", t)) for t in targets))

        return asyncio.run(crowd())

    def write(self, **fields: Any) -> str:
        """The path of a new post, of which the database has told."""
        body = {"title": "Kept", "body": "Hello.", **fields}
        before = self.cache.state()
        written = self.app.test_client().post("/post", json=body, auth=RICK)
        assert written.status_code == 201, written.text
        wait_until(lambda: _told(self.cache.state()) != _told(before))
        return written.headers["Location"].removeprefix("http://localhost")


@contextmanager
def served(clock: Clock, **given: Any) -> Iterator[Served]:
    """An application with these settings, served."""
    settings = Settings(**given)
    app = create_app(settings, now=clock, checker=checker())
    counting = Counting(app.wsgi_app)
    app.wsgi_app = counting
    cache = create_cache(app, settings)
    made = Served(app, counting, cache, Gateway(app, BOUNDS, cache))
    try:
        # A listener has to be heard first.
        wait_until(lambda: cache.state() is not None)
        yield made
    finally:
        cache.close()
        app.extensions["blog"].database.close()


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that takes a moment."""
    deadline = monotonic() + PATIENCE / 2
    while not holds():
        assert monotonic() < deadline
        sleep(0.01)


def _told(state: Any) -> Any:
    """What of a state comes from the database, and not from the process that writes."""
    number, more = state
    return number if isinstance(more, bytes) else more


def same(one: Heard, other: Heard) -> bool:
    """Whether two answers differ in nothing but the ids of their requests."""
    return (one.status, one.body, _named(one)) == (other.status, other.body, _named(other))


def _named(heard: Heard) -> dict[str, str]:
    return {name: value for name, value in heard.headers.items() if name != "x-request-id"}
