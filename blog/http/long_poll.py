"""Waiting for something to tell (RFC 7240 section 4.3), without keeping others from the server."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Semaphore
from time import monotonic
from typing import TypeVar

from blog.http.preferences import preferences
from blog.http.request import current_request

LONGEST = 30
# How long, in seconds, until another look.
_PAUSE = 0.25

Found = TypeVar("Found")


class WaitingRoom:
    """Where requests wait that would rather be answered later; there are so many places."""

    def __init__(self, places: int) -> None:
        self._places = Semaphore(places)
        self._closed = Event()

    def wait_for(self, look: Callable[[], Found], is_news: Callable[[Found], bool]) -> Found:
        """What a look finds: once it is news, or when the client will wait no longer.

        Where all places are taken the answer is given at once, as to any other client.
        """
        found, seconds = look(), _patience()
        if is_news(found) or not seconds or not self._places.acquire(blocking=False):
            return found
        try:
            request = current_request()
            request.preferences_applied = [f"wait={seconds}"]
            # A read that begins anew, as the database was lost, does not wait anew.
            request.wait_until = request.wait_until or monotonic() + seconds
            return self._look_until(request.wait_until, look, is_news)
        finally:
            self._places.release()

    def close(self) -> None:
        """Keep nobody waiting any more, as the process is told to stop."""
        self._closed.set()

    def _look_until(
        self, deadline: float, look: Callable[[], Found], is_news: Callable[[Found], bool]
    ) -> Found:
        while True:
            told_to_stop = self._closed.wait(min(_PAUSE, deadline - monotonic()))
            found = look()
            if is_news(found) or told_to_stop or monotonic() >= deadline:
                return found


def _patience() -> int:
    """How many seconds the client will wait, at most as many as we let it."""
    text = preferences().get("wait", "")
    return min(int(text), LONGEST) if text.isascii() and text.isdigit() and len(text) < 10 else 0
