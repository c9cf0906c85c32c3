"""Noticing that a worker process has no room for more connections, and making some."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from blog.gateway.sockets import ClientAddress, connections, lowest_free_descriptor, shut_down

logger = logging.getLogger("blog.server")

Served = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

# How often it looks, and how often at most it says what it has found, in seconds.
_PERIOD = 1.0
_SILENCE = 60.0


class ConnectionWatch:
    """An ASGI application around another one, which knows who is being served.

    The server accepts no connection beyond those it may have; new ones wait for another to end.
    Without a file descriptor it would try to accept again and again, with all of a core.
    """

    def __init__(self, served: Served, port: int, most: int) -> None:
        """Watch the connections to a port, of which there are ``most`` at the most."""
        self._served = served
        self._port = port
        self._most = most
        self._under_way: set[ClientAddress] = set()
        self._next_word = 0.0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve a request, or the life of the process (ASGI 3.0)."""
        if scope["type"] == "lifespan":
            asyncio.get_running_loop().call_soon(self._look_again_and_again)
            await self._served(scope, receive, send)
            return
        client: ClientAddress = scope["client"]
        self._under_way.add(client)
        try:
            await self._served(scope, receive, send)
        finally:
            self._under_way.discard(client)

    def _look_again_and_again(self) -> None:
        self.look()
        asyncio.get_running_loop().call_later(_PERIOD, self._look_again_and_again)

    def look(self) -> None:
        """Say so where no more clients can be served; hang up on idle ones to free descriptors."""
        free = lowest_free_descriptor()
        if free is None:
            self._warn("no file descriptor is left: connections without a request are closed")
            shut_down(self._is_idle)
        elif free > self._most and self._count() >= self._most:
            self._warn("all %d connections are in use: new ones wait", self._most)

    def _is_idle(self, port: int, client: ClientAddress) -> bool:
        return port == self._port and client not in self._under_way

    def _count(self) -> int:
        return sum(port == self._port for _, port, _ in connections())

    def _warn(self, message: str, *values: object) -> None:
        if monotonic() >= self._next_word:
            logger.warning(message, *values)
            self._next_word = monotonic() + _SILENCE
