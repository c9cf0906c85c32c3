"""Detecting that a database has changed, without reading it again."""

from __future__ import annotations

import os
from collections.abc import Hashable
from typing import Protocol

TOKEN_BYTES = 8


class ChangeDetector(Protocol):
    """Tells the states of a database apart. Several threads may use it at once."""

    def state(self) -> Hashable | None:
        """A value that differs once anything that readers see has changed; None if unknown.

        It covers every write that this node has acknowledged.
        """

    def close(self) -> None:
        """Close the connection. The state is unknown from now on."""


class ChangeToken:
    """Random bytes in memory that all processes of a node share, renewed after each write.

    Unlike a counter, random bytes need no lock, which a process that is killed would leave behind.
    """

    def __init__(self) -> None:
        self._memory = memoryview(bytearray(TOKEN_BYTES))

    def share(self, memory: memoryview) -> None:
        """Use this memory, which other processes use too."""
        self._memory = memory

    def renew(self) -> None:
        """Record that something was written."""
        self._memory[:] = os.urandom(TOKEN_BYTES)

    def value(self) -> bytes:
        """The present value."""
        return bytes(self._memory)
