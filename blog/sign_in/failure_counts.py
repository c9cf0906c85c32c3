"""Counts of the sign-ins that failed within the last minutes, shared by all processes.

While the shared counts are unavailable each process counts for itself, so that a limit always
holds.
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

# Each sign-in would wait for a timeout, so a failed storage is left alone for these seconds.
_PAUSE = 5.0

Result = TypeVar("Result")


class FailureCounts:
    """Moving windows, one for each key, with at most a number of failures each."""

    def __init__(
        self, limit: int, seconds: int, storage: Storage | None = None, pause: float = _PAUSE
    ) -> None:
        """Allow ``limit`` failures within ``seconds``, counted in the database or in ``storage``.

        ``storage`` is one of the limits library that wraps its exceptions. After it has failed it
        is not used for ``pause`` seconds.
        """
        self._limit = RateLimitItemPerSecond(limit, seconds, "failure")
        self._storage = storage
        self._pause = pause
        self._local = MovingWindowRateLimiter(MemoryStorage())
        self._unavailable_until = float("-inf")

    def wait(self, session: Session, keys: Sequence[str], now: datetime) -> int:
        """In how many seconds all keys are below the limit; 0 where they are now."""

        def longest(limiter: RateLimiter) -> int:
            return max(self._wait(limiter, key, now) for key in keys)

        # Failures that were counted locally still count when the storage is available again.
        return max(longest(self._local), self._use(session, keys, now, longest))

    def add(self, session: Session, keys: Sequence[str], now: datetime) -> None:
        """Count a failure under each key that is below the limit."""

        def add_to(limiter: RateLimiter) -> None:
            for key in keys:
                limiter.hit(self._limit, key)

        self._use(session, keys, now, add_to)

    def _use(
        self,
        session: Session,
        keys: Sequence[str],
        now: datetime,
        work: Callable[[RateLimiter], Result],
    ) -> Result:
        """Call ``work`` with the shared counts or, while these are unavailable, the local ones."""
        if monotonic() >= self._unavailable_until:
            names = [self._limit.key_for(key) for key in keys]
            shared = self._storage or Attempts(session, names, now)
            try:
                return work(MovingWindowRateLimiter(shared))
            except StorageError as error:
                session.close()
                self._pause_after(error)
        return work(self._local)

    def _pause_after(self, error: StorageError) -> None:
        logger.warning(
            "failed sign-ins are counted by each process for itself: %s", error.storage_error
        )
        if monotonic() > self._unavailable_until + self._limit.get_expiry():
            # All local failures have expired, and the library would never remove their keys.
            self._local = MovingWindowRateLimiter(MemoryStorage())
        self._unavailable_until = monotonic() + self._pause

    def _wait(self, limiter: RateLimiter, key: str, now: datetime) -> int:
        end, remaining = limiter.get_window_stats(self._limit, key)
        if self._is_ahead(limiter, end):
            limiter.clear(self._limit, key)
            return 0
        # Another machine's clock may be ahead; its failures count for no longer than ours.
        seconds = min(ceil(round(end - now.timestamp(), 3)), self._limit.get_expiry())
        return 0 if remaining > 0 else max(1, seconds)

    def _is_ahead(self, limiter: RateLimiter, end: float) -> bool:
        """Whether every failure of a window was dated by a clock that was ahead.

        `Attempts` skips such failures. The library's storages use the clock of this machine, and
        would count them until that time.
        """
        ahead = end > time() + 2 * self._limit.get_expiry()
        return ahead and not isinstance(limiter.storage, Attempts)
