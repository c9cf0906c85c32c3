"""Stalled clients: each sends a byte a second and stays connected."""

from __future__ import annotations

import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import perf_counter

import requests

from tests.servers.serving import Server

_HEAD = "GET /post HTTP/1.1\r\nHost: localhost\r\nX-Filler: "
_BODY = (
    "POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    f"Authorization: Basic {b64encode(b'rick:password').decode()}\r\nContent-Length: 100000\r\n\r\n"
)


@contextmanager
def stalled(server: Server, count: int) -> Iterator[None]:
    """Run a number of stalled clients, half of which send headers, and half a body."""
    done = threading.Event()
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(count)]
        for number, client in enumerate(clients):
            client.sendall((_HEAD if number % 2 else _BODY).encode())
        dripping = threading.Thread(target=_drip, args=(clients, done))
        dripping.start()
        try:
            yield
        finally:
            done.set()
            dripping.join()


def _drip(clients: list[socket.socket], done: threading.Event) -> None:
    while not done.wait(1):
        for client in clients:
            # The server may have disconnected a client.
            with suppress(OSError):
                client.send(b" ")


def p99(server: Server, times: int) -> float:
    """The 99th percentile of the response time for another client, in seconds."""
    with requests.Session() as session:
        return sorted(_time(session, server) for _ in range(times))[times * 99 // 100]


def _time(session: requests.Session, server: Server) -> float:
    begun = perf_counter()
    session.get(f"{server.url}/post?limit=1").raise_for_status()
    return perf_counter() - begun
