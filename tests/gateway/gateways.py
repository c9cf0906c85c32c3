"""An ASGI server that a test plays: it says what a client sends, and hears what it is answered."""

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
    """What a server says when some of a body has come."""
    return {"type": "http.request", "body": data, "more_body": more}


@dataclass
class Heard:
    """What a client is answered."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.parts)


@dataclass
class Client:
    """A client that says so much, and then nothing more; ``stalls`` when it is sent a body.

    It takes a ``pause``, in seconds, before each thing that it says and hears.
    """

    says: Iterable[dict[str, Any]] = ()
    stalls: bool = False
    pause: float = 0
    heard: Heard = field(default_factory=Heard)

    def __post_init__(self) -> None:
        self._says = iter(self.says)

    async def receive(self) -> dict[str, Any]:
        """What the client says next."""
        await asyncio.sleep(self.pause)
        for message in self._says:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: dict[str, Any]) -> None:
        """Hear a part of the answer."""
        if message["type"] == "http.response.start":
            self.heard.status = message["status"]
            names = [(name.decode().lower(), value.decode()) for name, value in message["headers"]]
            self.heard.headers = dict(names)
            return
        await asyncio.sleep(self.pause)
        if self.stalls:
            await asyncio.Event().wait()
        self.heard.parts.append(message["body"])


def scope(method: str = "GET", target: str = "/", **headers: str) -> dict[str, Any]:
    """A request, as a server announces it."""
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
    """A gateway to an application."""
    return Gateway(application, bounds)


async def ask(
    to: Gateway,
    asked: dict[str, Any],
    says: Iterable[dict[str, Any]] = (),
    **behaviour: Any,
) -> Heard:
    """Send a request and its body; give the answer."""
    client = Client(says, **behaviour)
    await to(asked, client.receive, client.send)
    return client.heard


def asked(*args: Any, **kwargs: Any) -> Heard:
    """The same, outside of any event loop."""
    return asyncio.run(ask(*args, **kwargs))


class Tell:
    """An application that answers with what it was told, one thing at a time."""

    def __init__(self, of: str) -> None:
        self._of = of

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        told = environ.get(self._of, "nothing")
        yield told.read() if self._of == "wsgi.input" else str(told).encode("latin-1")


class Large:
    """An application whose answer is as long as it is told to be."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __call__(self, _: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [])
        return [b"a" * self._length]
