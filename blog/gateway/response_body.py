"""Sending a response body in parts, at the pace of the client, within a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from blog.gateway.request_body import MEBIBYTE
from blog.gateway.sockets import ClientAddress, shut_down

# The `send` of ASGI.
Send = Callable[[dict[str, Any]], Awaitable[None]]

# Seconds in which slow clients are collected, to end their connections together.
_COLLECT_SECONDS = 0.5
# Longer bodies are sent in parts of this many bytes.
_PART_BYTES = 65536


class ResponseSender:
    """Sends response bodies, within a limit on the bytes that are being sent at once."""

    def __init__(self, capacity: int, timeout: float) -> None:
        """Send up to ``capacity`` bytes at once; a client has ``timeout`` seconds for each MiB."""
        self._capacity = capacity
        self._timeout = timeout
        self._held = 0
        # The deadlines of the bodies that are being sent, and their lengths, the oldest first.
        self._deadlines: dict[asyncio.Timeout, int] = {}
        self._too_slow: set[ClientAddress] = set()

    async def send(self, body: bytes, send: Send, client: ClientAddress) -> None:
        """Send the body of a response; disconnect a client that does not take it in time.

        If the capacity is exhausted, the oldest responses are given up. A body that is larger than
        the capacity is not sent at all.
        """
        if len(body) <= _PART_BYTES:
            await send(_part(body, more=False))
            return
        if len(body) > self._capacity:
            self.disconnect(client)
            return
        deadline = asyncio.timeout(self._timeout * (1 + len(body) // MEBIBYTE))
        self._make_room(len(body))
        try:
            async with deadline:
                self._held += len(body)
                self._deadlines[deadline] = len(body)
                await _send_parts(body, send)
        except TimeoutError:
            self.disconnect(client)
        finally:
            self._release(deadline)

    def disconnect(self, client: ClientAddress) -> None:
        """End a connection soon, together with others: finding one means going through all."""
        if not self._too_slow:
            asyncio.get_running_loop().call_later(_COLLECT_SECONDS, self._disconnect_all)
        self._too_slow.add(client)

    def _disconnect_all(self) -> None:
        shut_down(lambda _port, client: client in self._too_slow)
        self._too_slow.clear()

    def _make_room(self, size: int) -> None:
        while self._held + size > self._capacity:
            oldest = next(iter(self._deadlines))
            self._release(oldest)
            oldest.reschedule(0)

    def _release(self, deadline: asyncio.Timeout) -> None:
        self._held -= self._deadlines.pop(deadline, 0)


async def _send_parts(body: bytes, send: Send) -> None:
    for start in range(0, len(body), _PART_BYTES):
        more = start + _PART_BYTES < len(body)
        await send(_part(body[start : start + _PART_BYTES], more))


def _part(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}
