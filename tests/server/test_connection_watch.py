"""The connection watch, on connections of the test's own process."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import pytest

from blog.gateway import sockets
from blog.server.connection_watch import ConnectionWatch


class Connected(NamedTuple):
    """A port, and the client's ends of two connections to it."""

    port: int
    busy: socket.socket
    idle: socket.socket


@pytest.fixture
def connected() -> Iterator[Connected]:
    """Two clients, connected to this process."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        clients = []
        for _ in range(2):
            address = listener.getsockname()
            client = stack.enter_context(socket.create_connection(address, timeout=10))
            stack.enter_context(listener.accept()[0])
            clients.append(client)
        yield Connected(listener.getsockname()[1], *clients)


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Let this process open no more files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (sockets.lowest_free_descriptor() or 0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def nothing(_scope: object, _receive: object, _send: object) -> None:
    """An application that does nothing for two turns of the event loop."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The messages that were logged."""
    return [record.getMessage() for record in caplog.records if record.name == "blog.server"]


def test_a_warning_that_all_connections_are_in_use_is_logged_once_a_minute(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    watch = ConnectionWatch(nothing, connected.port, 2)
    watch.check()
    watch.check()

    assert logged(caplog) == ["all 2 connections are in use: new ones wait"]


def test_free_connections_are_not_worth_a_warning(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    ConnectionWatch(nothing, connected.port, 3).check()

    assert logged(caplog) == []


def test_the_watch_starts_with_the_lifespan(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    watch = ConnectionWatch(nothing, connected.port, 2)
    asyncio.run(watch({"type": "lifespan"}, None, None))

    assert len(logged(caplog)) == 1


def test_without_a_descriptor_only_idle_connections_are_shut_down(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    async def serve(_scope: dict[str, Any], _receive: object, _send: object) -> None:
        with no_descriptor_left():
            watch.check()

    watch = ConnectionWatch(serve, connected.port, 2)
    host, port = connected.busy.getsockname()
    asyncio.run(watch({"type": "http", "client": (host, str(port))}, None, None))

    assert logged(caplog) == [
        "no file descriptor is left: connections without a request are closed"
    ]
    assert connected.idle.recv(1) == b""
    connected.busy.settimeout(0.1)
    with pytest.raises(TimeoutError):
        connected.busy.recv(1)


def test_connections_are_found_where_descriptors_are_not_listed(
    connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listing(_path: str) -> list[str]:
        raise FileNotFoundError

    monkeypatch.setattr(os, "listdir", listing)
    found = [client for _, port, client in sockets.connections() if port == connected.port]

    clients = [client.getsockname() for client in (connected.busy, connected.idle)]
    assert sorted(found) == sorted((host, str(port)) for host, port in clients)
