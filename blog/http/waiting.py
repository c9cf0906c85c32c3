"""Waiting for something to tell (RFC 7240 section 4.3), without keeping others from the server."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from select import select
from threading import Semaphore
from time import monotonic
from typing import TypeVar

from flask import g

from blog.http.preferences import preferences

LONGEST = 30
# How long, in seconds, until another look.
_PAUSE = 0.25

# The two ends of a pipe into which a signal to this process is written, where it listens for some.
_signals: list[socket.socket] = []

Found = TypeVar("Found")


class WaitingRoom:
    """Where requests wait that would rather be answered later; there are so many places."""

    def __init__(self, places: int) -> None:
        self._places = Semaphore(places)

    def wait_for(self, look: Callable[[], Found], is_news: Callable[[Found], bool]) -> Found:
        """What a look finds: once it is news, or when the client will wait no longer.

        Where all places are taken the answer is given at once, as to any other client.
        """
        found, seconds = look(), _patience()
        if is_news(found) or not seconds or not self._places.acquire(blocking=False):
            return found
        try:
            g.preferences_applied = [f"wait={seconds}"]
            # A read that begins anew, as the database was lost, does not wait anew.
            deadline = g.setdefault("wait_until", monotonic() + seconds)
            return _look_until(deadline, look, is_news)
        finally:
            self._places.release()


def _look_until(
    deadline: float, look: Callable[[], Found], is_news: Callable[[Found], bool]
) -> Found:
    while True:
        told_to_stop = _pause(min(_PAUSE, deadline - monotonic()))
        found = look()
        if is_news(found) or told_to_stop or monotonic() >= deadline:
            return found


def listen_for_signals() -> None:
    """Keep nobody waiting once this process is told to stop; called by its main thread."""
    reader, writer = socket.socketpair()
    # Whoever handles a signal must not wait.
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno())
    _signals[:] = [reader, writer]


def _pause(seconds: float) -> bool:
    """Wait; give whether there was a signal."""
    # Nobody reads what is written there, so all who wait see it.
    readable, _, _ = select(_signals[:1], [], [], max(0.0, seconds))
    return bool(readable)


def _patience() -> int:
    """How many seconds the client will wait, at most as many as we let it."""
    text = preferences().get("wait", "")
    return min(int(text), LONGEST) if text.isascii() and text.isdigit() and len(text) < 10 else 0
