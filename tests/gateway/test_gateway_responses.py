"""What the gateway does with answers: whole, in parts, in time, and with notice of the end."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from blog.http.application import Application
from tests.gateway.gateways import BOUNDS, Heard, Large, Tell, ask, asked, gateway, scope

POST = {"content_type": "application/json", "authorization": "Basic cmljazpwYXNzd29yZA=="}
CHUNKED = {**POST, "transfer_encoding": "chunked"}
REQUEST = scope("POST", "/post", **CHUNKED)
LARGE = replace(BOUNDS, max_body=2**23, request_bytes=2**23, response_bytes=2**23)


def test_the_oldest_answer_is_given_up_where_there_is_no_room_for_another() -> None:
    async def crowd() -> list[bool]:
        to = gateway(Large(200_000))
        unread = []
        for _ in range(2):
            unread.append(asyncio.create_task(ask(to, scope(), stalls=True)))
            await asyncio.sleep(0.1)
        done = [task.done() for task in unread]
        unread[1].cancel()
        await asyncio.gather(*unread, return_exceptions=True)
        return done

    assert asyncio.run(crowd()) == [True, False]


def test_as_many_answers_are_given_up_as_a_large_one_needs_room_for() -> None:
    async def crowd() -> list[bool]:
        sizes = iter([100_000, 100_000, 100_000, 250_000])
        to = gateway(lambda *request: Large(next(sizes))(*request))
        unread = []
        for _ in range(4):
            unread.append(asyncio.create_task(ask(to, scope(), stalls=True)))
            await asyncio.sleep(0.1)
        done = [task.done() for task in unread]
        unread[3].cancel()
        await asyncio.gather(*unread, return_exceptions=True)
        return done

    assert asyncio.run(crowd()) == [True, True, True, False]


def test_an_answer_that_is_larger_than_all_may_be_together_is_not_sent() -> None:
    assert asked(gateway(Large(300_001)), scope()).parts == []
    assert asked(gateway(Large(300_000)), scope()).body == b"a" * 300_000


def test_those_who_do_not_take_an_answer_are_hung_up_on() -> None:
    async def keep_waiting(clients: list[socket.socket]) -> None:
        to = gateway(Large(70_000), replace(BOUNDS, transfer_timeout=0.05))
        places = [client.getsockname() for client in clients]
        requests = [{**scope(), "client": (host, str(port))} for host, port in places]
        await asyncio.gather(*(ask(to, request, stalls=True) for request in requests))
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
    """An application whose answer is long."""
    start("200 OK", [])
    return [b"a" * 100_000, b"b" * 100_000]


def test_a_long_answer_is_sent_in_parts() -> None:
    heard = asked(gateway(big), scope())

    assert heard.body == b"a" * 100_000 + b"b" * 100_000
    assert max(map(len, heard.parts)) == 65536


def test_an_answer_that_nobody_takes_is_given_up() -> None:
    heard = asked(gateway(big, replace(BOUNDS, transfer_timeout=0.05)), scope(), stalls=True)

    assert (heard.status, heard.parts) == (200, [])


class Closing:
    """An answer that wants to be closed."""

    closed = False

    def __iter__(self) -> Any:
        return iter([b"done"])

    def close(self) -> None:
        self.closed = True


def test_an_answer_is_closed() -> None:
    answer = Closing()

    def application(_: dict[str, Any], start: Callable[..., Any]) -> Closing:
        start("200 OK", [])
        return answer

    asked(gateway(application), scope())

    assert answer.closed


def test_no_answer_says_what_made_it(app: Application) -> None:
    heard = asked(gateway(app), scope())

    assert heard.headers["server"] == "blog"


def test_a_stop_is_announced_to_those_who_go_on_asking() -> None:
    """A process that is told to stop says so on each connection before it tells its server."""
    told: list[str] = []

    async def stop(to: Any) -> Heard:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGINT, lambda: (told.append("server"), stopped.set()))
        life: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        started = asyncio.Event()

        async def hear(_: dict[str, Any]) -> None:
            started.set()

        living = asyncio.create_task(to({"type": "lifespan"}, life.get, hear))
        life.put_nowait({"type": "lifespan.startup"})
        await started.wait()
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0)
        heard = await ask(to, scope())
        await stopped.wait()
        life.put_nowait({"type": "lifespan.shutdown"})
        await living
        return heard

    to = gateway(Tell("REQUEST_METHOD"))
    to.on_stop(lambda: told.append("waiting"))
    to.on_end(lambda: told.append("database"))
    heard = asyncio.run(stop(to))

    assert heard.headers["connection"] == "close"
    assert told == ["waiting", "server", "database"]
