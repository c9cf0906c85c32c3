"""Who watches the connections of a worker process, on connections of the test's own."""

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
    """A port, and two connections to it: what clients have of them."""

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
    """A time in which this process can open nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (sockets.lowest_free_descriptor() or 0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def nothing(_scope: object, _receive: object, _send: object) -> None:
    """An application that does nothing until the event loop has been round once."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged for those who run the server."""
    return [record.getMessage() for record in caplog.records if record.name == "blog.server"]


def test_connections_that_are_all_in_use_are_told_once_a_minute(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    watch = ConnectionWatch(nothing, connected.port, 2)
    watch.check()
    watch.check()

    assert said(caplog) == ["all 2 connections are in use: new ones wait"]


def test_connections_that_are_not_all_in_use_are_no_word_worth(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    ConnectionWatch(nothing, connected.port, 3).check()

    assert said(caplog) == []


def test_a_watch_begins_with_the_process(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    watch = ConnectionWatch(nothing, connected.port, 2)
    asyncio.run(watch({"type": "lifespan"}, None, None))

    assert len(said(caplog)) == 1


def test_without_a_descriptor_idle_connections_end_and_no_others(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    async def serve(_scope: dict[str, Any], _receive: object, _send: object) -> None:
        with no_descriptor_left():
            watch.check()

    watch = ConnectionWatch(serve, connected.port, 2)
    host, port = connected.busy.getsockname()
    asyncio.run(watch({"type": "http", "client": (host, str(port))}, None, None))

    assert said(caplog) == ["no file descriptor is left: connections without a request are closed"]
    assert connected.idle.recv(1) == b""
    connected.busy.settimeout(0.1)
    with pytest.raises(TimeoutError):
        connected.busy.recv(1)


def test_connections_are_found_where_the_system_lists_no_descriptors(
    connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listing(_path: str) -> list[str]:
        raise FileNotFoundError

    monkeypatch.setattr(os, "listdir", listing)
    found = [client for _, port, client in sockets.connections() if port == connected.port]

    clients = [client.getsockname() for client in (connected.busy, connected.idle)]
    assert sorted(found) == sorted((host, str(port)) for host, port in clients)
