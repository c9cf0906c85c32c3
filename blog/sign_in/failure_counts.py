"""Counts of what has failed within the last minutes, which all processes share.

While they can't be had, each process counts for itself: there is never no limit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from math import ceil
from time import monotonic, time
from typing import TypeVar

from limits import RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage
from limits.strategies import MovingWindowRateLimiter, RateLimiter

from blog.database.session import Session
from blog.storage.failed_sign_ins import Attempts

logger = logging.getLogger("blog.counts")

# Those who sign in would each wait for what is away, so it is not asked again at once.
_PAUSE = 5.0

Result = TypeVar("Result")


class Counts:
    """Moving windows, one for each key, in which only so much may fail."""

    def __init__(
        self, most: int, seconds: int, storage: Storage | None = None, pause: float = _PAUSE
    ) -> None:
        """Count up to so many failures within so many seconds, in the database unless told where.

        ``storage`` is one of the limits library that wraps its exceptions. Once it has failed it
        is left alone for a pause, in seconds.
        """
        self._limit = RateLimitItemPerSecond(most, seconds, "failure")
        self._storage = storage
        self._pause = pause
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._away_until = float("-inf")

    def wait(self, session: Session, keys: Sequence[str], now: datetime) -> int:
        """In how many seconds there is room under all of the keys; 0 where there is now."""

        def longest(limiter: RateLimiter) -> int:
            return max(self._wait(limiter, key, now) for key in keys)

        # What failed while the shared counts could not be written counts on when they can.
        return max(longest(self._own), self._ask(session, keys, now, longest))

    def add(self, session: Session, keys: Sequence[str], now: datetime) -> None:
        """Count a failure under each of some keys, wherever there is room for more."""

        def add_to(limiter: RateLimiter) -> None:
            for key in keys:
                limiter.hit(self._limit, key)

        self._ask(session, keys, now, add_to)

    def _ask(
        self,
        session: Session,
        keys: Sequence[str],
        now: datetime,
        work: Callable[[RateLimiter], Result],
    ) -> Result:
        """What ``work`` makes of the shared counts or, while they are away, of our own."""
        if monotonic() >= self._away_until:
            names = [self._limit.key_for(key) for key in keys]
            shared = self._storage or Attempts(session, names, now)
            try:
                return work(MovingWindowRateLimiter(shared))
            except StorageError as error:
                session.close()
                self._leave_alone(error)
        return work(self._own)

    def _leave_alone(self, error: StorageError) -> None:
        logger.warning(
            "failed sign-ins are counted by each process for itself: %s", error.storage_error
        )
        if monotonic() > self._away_until + self._limit.get_expiry():
            # Nothing in it counts any more, and the library would keep every key for ever.
            self._own = MovingWindowRateLimiter(MemoryStorage())
        self._away_until = monotonic() + self._pause

    def _wait(self, limiter: RateLimiter, key: str, now: datetime) -> int:
        end, room = limiter.get_window_stats(self._limit, key)
        if self._is_ahead(limiter, end):
            limiter.clear(self._limit, key)
            return 0
        # What another machine has counted, by a clock of its own, does not hold for longer.
        seconds = min(ceil(round(end - now.timestamp(), 3)), self._limit.get_expiry())
        return 0 if room > 0 else max(1, seconds)

    def _is_ahead(self, limiter: RateLimiter, end: float) -> bool:
        """Whether all failures of a window have a date that a clock gave which was ahead.

        `Attempts` leaves such out; the storages of the library have the time of this machine, and
        would count them until it comes.
        """
        ahead = end > time() + 2 * self._limit.get_expiry()
        return ahead and not isinstance(limiter.storage, Attempts)
