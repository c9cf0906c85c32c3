"""An ASGI server for tests: it sends requests to a gateway and receives the responses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from blog.gateway.gateway import Bounds, Gateway

BOUNDS = Bounds(
    threads=2,
    max_body=100_000,
    request_bytes=50_000,
    response_bytes=300_000,
    queue_timeout=60,
    transfer_timeout=60,
)
GONE = {"type": "http.disconnect"}


def part(data: bytes, more: bool = True) -> dict[str, Any]:
    """The message of a server for a part of a body."""
    return {"type": "http.request", "body": data, "more_body": more}


@dataclass
class Received:
    """A response, as a client received it."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.parts)


@dataclass
class Client:
    """A client that sends these messages and then nothing; it may stall when it is sent a body.

    It pauses for some seconds before it sends or receives each message.
    """

    sends: Iterable[dict[str, Any]] = ()
    stalls: bool = False
    pause: float = 0
    received: Received = field(default_factory=Received)

    def __post_init__(self) -> None:
        self._messages = iter(self.sends)

    async def receive(self) -> dict[str, Any]:
        """The next message of the client."""
        await asyncio.sleep(self.pause)
        for message in self._messages:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: dict[str, Any]) -> None:
        """Receive a part of the response."""
        if message["type"] == "http.response.start":
            self.received.status = message["status"]
            names = [(name.decode().lower(), value.decode()) for name, value in message["headers"]]
            self.received.headers = dict(names)
            return
        await asyncio.sleep(self.pause)
        if self.stalls:
            await asyncio.Event().wait()
        self.received.parts.append(message["body"])


def scope(method: str = "GET", target: str = "/", **headers: str) -> dict[str, Any]:
    """The ASGI scope of a request."""
    path, _, query = target.partition("?")
    named = [(name.replace("_", "-").lower().encode(), v.encode()) for name, v in headers.items()]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "server": ("127.0.0.1", "5000"),
        "client": ("192.0.2.1", "40000"),
        "headers": [(b"host", b"localhost"), *named],
    }


def gateway(application: Any, bounds: Bounds = BOUNDS) -> Gateway:
    """A gateway in front of an application."""
    return Gateway(application, bounds)


async def fetch_async(
    to: Gateway,
    request: dict[str, Any],
    sends: Iterable[dict[str, Any]] = (),
    **behaviour: Any,
) -> Received:
    """Send a request and its body, and return the response."""
    client = Client(sends, **behaviour)
    await to(request, client.receive, client.send)
    return client.received


def fetch(*args: Any, **kwargs: Any) -> Received:
    """Send a request and its body, and return the response, outside of an event loop."""
    return asyncio.run(fetch_async(*args, **kwargs))


class Echo:
    """An application that responds with one value of its environ."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        value = environ.get(self._key, "nothing")
        yield value.read() if self._key == "wsgi.input" else str(value).encode("latin-1")


class Large:
    """An application whose response has a given length."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __call__(self, _: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [])
        return [b"a" * self._length]
