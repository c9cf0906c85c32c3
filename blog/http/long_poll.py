"""Long polling: a read that waits for news, as `Prefer: wait` asks (RFC 7240 section 4.3)."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Semaphore
from time import monotonic
from typing import TypeVar

from blog.http.preferences import preferences
from blog.http.request import current_request

MAX_SECONDS = 30
# The interval between two reads, in seconds.
_INTERVAL = 0.25

Found = TypeVar("Found")


class LongPoll:
    """Lets a limited number of requests wait; each of them occupies a thread."""

    def __init__(self, limit: int) -> None:
        """Let ``limit`` requests wait at a time."""
        self._waiting = Semaphore(limit)
        self._closed = Event()

    def wait_for(self, read: Callable[[], Found], is_news: Callable[[Found], bool]) -> Found:
        """The first result of ``read`` that is news, or the last one when the client's time is up.

        Where too many requests wait already, the result is returned at once.
        """
        found, seconds = read(), _requested_seconds()
        if is_news(found) or not seconds or not self._waiting.acquire(blocking=False):
            return found
        try:
            request = current_request()
            request.preferences_applied = [f"wait={seconds}"]
            # A read that is repeated after an interruption has the same deadline.
            request.wait_until = request.wait_until or monotonic() + seconds
            return self._read_until(request.wait_until, read, is_news)
        finally:
            self._waiting.release()

    def close(self) -> None:
        """End all waiting, because the process has to stop."""
        self._closed.set()

    def _read_until(
        self, deadline: float, read: Callable[[], Found], is_news: Callable[[Found], bool]
    ) -> Found:
        while True:
            is_closed = self._closed.wait(min(_INTERVAL, deadline - monotonic()))
            found = read()
            if is_news(found) or is_closed or monotonic() >= deadline:
                return found


def _requested_seconds() -> int:
    """The seconds that the client wants to wait, up to the maximum; 0 for none."""
    text = preferences().get("wait", "")
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    return min(int(text), MAX_SECONDS) if is_number else 0
