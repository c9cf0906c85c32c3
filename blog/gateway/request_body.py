"""Taking the body of a request from its client: whole, not too long, and not too slowly."""

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

# How an ASGI application is told what the client sends.
Receive = Callable[[], Awaitable[dict[str, Any]]]

MEBIBYTE = 1024 * 1024
# The beginning of a body that is always kept: all of most, so that those who send much, and slowly,
# keep no one else from writing.
_BEGINNING = 65536
_RETRY_SECONDS = 5


class SlowClient(RequestTimeout):
    """Raised for a body that takes too long (RFC 9110 section 15.5.9)."""

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Add that the connection ends: the rest of the body may still come."""
        return [*super().get_headers(*args, **kwargs), ("Connection", "close")]


class Intake:
    """Where bodies are while they come and until they are answered."""

    def __init__(self, longest: int, capacity: int, patience: float) -> None:
        """Take bodies of ``longest`` bytes, for each MiB of which a client has so many seconds.

        ``capacity`` is for what is beyond the first 64 KiB of each; so many bytes in all.
        """
        self._longest = longest
        self._capacity = capacity
        self._patience = patience
        self._held = 0

    @asynccontextmanager
    async def body(self, receive: Receive, wanted: bool) -> AsyncIterator[BytesIO]:
        """The whole body, kept as long as the context lasts; nothing of one that is not wanted.

        Raises RequestEntityTooLarge, SlowClient, ServiceUnavailable when too many bodies are here
        already, and BadRequest when the client has gone.
        """
        # It is handed over without a copy, which would block the event loop.
        kept = BytesIO()
        try:
            await self._read(receive, kept if wanted else None)
            kept.seek(0)
            yield kept
        finally:
            self._held -= _counted(kept)

    async def _read(self, receive: Receive, kept: BytesIO | None) -> None:
        try:
            async with asyncio.timeout(self._patience) as deadline:
                await self._read_until(deadline, receive, kept)
        except TimeoutError:
            raise SlowClient("the body takes too long to come") from None

    async def _read_until(
        self, deadline: asyncio.Timeout, receive: Receive, kept: BytesIO | None
    ) -> None:
        begun, length, more = asyncio.get_running_loop().time(), 0, True
        # What is too long is read on for a while: who still sends would not see the answer.
        while more and length <= 2 * self._longest:
            chunk, more = await _next_chunk(receive)
            length += len(chunk)
            deadline.reschedule(begun + self._patience * (1 + length // MEBIBYTE))
            if kept is not None and length <= self._longest:
                self._keep(chunk, kept)
        if length > self._longest:
            raise RequestEntityTooLarge

    def _keep(self, chunk: bytes, kept: BytesIO) -> None:
        before = _counted(kept)
        kept.write(chunk)
        self._held += _counted(kept) - before
        if self._held > self._capacity:
            raise ServiceUnavailable("too much is being sent at once", retry_after=_RETRY_SECONDS)


def _counted(kept: BytesIO) -> int:
    return max(0, kept.getbuffer().nbytes - _BEGINNING)


async def _next_chunk(receive: Receive) -> tuple[bytes, bool]:
    """What has come, and whether there is more."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise BadRequest("the body ends before it is whole")
    return message.get("body", b""), message.get("more_body", False)
