"""Whether the database takes writes, as those of this process found and what looks at it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

logger = logging.getLogger("blog.storage")

# How long, in seconds, a failed write counts while there is no other one: a server that is sent
# none, since it says that they fail, would say so for ever.
_MEMORY = 60


class WriteHealth:
    """What became of the last write; for several threads."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._last: tuple[float, str] | None = None
        self._told: str | None = None
        self._observer: Callable[[int], object] = lambda _failing: None

    def observe(self, observer: Callable[[int], object]) -> None:
        """Call this from now on with 1 where writes are found to fail, and else with 0."""
        self._observer = observer

    def failed(self, reason: str) -> None:
        """Note that a write failed since the database can't be written."""
        self._last = self._clock(), reason
        self.tell(reason)

    def succeeded(self) -> None:
        """Note that a write was committed."""
        self._last = None
        self.tell(None)

    def failure(self) -> str | None:
        """Why the last write failed; None where it did not, or a while ago."""
        last = self._last
        return last[1] if last and self._clock() < last[0] + _MEMORY else None

    def tell(self, failure: str | None) -> None:
        """Tell the observer, and the log when it is news, why writes fail, or that they do not."""
        self._observer(int(failure is not None))
        if (failure is None) != (self._told is None):
            if failure:
                logger.warning("writes fail, reads work: %s", failure)
            else:
                logger.warning("writes succeed again")
        self._told = failure
