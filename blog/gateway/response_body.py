"""Handing an answer to its client: in parts, each when those before are taken, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from blog.gateway.request_body import MEBIBYTE
from blog.gateway.sockets import Client, hang_up

# How an ASGI application answers.
Send = Callable[[dict[str, Any]], Awaitable[None]]

# In seconds.
_PAUSE = 0.5
# What is longer is sent in parts.
_PART = 65536


class Outbox:
    """Where answers are until their clients have taken them; it holds so many bytes in all."""

    def __init__(self, capacity: int, patience: float) -> None:
        """Hold so many bytes, for each MiB of which a client has so many seconds."""
        self._capacity = capacity
        self._patience = patience
        self._held = 0
        # The deadlines and the bytes of what is being sent, the oldest first.
        self._deadlines: dict[asyncio.Timeout, int] = {}
        self._overdue: set[Client] = set()

    async def send(self, body: bytes, send: Send, client: Client) -> None:
        """Send the body of an answer, or hang up on a client that does not take it in time.

        Where there is too much on its way, those which have taken longest are out of time; an
        answer that is larger than all may be together is not sent at all.
        """
        if len(body) <= _PART:
            await send(_part(body, more=False))
            return
        if len(body) > self._capacity:
            self.hang_up_on(client)
            return
        deadline = asyncio.timeout(self._patience * (1 + len(body) // MEBIBYTE))
        self._make_room(len(body))
        try:
            async with deadline:
                self._held += len(body)
                self._deadlines[deadline] = len(body)
                await _send_parts(body, send)
        except TimeoutError:
            self.hang_up_on(client)
        finally:
            self._release(deadline)

    def hang_up_on(self, client: Client) -> None:
        """End a connection soon, and others with it: to find one, all have to be looked at."""
        if not self._overdue:
            asyncio.get_running_loop().call_later(_PAUSE, self._hang_up)
        self._overdue.add(client)

    def _hang_up(self) -> None:
        hang_up(lambda _port, client: client in self._overdue)
        self._overdue.clear()

    def _make_room(self, size: int) -> None:
        while self._held + size > self._capacity:
            oldest = next(iter(self._deadlines))
            self._release(oldest)
            oldest.reschedule(0)

    def _release(self, deadline: asyncio.Timeout) -> None:
        self._held -= self._deadlines.pop(deadline, 0)


async def _send_parts(body: bytes, send: Send) -> None:
    for start in range(0, len(body), _PART):
        more = start + _PART < len(body)
        await send(_part(body[start : start + _PART], more))


def _part(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}
