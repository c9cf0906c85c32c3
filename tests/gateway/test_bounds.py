"""The settings that bound connections, threads, bodies and times."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from blog.app import create_gateway
from blog.settings import Settings
from tests.servers.serving import TIMEOUT, serve

REQUEST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


def is_answered(connection: socket.socket, within: float) -> bool:
    """Whether a request on this connection gets a response within some seconds."""
    connection.settimeout(within)
    connection.sendall(REQUEST)
    try:
        return connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    except TimeoutError:
        return False


def test_a_connection_beyond_the_limit_waits_for_another_to_end(tmp_path: Path) -> None:
    with serve(tmp_path, env={"BLOG_CONNECTIONS": "16"}) as server, ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(16)]
        assert all(is_answered(connection, TIMEOUT) for connection in connections)
        late = stack.enter_context(server.connect())
        assert not is_answered(late, 1)
        connections[0].close()

        late.settimeout(TIMEOUT)
        assert late.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("setting", "value", "bound"),
    [
        ("threads", 3, lambda bounds: bounds.threads),
        ("queue_timeout", 0.5, lambda bounds: bounds.queue_timeout),
        ("transfer_timeout", 0.5, lambda bounds: bounds.transfer_timeout),
        ("max_body", 2048, lambda bounds: bounds.max_body),
        ("max_body", 2048, lambda bounds: bounds.request_bytes / 8),
    ],
)
def test_a_setting_is_passed_to_the_gateway(
    database_url: str, setting: str, value: float, bound: Callable[[object], float]
) -> None:
    settings = Settings(database_url=database_url, cache_bytes=0, **{setting: value})
    gateway = create_gateway(settings)
    gateway._application.extensions["blog"].database.close()

    assert bound(gateway._bounds) == value
