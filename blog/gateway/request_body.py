"""Receiving the body of a request: complete, not too long, and not too slowly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

from werkzeug.exceptions import (
    BadRequest,
    RequestEntityTooLarge,
    RequestTimeout,
    ServiceUnavailable,
)

from blog.http.retry_after import UNAVAILABLE

# The `receive` of ASGI.
Receive = Callable[[], Awaitable[dict[str, Any]]]

MEBIBYTE = 1024 * 1024
# This much of each body does not count towards the limit on all bodies. Most bodies are shorter, so
# clients that send long bodies slowly do not prevent others from writing.
_UNCOUNTED = 65536


class SlowClient(RequestTimeout):
    """Raised for a body that takes too long (RFC 9110 section 15.5.9)."""

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Add that the connection ends: the rest of the body may still arrive."""
        return [*super().get_headers(*args, **kwargs), ("Connection", "close")]


class RequestBodies:
    """The bodies of the requests of a process, in memory until the requests are served."""

    def __init__(self, longest: int, capacity: int, timeout: float) -> None:
        """Accept bodies of up to ``longest`` bytes, which may take ``timeout`` seconds per MiB.

        ``capacity`` limits the bytes of all bodies together, beyond the first 64 KiB of each.
        """
        self._longest = longest
        self._capacity = capacity
        self._timeout = timeout
        self._held = 0

    @asynccontextmanager
    async def receive(self, receive: Receive, discard: bool) -> AsyncIterator[BytesIO]:
        """Receive a whole body and hold it while the context lasts, or discard it.

        Raises RequestEntityTooLarge, SlowClient, ServiceUnavailable when the capacity is exhausted,
        and BadRequest when the client disconnects.
        """
        # The application reads this buffer: a copy would block the event loop.
        buffer = BytesIO()
        try:
            await self._read(receive, None if discard else buffer)
            buffer.seek(0)
            yield buffer
        finally:
            self._held -= _counted_bytes(buffer)

    async def _read(self, receive: Receive, buffer: BytesIO | None) -> None:
        try:
            async with asyncio.timeout(self._timeout) as deadline:
                await self._read_until(deadline, receive, buffer)
        except TimeoutError:
            raise SlowClient("the body was not received in time") from None

    async def _read_until(
        self, deadline: asyncio.Timeout, receive: Receive, buffer: BytesIO | None
    ) -> None:
        begun, length, more = asyncio.get_running_loop().time(), 0, True
        # A body that is too long is read on up to twice the limit: a client that is still sending
        # would not see the response.
        while more and length <= 2 * self._longest:
            chunk, more = await _next_chunk(receive)
            length += len(chunk)
            deadline.reschedule(begun + self._timeout * (1 + length // MEBIBYTE))
            if buffer is not None and length <= self._longest:
                self._append(chunk, buffer)
        if length > self._longest:
            raise RequestEntityTooLarge

    def _append(self, chunk: bytes, buffer: BytesIO) -> None:
        before = _counted_bytes(buffer)
        buffer.write(chunk)
        self._held += _counted_bytes(buffer) - before
        if self._held > self._capacity:
            raise ServiceUnavailable("too many bodies are being sent", retry_after=UNAVAILABLE)


def _counted_bytes(buffer: BytesIO) -> int:
    return max(0, buffer.getbuffer().nbytes - _UNCOUNTED)


async def _next_chunk(receive: Receive) -> tuple[bytes, bool]:
    """The next part of the body, and whether more follow."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise BadRequest("the body is incomplete")
    return message.get("body", b""), message.get("more_body", False)
