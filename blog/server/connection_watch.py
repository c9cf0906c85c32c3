"""The watch over a worker's connections: warns when none is free, and closes idle ones at need."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from blog.gateway.sockets import ClientAddress, connections, lowest_free_descriptor, shut_down

logger = logging.getLogger("blog.server")

ASGIApplication = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

# In seconds: the time between two checks, and the least time between two warnings.
_CHECK_INTERVAL = 1.0
_WARNING_INTERVAL = 60.0


class ConnectionWatch:
    """An ASGI application around another one, which knows the clients with a request in progress.

    Granian accepts no connections beyond a limit; new ones wait until others end. When the process
    is out of file descriptors, granian retries to accept without pause, which takes a whole core.
    """

    def __init__(self, application: ASGIApplication, port: int, limit: int) -> None:
        """Watch the connections to a port, of which granian accepts up to ``limit``."""
        self._application = application
        self._port = port
        self._limit = limit
        self._busy: set[ClientAddress] = set()
        self._next_warning = 0.0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve a request, or the lifespan of the process (ASGI 3.0)."""
        if scope["type"] == "lifespan":
            asyncio.get_running_loop().call_soon(self._check_periodically)
            await self._application(scope, receive, send)
            return
        client: ClientAddress = scope["client"]
        self._busy.add(client)
        try:
            await self._application(scope, receive, send)
        finally:
            self._busy.discard(client)

    def _check_periodically(self) -> None:
        self.check()
        asyncio.get_running_loop().call_later(_CHECK_INTERVAL, self._check_periodically)

    def check(self) -> None:
        """Warn if no connection is free; without a file descriptor, close idle connections."""
        free = lowest_free_descriptor()
        if free is None:
            self._warn("no file descriptor is left: connections without a request are closed")
            shut_down(self._is_idle)
        elif free > self._limit and self._count() >= self._limit:
            self._warn("all %d connections are in use: new ones wait", self._limit)

    def _is_idle(self, port: int, client: ClientAddress) -> bool:
        return port == self._port and client not in self._busy

    def _count(self) -> int:
        return sum(port == self._port for _, port, _ in connections())

    def _warn(self, message: str, *args: object) -> None:
        if monotonic() >= self._next_warning:
            logger.warning(message, *args)
            self._next_warning = monotonic() + _WARNING_INTERVAL
