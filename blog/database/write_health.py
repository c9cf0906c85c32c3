"""Whether writes succeed, as this process last found."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

logger = logging.getLogger("blog.storage")

# How long, in seconds, a failed write counts if no other write follows. A server that reports
# itself as failing is sent no writes, so it would never recover otherwise.
_FAILURE_SECONDS = 60


class WriteHealth:
    """The outcome of the last write. Several threads may use it at once."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._last: tuple[float, str] | None = None
        self._reported: str | None = None
        self._observer: Callable[[int], object] = lambda _failing: None

    def observe(self, observer: Callable[[int], object]) -> None:
        """Call ``observer`` with 1 whenever writes are found to fail, and with 0 otherwise."""
        self._observer = observer

    def record_failure(self, reason: str) -> None:
        """Record that the database refused a write."""
        self._last = self._clock(), reason
        self.report(reason)

    def record_success(self) -> None:
        """Record that a write was committed."""
        self._last = None
        self.report(None)

    def recent_failure(self) -> str | None:
        """Why the last write failed; None if it succeeded, or failed too long ago."""
        last = self._last
        return last[1] if last and self._clock() < last[0] + _FAILURE_SECONDS else None

    def report(self, failure: str | None) -> None:
        """Pass on why writes fail, or None, to the observer and, if it is news, to the log."""
        self._observer(int(failure is not None))
        if (failure is None) != (self._reported is None):
            if failure:
                logger.warning("writes fail, reads work: %s", failure)
            else:
                logger.warning("writes succeed again")
        self._reported = failure
