"""How the gateway sends responses: whole or in parts, in time, and until it is stopped."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from blog.http.application import Application
from tests.gateway.gateways import (
    BOUNDS,
    Echo,
    Large,
    Received,
    fetch,
    fetch_async,
    gateway,
    scope,
)


def given_up(sizes: Sequence[int]) -> list[bool]:
    """Which of the responses of these sizes are given up, when no client takes any of them."""

    async def request_all() -> list[bool]:
        remaining = iter(sizes)
        to = gateway(lambda *request: Large(next(remaining))(*request))
        unread = []
        for _ in sizes:
            unread.append(asyncio.create_task(fetch_async(to, scope(), stalls=True)))
            await asyncio.sleep(0.1)
        done = [task.done() for task in unread]
        for task in unread:
            task.cancel()
        await asyncio.gather(*unread, return_exceptions=True)
        return done

    return asyncio.run(request_all())


def test_the_oldest_response_is_given_up_when_the_capacity_is_exhausted() -> None:
    assert given_up([200_000, 200_000]) == [True, False]


def test_several_responses_are_given_up_for_a_large_one() -> None:
    assert given_up([100_000, 100_000, 100_000, 250_000]) == [True, True, True, False]


def test_a_response_beyond_the_whole_capacity_is_not_sent() -> None:
    assert fetch(gateway(Large(300_001)), scope()).parts == []
    assert fetch(gateway(Large(300_000)), scope()).body == b"a" * 300_000


@pytest.mark.slow
def test_clients_that_do_not_take_a_response_are_disconnected() -> None:
    async def keep_waiting(clients: list[socket.socket]) -> None:
        to = gateway(Large(70_000), replace(BOUNDS, transfer_timeout=0.05))
        places = [client.getsockname() for client in clients]
        requests = [{**scope(), "client": (host, str(port))} for host, port in places]
        await asyncio.gather(*(fetch_async(to, request, stalls=True) for request in requests))
        await asyncio.sleep(1)

    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        clients = []
        for _ in range(2):
            address = listener.getsockname()
            clients.append(stack.enter_context(socket.create_connection(address)))
            stack.enter_context(listener.accept()[0])
        asyncio.run(keep_waiting(clients))

        assert [client.recv(1) for client in clients] == [b"", b""]


def big(_: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    """An application with a long response."""
    start("200 OK", [])
    return [b"a" * 100_000, b"b" * 100_000]


def test_a_long_response_is_sent_in_parts() -> None:
    received = fetch(gateway(big), scope())

    assert received.body == b"a" * 100_000 + b"b" * 100_000
    assert max(map(len, received.parts)) == 65536


def test_a_response_that_is_not_taken_is_given_up() -> None:
    received = fetch(gateway(big, replace(BOUNDS, transfer_timeout=0.05)), scope(), stalls=True)

    assert (received.status, received.parts) == (200, [])


class Closing:
    """An iterable of a response body, with a method to close it."""

    closed = False

    def __iter__(self) -> Any:
        return iter([b"done"])

    def close(self) -> None:
        self.closed = True


def test_the_iterable_of_a_body_is_closed() -> None:
    body = Closing()

    def application(_: dict[str, Any], start: Callable[..., Any]) -> Closing:
        start("200 OK", [])
        return body

    fetch(gateway(application), scope())

    assert body.closed


def test_a_response_does_not_name_the_server_software(app: Application) -> None:
    received = fetch(gateway(app), scope())

    assert received.headers["server"] == "blog"


def test_keep_alive_clients_get_connection_close_before_the_server_stops() -> None:
    """The grace period is between SIGTERM, which stops waiting requests, and the server's end."""
    called: list[str] = []

    async def stop(to: Any) -> Received:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGINT, lambda: (called.append("server"), stopped.set()))
        life: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        started = asyncio.Event()

        async def note(_: dict[str, Any]) -> None:
            started.set()

        living = asyncio.create_task(to({"type": "lifespan"}, life.get, note))
        life.put_nowait({"type": "lifespan.startup"})
        await started.wait()
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0)
        received = await fetch_async(to, scope())
        await stopped.wait()
        life.put_nowait({"type": "lifespan.shutdown"})
        await living
        return received

    to = gateway(Echo("REQUEST_METHOD"))
    to.on_stop(lambda: called.append("waiting"))
    to.on_end(lambda: called.append("database"))
    received = asyncio.run(stop(to))

    assert received.headers["connection"] == "close"
    assert called == ["waiting", "server", "database"]
